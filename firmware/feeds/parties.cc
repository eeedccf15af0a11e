#include "firmware/feeds/parties.h"

#include "firmware/feeds/field.h"

namespace acb::feeds {

const std::vector<std::string>& PartyColumns() {
  static const std::vector<std::string> kColumns = {"user_id", "party", "role", "status",
                                                    "from",    "to",    "uept", "notice_to_cease"};
  return kColumns;
}

Result<PartyRecord> ParseParty(const CsvRow& row) {
  PartyRecord record;
  const auto user = EuiField(row, "user_id");
  if (!user) return user.error();
  const auto party = PartyField(row, "party");
  if (!party) return party.error();
  const auto role = UserRoleFromName(row.Get("role"));
  if (!role) return Rejected("role", "IS, ES, GS, RSA, ED, GT or OU", row.Get("role"));
  const auto status = PartyStatusFromName(row.Get("status"));
  if (!status) {
    return Rejected("status", "active, suspended, expelled or ceased", row.Get("status"));
  }
  const auto from = TimeField(row, "from");
  if (!from) return from.error();
  const auto to = EndField(row, "to", *from);
  if (!to) return to.error();
  // R-074-2: without User Entry Process Tests a party is not a DCC User.
  const auto uept = YesNoField(row, "uept");
  if (!uept) return uept.error();
  const auto notice = OptionalTimeField(row, "notice_to_cease");
  if (!notice) return notice.error();

  record.user_id = *user;
  record.party = *party;
  record.role = *role;
  record.status = *status;
  record.from = *from;
  record.to = *to;
  record.uept = *uept;
  record.notice_to_cease = *notice;
  return record;
}

}  // namespace acb::feeds
