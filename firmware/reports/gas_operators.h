// Gas network parties: which of them are DCC Users with certificates, which are leaving, and whose
// certificates are no good any more.
#pragma once

#include <map>
#include <optional>
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
  // By the repository, or at the latest by the revocation list in hand.
  std::optional<UtcTime> revoked;
  // The repository says that it expired or is not in use, since.
  std::optional<UtcTime> withdrawn;
};

// Whether the party is a DCC User in that row at `at` (R-128-1, R-128-3, R-128-6, R-074-2): active,
// in force, User Entry Process Tests completed, no notice to cease given yet.
bool IsDccUser(const PartyRecord& row, UtcTime at);

// Since when a certificate of a DCC User exists for each gas network party, by short name, as of
// `at`: the later of becoming a User and the first certificate in force. Parties without are left
// out. A certificate counts while it is in its validity period and is not, with effect by `at`,
// revoked, expired or not in use.
std::map<std::string, UtcTime> GasUsersWithCertificates(
    const std::vector<PartyRecord>& parties, const std::vector<HeldCertificate>& certificates,
    UtcTime at);

// Gas network parties that gave notice, or whose row as a User ends, by EUI-64 (R-128-5).
struct LeavingParty {
  std::string party;
  Eui64 user_id{0};
  std::optional<UtcTime> notice;
  std::optional<UtcTime> leaves;  // nothing: notice was given, and no end is in the register
};
std::vector<LeavingParty> LeavingGasParties(const std::vector<PartyRecord>& parties, UtcTime at);

// The row of the register that says most of the EUI-64 at `at`: in force and active first, then the
// newest; nullptr when none had begun.
const PartyRecord* RowAt(Eui64 holder, const std::vector<PartyRecord>& parties, UtcTime at);

// Why the certificates of a cell's holder are no good at `at` (R-128-8).
struct Orphaning {
  std::string party;  // short name; empty when the register does not have the EUI-64
  std::string why;
  std::optional<UtcTime> since;  // when it took effect; nothing: not known
};
// The store knows the holder of a cell by EUI-64, not by certificate: certificates are no good when
// all of one key usage that are held of the holder are revoked. Nothing when the holder is a party
// in good standing and that is not so.
std::optional<Orphaning> FindOrphaning(Eui64 holder, const std::vector<PartyRecord>& parties,
                                       const std::vector<HeldCertificate>& certificates,
                                       UtcTime at);

}  // namespace acb::reports
