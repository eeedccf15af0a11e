#include "firmware/checks/eligibility.h"

#include <algorithm>
#include <map>

#include "firmware/checks/execution_time.h"

namespace acb::checks {

bool IsSupplierRole(UserRole role) {
  return role == UserRole::kImportSupplier || role == UserRole::kGasSupplier;
}

Result<std::vector<PartyRecord>> ActiveRows(const std::vector<PartyRecord>& rows, UtcTime at) {
  // Of the rows of one role the one that began last says what is true.
  std::map<UserRole, PartyRecord> newest;
  std::vector<PartyRecord> active;
  for (const PartyRecord& row : rows) {
    if (!row.InForce(at)) continue;
    const auto [of_role, first] = newest.try_emplace(row.role, row);
    if (!first && of_role->second.from < row.from) of_role->second = row;
    switch (row.status) {
      case PartyStatus::kActive:
      case PartyStatus::kCeased:
        break;
      case PartyStatus::kSuspended:
      case PartyStatus::kExpelled:
        return Failure(Reason::kSuspended, "the party's status at " + at.Iso() + " is " +
                                               std::string(Name(row.status)));
    }
  }
  for (const auto& [role, row] : newest) {
    if (row.status == PartyStatus::kActive) active.push_back(row);
  }
  if (active.empty()) {
    return Failure(Reason::kSuspended, "the party is not a DCC User at " + at.Iso());
  }
  return active;
}

Result<std::optional<Registration>> RegistrationAt(const Records& records, std::string_view mpxn,
                                                   UtcTime at) {
  if (mpxn.empty()) return std::optional<Registration>();
  const auto rows = records.FindRegistrations(mpxn);
  if (!rows) return rows.error();
  std::optional<Registration> current;
  for (const Registration& row : *rows) {
    if (row.InForce(at) && (!current || current->from < row.from)) current = row;
  }
  return current;
}

Result<std::string> CheckEligibility(const Records& records, const duis::HandoverRequest& request,
                                     const Device& device, UtcTime at) {
  const auto rows = records.FindUser(request.request_id.originator);
  if (!rows) return rows.error();
  if (rows->empty()) {
    return Failure(Reason::kSubjectUnknown, "the User " +
                                                request.request_id.originator.Hyphenated() +
                                                " is not in the register of parties");
  }
  const auto active = ActiveRows(*rows, at);
  if (!active) return active.error();
  const auto supplier = std::ranges::find_if(
      *active, [](const PartyRecord& row) { return IsSupplierRole(row.role) && row.uept; });
  if (supplier == active->end()) {
    const bool untested = std::ranges::any_of(
        *active, [](const PartyRecord& row) { return IsSupplierRole(row.role); });
    if (untested) {
      return Failure(Reason::kRequesterNotEligible,
                     "the User has not completed User Entry Process Tests for its role");
    }
    return Failure(Reason::kRoleNotAllowed,
                   "Service Request 6.21 takes the User Roles IS and GS; the User has neither");
  }
  const UtcTime then = RightsApplyAt(request, at);
  Status registered = CheckRegisteredSupplier(records, device.mpxn, supplier->party, then, then);
  if (!registered) return std::move(registered).error();
  return supplier->party;
}

Status CheckRegisteredSupplier(const Records& records, std::string_view mpxn,
                               std::string_view party, UtcTime from, UtcTime to) {
  // Only where a row begins or ends can the answer change.
  std::vector<UtcTime> instants = {from, to};
  if (!mpxn.empty()) {
    const auto rows = records.FindRegistrations(mpxn);
    if (!rows) return rows.error();
    for (const Registration& row : *rows) {
      if (from < row.from && row.from <= to) instants.push_back(row.from);
      if (row.to && from < *row.to && *row.to <= to) instants.push_back(*row.to);
    }
  }
  for (const UtcTime at : instants) {
    const auto registration = RegistrationAt(records, mpxn, at);
    if (!registration) return registration.error();
    // Whose meter point it is instead is another party's data: never said.
    if (!registration->has_value() || (*registration)->supplier != party) {
      return Failure(
          Reason::kRequesterNotEligible,
          "the User is not the supplier registered for the device's meter point at " + at.Iso());
    }
  }
  return Done{};
}

}  // namespace acb::checks
