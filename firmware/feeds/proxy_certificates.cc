#include "firmware/feeds/proxy_certificates.h"

#include "firmware/feeds/field.h"

namespace acb::feeds {

const std::vector<std::string>& ProxyCertificateColumns() {
  static const std::vector<std::string> kColumns = {"device_id", "source", "owner", "certificate"};
  return kColumns;
}

Result<ProxyCertificate> ParseProxyCertificate(const CsvRow& row) {
  constexpr std::size_t kMaxCertificate = 128;  // a serial number or a SHA-256 in hex
  const auto device = EuiField(row, "device_id");
  if (!device) return device.error();
  const auto source = ProxySourceFromName(row.Get("source"));
  if (!source) return Rejected("source", "DSP or S1SP", row.Get("source"));
  const auto owner = EuiField(row, "owner");
  if (!owner) return owner.error();
  auto certificate = TextField(row, "certificate", 1, kMaxCertificate);
  if (!certificate) return std::move(certificate).error();
  return ProxyCertificate{*device, *source, *owner, *std::move(certificate)};
}

}  // namespace acb::feeds
