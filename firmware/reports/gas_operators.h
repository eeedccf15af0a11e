// Gas network parties: which of them are DCC Users with certificates, which are leaving, and whose
// certificates are no good any more.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "firmware/records.h"

namespace acb::reports {

// An organisation certificate that the box holds, and what the repository and the revocation lists
// say of it. Without those that sign requests (OU 87): they are in no cell.
struct HeldCertificate {
  Eui64 subject{0};
  bool signs = false;  // its key usage: digital signature, else key agreement
  UtcTime not_before{0};
  UtcTime not_after{0};
  // Since when, by the repository or a revocation list, whichever says so first.
  std::optional<UtcTime> revoked;
  // The repository says that it expired or is not in use, since.
  std::optional<UtcTime> withdrawn;
};

// The register of parties as the checks of a handover read it (checks/registration.h): of a User in
// a role the row that is in force and began last.
class RegisterOfRole {
 public:
  RegisterOfRole(const std::vector<PartyRecord>& parties, UserRole role);

  using Rows = std::map<Eui64, std::vector<PartyRecord>>;
  const Rows& rows() const { return rows_; }  // by User ID
  // The User IDs that each party has, had or will have.
  const std::map<std::string, std::set<Eui64>, std::less<>>& parties() const { return parties_; }
  // nullptr: no row of the User had begun.
  const PartyRecord* RowAt(Eui64 user, UtcTime at) const;
  // The party, by one of its User IDs, has given notice that it ceases (R-128-6); when.
  std::optional<UtcTime> NoticeOf(std::string_view party, UtcTime at) const;

 private:
  UserRole role_;
  Rows rows_;
  std::map<std::string, std::set<Eui64>, std::less<>> parties_;
};

// Since when a certificate of a DCC User exists for each gas network party, by short name, as of
// `at` and without a break until then: the party active, User Entry Process Tests completed, no
// notice given (R-128-1, R-128-3, R-128-6, R-074-2), a certificate in its validity period and not
// revoked, expired or not in use. Parties without are left out.
std::map<std::string, UtcTime> GasUsersWithCertificates(
    const std::vector<PartyRecord>& parties, const std::vector<HeldCertificate>& certificates,
    UtcTime at);

// Gas network parties that gave notice, or that are no DCC User any more or will be none, by EUI-64
// (R-128-5).
struct LeavingParty {
  std::string party;
  Eui64 user_id{0};
  std::optional<UtcTime> notice;
  std::optional<UtcTime> leaves;  // nothing: notice was given, and no end is in the register
};
std::vector<LeavingParty> LeavingGasParties(const std::vector<PartyRecord>& parties, UtcTime at);

// Why the certificates of a cell's holder are no good at `at` (R-128-8).
struct Orphaning {
  std::string party;  // short name; empty when the register does not have the EUI-64
  std::string why;
  std::optional<UtcTime> since;  // when it took effect; nothing: not known
};
// `role`: what the holder has to be for the cell, where it has to be one; a supplier may be
// several. The store knows the holder of a cell by EUI-64, not by certificate: certificates are no
// good when all of one key usage that are held of the holder are revoked. Nothing when the holder
// is a party in good standing and that is not so.
std::optional<Orphaning> FindOrphaning(Eui64 holder, std::optional<UserRole> role,
                                       const std::vector<PartyRecord>& parties,
                                       const std::vector<HeldCertificate>& certificates,
                                       UtcTime at);

}  // namespace acb::reports
