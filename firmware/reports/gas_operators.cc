#include "firmware/reports/gas_operators.h"

#include <algorithm>
#include <functional>
#include <iterator>

#include "firmware/checks/registration.h"

namespace acb::reports {
namespace {

bool IsRevoked(const HeldCertificate& certificate, UtcTime at) {
  return certificate.revoked && *certificate.revoked <= at;
}

bool IsUsable(const HeldCertificate& certificate, UtcTime at) {
  if (at < certificate.not_before || certificate.not_after < at) return false;
  return !IsRevoked(certificate, at) && !(certificate.withdrawn && *certificate.withdrawn <= at);
}

// Since when every certificate of that usage is revoked; nothing while one is not, or none is held.
std::optional<UtcTime> AllRevokedSince(Eui64 holder, bool signs,
                                       const std::vector<HeldCertificate>& certificates,
                                       UtcTime at) {
  std::optional<UtcTime> since;
  for (const HeldCertificate& each : certificates) {
    if (each.subject != holder || each.signs != signs) continue;
    if (!IsRevoked(each, at)) return {};
    since = since ? std::max(*since, *each.revoked) : *each.revoked;
  }
  return since;
}

// Since when it has been so without a break until `at`, when it is so. It changes at no other
// instant than those of `changes`.
template <class IsSo>
UtcTime SoSince(std::vector<UtcTime> changes, UtcTime at, const IsSo& is_so) {
  std::ranges::sort(changes, std::greater());
  UtcTime since = at;
  for (const UtcTime change : changes) {
    if (change > at) continue;
    if (!is_so(change)) break;
    since = change;
  }
  return since;
}

void AddChanges(const std::vector<PartyRecord>& rows, std::vector<UtcTime>& changes) {
  for (const PartyRecord& row : rows) {
    changes.push_back(row.from);
    if (row.to) changes.push_back(*row.to);
    if (row.notice_to_cease) changes.push_back(*row.notice_to_cease);
  }
}

// A party that is suspended has not ceased to be a User.
bool IsUser(const PartyRecord* row, UtcTime at) {
  return row != nullptr && row->InForce(at) && row->uept && row->status != PartyStatus::kCeased &&
         row->status != PartyStatus::kExpelled;
}

using HeldOfUsers = std::map<Eui64, std::vector<HeldCertificate>>;

// Of the User IDs of one gas network party, ever.
struct GasParty {
  const RegisterOfRole& users;
  const HeldOfUsers& held;
  const std::string& name;
  const std::set<Eui64>& ids;

