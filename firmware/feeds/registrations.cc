#include "firmware/feeds/registrations.h"

#include "firmware/feeds/field.h"

namespace acb::feeds {
namespace {

Result<std::string> OptionalPartyField(const CsvRow& row, std::string_view column) {
  if (row.Get(column).empty()) return std::string();
  return PartyField(row, column);
}

}  // namespace

const std::vector<std::string>& RegistrationColumns() {
  static const std::vector<std::string> kColumns = {"mpxn", "supplier", "network_operator", "from",
                                                    "to"};
  return kColumns;
}

Result<Registration> ParseRegistration(const CsvRow& row) {
  const auto mpxn = MpxnField(row, "mpxn");
  if (!mpxn) return mpxn.error();
  const auto supplier = OptionalPartyField(row, "supplier");
  if (!supplier) return supplier.error();
  const auto network_operator = OptionalPartyField(row, "network_operator");
  if (!network_operator) return network_operator.error();
  const auto from = TimeField(row, "from");
  if (!from) return from.error();
  const auto to = EndField(row, "to", *from);
  if (!to) return to.error();

  Registration registration;
  registration.mpxn = *mpxn;
  registration.supplier = *supplier;
  registration.network_operator = *network_operator;
  registration.from = *from;
  registration.to = *to;
  return registration;
}

}  // namespace acb::feeds
