#include "firmware/feeds/certified_products.h"

#include "firmware/feeds/field.h"

namespace acb::feeds {

const std::vector<std::string>& CertifiedProductColumns() {
  static const std::vector<std::string> kColumns = {"model", "firmware", "firmware_sha256", "from",
                                                    "to"};
  return kColumns;
}

Result<CertifiedProduct> ParseCertifiedProduct(const CsvRow& row) {
  constexpr std::size_t kMaxText = 64;  // as the model of a device
  auto model = TextField(row, "model", 1, kMaxText);
  if (!model) return std::move(model).error();
  auto firmware = TextField(row, "firmware", 1, kMaxText);
  if (!firmware) return std::move(firmware).error();
  // R-SEC3-73: an entry without a good hash is no entry.
  const auto hash = Sha256Field(row, "firmware_sha256");
  if (!hash) return hash.error();
  const auto from = TimeField(row, "from");
  if (!from) return from.error();
  const auto to = EndField(row, "to", *from);
  if (!to) return to.error();
  return CertifiedProduct{*std::move(model), *std::move(firmware), *hash, *from, *to};
}

}  // namespace acb::feeds