  bool HasUsableCertificate(UtcTime at) const {
    if (users.NoticeOf(name, at)) return false;
    return std::ranges::any_of(ids, [&](Eui64 id) {
      const PartyRecord* row = users.RowAt(id, at);
      const auto own = held.find(id);
      return IsUser(row, at) && row->status == PartyStatus::kActive && row->party == name &&
             own != held.end() &&
             std::ranges::any_of(own->second,
                                 [at](const HeldCertificate& each) { return IsUsable(each, at); });
    });
  }
  std::vector<UtcTime> Changes() const {
    std::vector<UtcTime> changes;
    for (const Eui64 id : ids) {
      AddChanges(users.rows().at(id), changes);
      const auto own = held.find(id);
      if (own == held.end()) continue;
      for (const HeldCertificate& each : own->second) {
        changes.push_back(each.not_before);
        changes.emplace_back(each.not_after.milliseconds() + 1);
        if (each.revoked) changes.push_back(*each.revoked);
        if (each.withdrawn) changes.push_back(*each.withdrawn);
      }
    }
    return changes;
  }
};

// When the User ceased or will cease to be one; nothing for one that stays, or never was one.
std::optional<UtcTime> LeavesAt(const RegisterOfRole& users, Eui64 id, UtcTime at) {
  std::vector<UtcTime> changes;
  AddChanges(users.rows().at(id), changes);
  const auto is_user = [&](UtcTime then) { return IsUser(users.RowAt(id, then), then); };
  if (!is_user(at)) {
    const UtcTime since = SoSince(changes, at, [&](UtcTime then) { return !is_user(then); });
    const bool was =
        std::ranges::any_of(changes, [&](UtcTime then) { return then < since && is_user(then); });
    const PartyRecord* row = users.RowAt(id, at);
    const bool ceased = row != nullptr && (row->status == PartyStatus::kCeased ||
                                           row->status == PartyStatus::kExpelled);
    if (was) return since;
    return ceased ? std::optional(row->from) : std::nullopt;
  }
  std::ranges::sort(changes);
  const auto end =
      std::ranges::find_if(changes, [&](UtcTime then) { return then > at && !is_user(then); });
  return end == changes.end() ? std::nullopt : std::optional(*end);
}

// Active ones first, then the newest; nullptr when none had begun.
const PartyRecord* RowOfAnyRole(const std::vector<PartyRecord>& rows, UtcTime at) {
  const PartyRecord* found = nullptr;
  for (const PartyRecord& row : rows) {
    if (row.from > at) continue;
    const auto better = [at](const PartyRecord& left, const PartyRecord& right) {
      const bool left_good = left.InForce(at) && left.status == PartyStatus::kActive;
      const bool right_good = right.InForce(at) && right.status == PartyStatus::kActive;
      if (left_good != right_good) return left_good;
      return left.from > right.from;
    };
    if (found == nullptr || better(row, *found)) found = &row;
  }
  return found;
}

}  // namespace

RegisterOfRole::RegisterOfRole(const std::vector<PartyRecord>& parties, UserRole role)
    : role_(role) {
  for (const PartyRecord& row : parties) {
    if (row.role != role) continue;
    rows_[row.user_id].push_back(row);
    parties_[row.party].insert(row.user_id);
  }
}

const PartyRecord* RegisterOfRole::RowAt(Eui64 user, UtcTime at) const {
  const auto rows = rows_.find(user);
  return rows == rows_.end() ? nullptr : checks::RowOfRole(rows->second, role_, at);
}

std::optional<UtcTime> RegisterOfRole::NoticeOf(std::string_view party, UtcTime at) const {
  std::optional<UtcTime> first;
  const auto ids = parties_.find(party);
  if (ids == parties_.end()) return first;
  for (const Eui64 id : ids->second) {
    const PartyRecord* row = RowAt(id, at);
    if (row == nullptr || row->party != party || !row->notice_to_cease) continue;
    if (*row->notice_to_cease > at) continue;
    first = first ? std::min(*first, *row->notice_to_cease) : *row->notice_to_cease;
  }
  return first;
}

std::map<std::string, UtcTime> GasUsersWithCertificates(
    const std::vector<PartyRecord>& parties, const std::vector<HeldCertificate>& certificates,
    UtcTime at) {
  const RegisterOfRole users(parties, UserRole::kGasTransporter);
  HeldOfUsers held;
  for (const HeldCertificate& each : certificates) held[each.subject].push_back(each);
  std::map<std::string, UtcTime> found;
  for (const auto& [name, ids] : users.parties()) {
    const GasParty party{users, held, name, ids};
    const auto usable = [&](UtcTime then) { return party.HasUsableCertificate(then); };
    if (usable(at)) found.emplace(name, SoSince(party.Changes(), at, usable));
  }
  return found;
}

std::vector<LeavingParty> LeavingGasParties(const std::vector<PartyRecord>& parties, UtcTime at) {
  const RegisterOfRole users(parties, UserRole::kGasTransporter);
  std::map<std::string_view, std::optional<UtcTime>> notices;
  for (const auto& [name, ids] : users.parties()) notices.emplace(name, users.NoticeOf(name, at));
  std::vector<LeavingParty> found;
  for (const auto& [id, rows] : users.rows()) {
    const PartyRecord* row = users.RowAt(id, at);
    if (row == nullptr) continue;
    LeavingParty leaving{row->party, id, notices.at(row->party), LeavesAt(users, id, at)};
    if (leaving.notice || leaving.leaves) found.push_back(std::move(leaving));
  }
  return found;
}

std::optional<Orphaning> FindOrphaning(Eui64 holder, std::optional<UserRole> role,
                                       const std::vector<PartyRecord>& parties,
                                       const std::vector<HeldCertificate>& certificates,
                                       UtcTime at) {
  std::vector<PartyRecord> rows;
  std::ranges::copy_if(parties, std::back_inserter(rows),
                       [holder](const PartyRecord& row) { return row.user_id == holder; });
  const PartyRecord* row = role ? checks::RowOfRole(rows, *role, at) : nullptr;
  if (row == nullptr) row = RowOfAnyRole(rows, at);
  if (row == nullptr) return Orphaning{{}, "the register of parties does not have the holder", {}};
  if (row->to && *row->to <= at) {
    return Orphaning{row->party, "the party's row in the register has ended", row->to};
  }
  if (row->status != PartyStatus::kActive) {
    return Orphaning{row->party, "the party is " + std::string(Name(row->status)), row->from};
  }
  for (const bool signs : {true, false}) {
    if (const auto since = AllRevokedSince(holder, signs, certificates, at)) {
      return Orphaning{row->party,
                       std::string("every ") + (signs ? "digital signing" : "key agreement") +
                           " certificate held of the party is revoked",
                       since};
    }
  }
  return {};
}

}  // namespace acb::reports
