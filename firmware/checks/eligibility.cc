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

Status CheckPartyNotBarred(const Records& records, std::string_view party, std::string_view whom,
                           UtcTime at) {
  const auto rows = records.FindRowsAgainst(party);
  if (!rows) return rows.error();
  for (const PartyRecord& row : *rows) {
    if (!row.Bars() || !row.InForce(at)) continue;
    return Failure(Reason::kSuspended, std::string(whom) + "'s status at " + at.Iso() + " is " +
                                           std::string(Name(row.status)));
  }
  return Done{};
}

const Registration* RegistrationOf(const std::vector<Registration>& rows, UtcTime at) {
  const Registration* current = nullptr;
  for (const Registration& row : rows) {
    if (row.InForce(at) && (current == nullptr || current->from < row.from)) current = &row;
  }
  return current;
}

Result<std::optional<Registration>> RegistrationAt(const Records& records, std::string_view mpxn,
                                                   UtcTime at) {
  if (mpxn.empty()) return std::optional<Registration>();
  const auto rows = records.FindRegistrations(mpxn);
  if (!rows) return rows.error();
  const Registration* current = RegistrationOf(*rows, at);
  return current == nullptr ? std::nullopt : std::optional(*current);
}

namespace {

// The supplier's role for the device's fuel; nothing for a device that has none of its own.
std::optional<UserRole> RoleForFuel(DeviceType type) {
  switch (type) {
    case DeviceType::kEsme:
      return UserRole::kImportSupplier;
    case DeviceType::kGsme:
    case DeviceType::kGpf:
      return UserRole::kGasSupplier;
    default:
      return std::nullopt;
  }
}

// The row by which the User is a supplier at `at`. A User that has rows of the fuel's role is
// judged by those: it may be another party for the other fuel, or not have that fuel's tests.
Result<PartyRecord> FindSupplierRow(const std::vector<PartyRecord>& rows, DeviceType type,
                                    UtcTime at) {
  const auto active = ActiveRows(rows, at);
  if (!active) return active.error();
  const std::optional<UserRole> fuel = RoleForFuel(type);
  const bool judged_by_fuel = fuel && std::ranges::any_of(rows, [&](const PartyRecord& row) {
                                return row.role == *fuel && row.from <= at;
                              });
  bool has_role = false;
  for (const PartyRecord& row : *active) {
    if (!IsSupplierRole(row.role)) continue;
    has_role = true;
    if (row.uept && (!judged_by_fuel || row.role == *fuel)) return row;
  }
  if (!has_role) {
    return Failure(Reason::kRoleNotAllowed,
                   "Service Request 6.21 takes the User Roles IS and GS; the User has neither");
  }
  return Failure(Reason::kRequesterNotEligible,
                 "the User has not completed User Entry Process Tests for its role, or has it no "
                 "more, at " +
                     at.Iso());
}

// Its party is in good standing under its other User IDs too.
Result<PartyRecord> SupplierRow(const Records& records, const std::vector<PartyRecord>& rows,
                                DeviceType type, UtcTime at) {
  auto row = FindSupplierRow(rows, type, at);
  if (!row) return row;
  Status open = CheckPartyNotBarred(records, row->party, "the party", at);
  if (!open) return std::move(open).error();
  return row;
}

// R-063-14: where nothing at all is known of the meter point the supplier is not to blame.
Status CheckMapped(const Records& records, const Device& device, RemotePartyRole role) {
  const bool gas_operator =
      device.type == DeviceType::kGpf && role == RemotePartyRole::kNetworkOperator;
  if (!gas_operator || device.mpxn.empty()) return Done{};
  const auto rows = records.FindRegistrations(device.mpxn);
  if (!rows) return rows.error();
  if (!rows->empty()) return Done{};
  return Failure(Reason::kNoUnmapped,
                 "no registration is known of the device's meter point, so no network operator");
}

}  // namespace

Result<std::string> CheckEligibility(const Records& records, const duis::HandoverRequest& request,
                                     const Device& device, UtcTime at) {
  const auto rows = records.FindUser(request.request_id.originator);
  if (!rows) return rows.error();
  if (rows->empty()) {
    return Failure(Reason::kSubjectUnknown, "the User " +
                                                request.request_id.originator.Hyphenated() +
                                                " is not in the register of parties");
  }
  auto today = SupplierRow(records, *rows, device.type, at);
  if (!today) return std::move(today).error();
  // R-107-5: as the network operator's standing, also when it is to be executed.
  const UtcTime then = RightsApplyAt(request, at);
  const auto later = SupplierRow(records, *rows, device.type, then);
  if (!later) return later.error();
  if (Status mapped = CheckMapped(records, device, request.role); !mapped) {
    return std::move(mapped).error();
  }
  Status registered = CheckRegisteredSupplier(records, device.mpxn, later->party, then, then);
  if (!registered) return std::move(registered).error();
  return std::move(today->party);
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
