#include "firmware/checks/registration.h"

#include <algorithm>

#include "firmware/checks/eligibility.h"

namespace acb::checks {
namespace {

constexpr std::size_t kMpanDigits = 13;  // of an MPAN core

Failure UnknownSubject(Eui64 holder) {
  return Failure(Reason::kSubjectUnknown, "no party with EUI-64 " + holder.Hyphenated() +
                                              " and a fitting role is in the register of parties");
}

Status CheckSupplier(const std::vector<PartyRecord>& rows, std::string_view supplier, UtcTime at) {
  const auto active = ActiveRows(rows, at);
  if (!active) return active.error();
  // A supplier may have several EUI-64s; the party is what registration data names. R-074-2: with
  // User Entry Process Tests for a supplier's role.
  const bool same = std::ranges::any_of(*active, [&](const PartyRecord& row) {
    return row.party == supplier && IsSupplierRole(row.role) && row.uept;
  });
  if (!same) {
    return Failure(Reason::kRequesterNotEligible,
                   "the supplier certificates are not those of the requesting party as a "
                   "supplier at " +
                       at.Iso());
  }
  return Done{};
}

// R-107-5, R-128-10: the certificates' EUI-64 is to be the supplier's also when the command is
// executed. Who that is then, registration says: eligibility.h checked that it is the requester.
Status CheckSupplierThen(const Records& records, const Device& device,
                         const std::vector<PartyRecord>& rows, UtcTime then) {
  const auto registration = RegistrationAt(records, device.mpxn, then);
  if (!registration) return registration.error();
  return CheckSupplier(rows, registration->has_value() ? (*registration)->supplier : "", then);
}

// R-128-1, -3, -6: status matters on the gas side, where a party can cease to be a DCC User.
Status CheckGasNetworkParty(const Records& records, const PartyRecord& row, UtcTime at) {
  if (row.status == PartyStatus::kCeased || !row.InForce(at) || !row.uept) {
    return Failure(Reason::kGnpNotUser, "the gas network party is not a DCC User at " + at.Iso());
  }
  const auto notice = NoticeGiven(records, row, at);
  if (!notice) return notice.error();
  if (!notice->has_value()) return Done{};
  return Failure(Reason::kGnpNotUser,
                 "the gas network party has given notice that it ceases to be a DCC User");
}

// R-SEC3-10: a party that is suspended or expelled in any role is, whatever else is said of it.
Status CheckNotSuspended(const std::vector<PartyRecord>& rows, UtcTime at) {
  for (const PartyRecord& row : rows) {
    if (row.Bars() && row.InForce(at)) {
      return Failure(Reason::kSuspended,
                     "the network operator's status is " + std::string(Name(row.status)));
    }
  }
  return Done{};
}

// R-063-2: what the first two digits of the MPAN core say.
Result<std::string> PartyByPrefix(const Records& records, const Device& device) {
  if (device.type != DeviceType::kEsme || device.mpxn.size() != kMpanDigits) return std::string();
  const auto row = records.FindMpanPrefix(std::string_view(device.mpxn).substr(0, 2));
  if (!row) return row.error();
  return row->has_value() ? (*row)->party : std::string();
}

// Both results, whatever they decide.
Status Learn(const Records& records, const Device& device, UtcTime at, RegistrationFinding& found) {
  const auto registration = RegistrationAt(records, device.mpxn, at);
  if (!registration) return registration.error();
  if (registration->has_value()) found.by_registration = (*registration)->network_operator;
  auto by_prefix = PartyByPrefix(records, device);
  if (!by_prefix) return std::move(by_prefix).error();
  found.by_prefix = *std::move(by_prefix);
  if (!found.by_prefix.empty() && found.by_prefix != found.by_registration) {
    found.observations.emplace_back(Describe(Reason::kPrefixMismatch).name);
  }
  return Done{};
}

Status CheckMatch(const RegistrationFinding& found, const PartyRecord& party, UtcTime at) {
  if (found.by_registration.empty()) {
    return Failure(Reason::kNoUnmapped,
                   "no network operator is registered for the meter point at " + at.Iso());
  }
  if (found.by_registration == party.party) return Done{};
  // Neither who is registered instead nor whose the certificates are is said: it is another party's
  // data.
  return Failure(
      Reason::kNoNotRegistered,
      "its EUI-64 is not that of the network operator registered for the meter point at " +
          at.Iso());
}

// R-128-3, R-SEC3-10: the network operator may have certificates placed at all.
Status CheckStanding(const Records& records, const std::vector<PartyRecord>& rows,
                     const PartyRecord& party, bool gas, UtcTime at) {
  if (Status open = CheckNotSuspended(rows, at); !open) return open;
  if (Status open = CheckPartyNotBarred(records, party.party, "the network operator", at); !open) {
    return open;
  }
  if (gas) return CheckGasNetworkParty(records, party, at);
  if (!party.InForce(at) || party.status != PartyStatus::kActive || !party.uept) {
    return Failure(Reason::kSuspended, "the network operator is not a DCC User at " + at.Iso());
  }
  return Done{};
}

}  // namespace

const PartyRecord* RowOfRole(const std::vector<PartyRecord>& rows, UserRole role, UtcTime at) {
  const PartyRecord* best = nullptr;
  for (const PartyRecord& row : rows) {
    if (row.role != role || at < row.from) continue;
    const bool better = best == nullptr || (row.InForce(at) && !best->InForce(at)) ||
                        (row.InForce(at) == best->InForce(at) && best->from < row.from);
    if (better) best = &row;
  }
  return best;
}

Result<std::optional<UtcTime>> NoticeGiven(const Records& records, const PartyRecord& row,
                                           UtcTime at) {
  const auto against = records.FindRowsAgainst(row.party);
  if (!against) return against.error();
  std::optional<UtcTime> first;
  for (const PartyRecord& said : *against) {
    const auto rows = records.FindUser(said.user_id);
    if (!rows) return rows.error();
    const PartyRecord* now = RowOfRole(*rows, row.role, at);
    const bool same = now != nullptr && now->party == row.party;
    if (!same || !now->notice_to_cease || *now->notice_to_cease > at) continue;
    first = first ? std::min(*first, *now->notice_to_cease) : *now->notice_to_cease;
  }
  return first;
}

Status CheckRegistration(const Records& records, const Policy& policy, const Device& device,
                         RemotePartyRole role, Eui64 holder, std::string_view requester,
                         UtcTime now, UtcTime then, RegistrationFinding& found) {
  if (role == RemotePartyRole::kNetworkOperator) {
    if (Status learned = Learn(records, device, then, found); !learned) return learned;
  }
  const auto rows = records.FindUser(holder);
  if (!rows) return rows.error();
  if (rows->empty()) return UnknownSubject(holder);
  if (role == RemotePartyRole::kSupplier) {
    found.holder = requester;
    if (Status today = CheckSupplier(*rows, requester, now); !today) return today;
    return then == now ? Done{} : CheckSupplierThen(records, device, *rows, then);
  }

  const bool gas = device.type == DeviceType::kGpf;
  const PartyRecord* party =
      RowOfRole(*rows, gas ? UserRole::kGasTransporter : UserRole::kElectricityDistributor, then);
  if (party == nullptr) return UnknownSubject(holder);
  found.holder = party->party;
  if (Status match = CheckMatch(found, *party, then); !match) {
    if (policy.network_operator_registration) return match;
    found.observations.emplace_back(Describe(match.error().reason).name);
  }
  // Standing is needed now, for the command is made now, and when it is to be executed.
  const PartyRecord* today = RowOfRole(*rows, party->role, now);
  if (today == nullptr) return UnknownSubject(holder);
  if (Status standing = CheckStanding(records, *rows, *today, gas, now); !standing) return standing;
  return CheckStanding(records, *rows, *party, gas, then);
}

}  // namespace acb::checks
