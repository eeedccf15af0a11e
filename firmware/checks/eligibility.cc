#include "firmware/checks/eligibility.h"

#include <algorithm>

namespace acb::checks {
namespace {

Status CheckRegisteredSupplier(const Records& records, const Device& device,
                               const std::string& party, UtcTime at) {
  const auto registration = RegistrationAt(records, device.mpxn, at);
  if (!registration) return registration.error();
  // Whose meter point it is instead is another party's data: never said.
  if (!registration->has_value() || (*registration)->supplier != party) {
    return Failure(
        Reason::kRequesterNotEligible,
        "the User is not the supplier registered for the device's meter point at " + at.Iso());
  }
  return Done{};
}

}  // namespace

bool IsSupplierRole(UserRole role) {
  return role == UserRole::kImportSupplier || role == UserRole::kGasSupplier;
}

Result<std::vector<PartyRecord>> RowsInForce(const std::vector<PartyRecord>& rows, UtcTime at) {
  std::vector<PartyRecord> in_force;
  for (const PartyRecord& row : rows) {
    if (row.InForce(at)) in_force.push_back(row);
  }
  if (in_force.empty()) {
    return Failure(Reason::kSuspended, "the party is not a DCC User at " + at.Iso());
  }
  for (const PartyRecord& row : in_force) {
    if (row.status != PartyStatus::kActive) {
      return Failure(Reason::kSuspended,
                     "the party's status at " + at.Iso() + " is " + std::string(Name(row.status)));
    }
  }
  return in_force;
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
  const auto in_force = RowsInForce(*rows, at);
  if (!in_force) return in_force.error();
  const auto supplier = std::ranges::find_if(
      *in_force, [](const PartyRecord& row) { return IsSupplierRole(row.role) && row.uept; });
  if (supplier == in_force->end()) {
    const bool untested = std::ranges::any_of(
        *in_force, [](const PartyRecord& row) { return IsSupplierRole(row.role); });
    if (untested) {
      return Failure(Reason::kRequesterNotEligible,
                     "the User has not completed User Entry Process Tests for its role");
    }
    return Failure(Reason::kRoleNotAllowed,
                   "Service Request 6.21 takes the User Roles IS and GS; the User has neither");
  }
  if (Status now = CheckRegisteredSupplier(records, device, supplier->party, at); !now) {
    return std::move(now).error();
  }
  // R-107-5 (ii): at the specified execution time.
  if (request.execution) {
    Status then = CheckRegisteredSupplier(records, device, supplier->party, *request.execution);
    if (!then) return std::move(then).error();
  }
  return supplier->party;
}

}  // namespace acb::checks
