#include "firmware/reports/gas_operators.h"

#include <algorithm>

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

// Rows of one User that follow each other without a gap are one time as a User.
UtcTime UserSince(const std::vector<PartyRecord>& parties, const PartyRecord& row) {
  UtcTime since = row.from;
  for (std::size_t i = 0; i < parties.size(); ++i) {  // each step finds an earlier row
    const auto before = std::ranges::find_if(parties, [&](const PartyRecord& each) {
      return each.user_id == row.user_id && each.role == row.role && each.to == since &&
             each.from < since && each.status == PartyStatus::kActive && each.uept;
    });
    if (before == parties.end()) break;
    since = before->from;
  }
  return since;
}

}  // namespace

const PartyRecord* RowAt(Eui64 holder, const std::vector<PartyRecord>& parties, UtcTime at) {
  const PartyRecord* found = nullptr;
  for (const PartyRecord& row : parties) {
    if (row.user_id != holder || row.from > at) continue;
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

bool IsDccUser(const PartyRecord& row, UtcTime at) {
  return row.InForce(at) && row.status == PartyStatus::kActive && row.uept &&
         !(row.notice_to_cease && *row.notice_to_cease <= at);
}

std::map<std::string, UtcTime> GasUsersWithCertificates(
    const std::vector<PartyRecord>& parties, const std::vector<HeldCertificate>& certificates,
    UtcTime at) {
  std::map<std::string, UtcTime> found;
  for (const PartyRecord& row : parties) {
    if (row.role != UserRole::kGasTransporter || !IsDccUser(row, at)) continue;
    std::optional<UtcTime> first;
    for (const HeldCertificate& certificate : certificates) {
      if (certificate.subject != row.user_id || !IsUsable(certificate, at)) continue;
      first = first ? std::min(*first, certificate.not_before) : certificate.not_before;
    }
    if (!first) continue;
    const UtcTime since = std::max(*first, UserSince(parties, row));
    const auto [place, added] = found.emplace(row.party, since);
    if (!added) place->second = std::min(place->second, since);
  }
  return found;
}

std::vector<LeavingParty> LeavingGasParties(const std::vector<PartyRecord>& parties, UtcTime at) {
  std::vector<LeavingParty> found;
  for (const PartyRecord& row : parties) {
    if (row.role != UserRole::kGasTransporter || row.from > at) continue;
    const bool ceased = row.status != PartyStatus::kActive && row.InForce(at);
    const bool goes_on = std::ranges::any_of(parties, [&](const PartyRecord& each) {
      return each.user_id == row.user_id && each.role == row.role && row.to &&
             each.from <= *row.to && (!each.to || *each.to > *row.to) &&
             each.status == PartyStatus::kActive;
    });
    // A notice ends with its row when the next one has begun and goes on without: it was withdrawn.
    const bool over = row.to && *row.to <= at && goes_on;
    const bool given = row.notice_to_cease && *row.notice_to_cease <= at && !over;
    if (!given && !ceased && (!row.to || goes_on)) continue;
    LeavingParty leaving{row.party, row.user_id, {}, row.to};
    if (given) leaving.notice = row.notice_to_cease;
    if (ceased) leaving.leaves = row.from;
    const auto known = std::ranges::find(found, row.user_id, &LeavingParty::user_id);
    if (known == found.end()) {
      found.push_back(std::move(leaving));
    } else if (leaving.leaves && (!known->leaves || *leaving.leaves < *known->leaves)) {
      known->leaves = leaving.leaves;
    }
  }
  return found;
}

std::optional<Orphaning> FindOrphaning(Eui64 holder, const std::vector<PartyRecord>& parties,
                                       const std::vector<HeldCertificate>& certificates,
                                       UtcTime at) {
  const PartyRecord* row = RowAt(holder, parties, at);
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
