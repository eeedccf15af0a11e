// What is known about devices, meter points and parties: the rows that the feeds bring and the
// rules read.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/audit/entry.h"
#include "firmware/base/bytes.h"
#include "firmware/base/eui64.h"
#include "firmware/base/p256.h"
#include "firmware/base/reason.h"
#include "firmware/base/request_id.h"
#include "firmware/base/sha256.h"
#include "firmware/base/time.h"
#include "firmware/base/trust_anchor_cell.h"

namespace acb {

// Stored numbers: never reused.
enum class DeviceType : std::uint8_t {
  kEsme = 1,
  kGsme = 2,
  kGpf = 3,
  kChf = 4,
  kHcalcs = 5,
  kPpmid = 6,
  kIhd = 7,
  kCad = 8,
};
std::string_view Name(DeviceType type);  // "ESME", as the DUIS schema spells it
std::optional<DeviceType> DeviceTypeFromName(std::string_view name);

enum class SmetsGeneration : std::uint8_t { kUnknown = 0, kSmets1 = 1, kSmets2 = 2 };

// The values of the DUIS schema's SMI status.
enum class SmiStatus : std::uint8_t {
  kPending = 1,
  kWhitelisted = 2,
  kInstalledNotCommissioned = 3,
  kCommissioned = 4,
  kDecommissioned = 5,
  kWithdrawn = 6,
  kSuspended = 7,
  kRecovery = 8,
  kRecovered = 9,
};
std::string_view Name(SmiStatus status);
std::optional<SmiStatus> SmiStatusFromName(std::string_view name);

// Who holds the cells of one role on one device. "Cell" means all cells of the role (design.md 4).
// Which of the ACB's key pairs a cell holds: the subject key identifier (RFC 5280 section 4.2.1.2
// method (2), 8 octets, most significant first) of its digital signing certificate.
struct AcbKeyId {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(AcbKeyId, AcbKeyId) = default;
};

struct CellState {
  enum class Holder : std::uint8_t { kUnknown = 0, kAcb = 1, kParty = 2 };
  Holder holder = Holder::kUnknown;
  Eui64 party{0};                       // when kParty
  std::optional<FloorSeqNumber> floor;  // recorded floor; unknown is not zero
  // While it is the ACB's: with which of its keys, where that is known.
  std::optional<AcbKeyId> acb_key = {};
};

struct Device {
  Eui64 id{0};
  DeviceType type = DeviceType::kEsme;
  SmetsGeneration smets = SmetsGeneration::kUnknown;
  std::string model;
  SmiStatus smi_status = SmiStatus::kPending;
  std::optional<UtcTime> commissioned;
  std::string mpxn;  // MPAN core (13 digits) or MPRN (up to 10); empty when none is linked
  std::optional<PublicPoint> key_agreement;  // the device's KA key
  Sha256Digest key_agreement_certificate{};  // SHA-256 of the DER it came from
  // The communications hub it is attached to, where the feed says so (R-SEC3-71).
  std::optional<Eui64> communications_hub;
  CellState supplier;
  CellState network_operator;
  // Greatest counter of the ACB as originator, over all cells; 0 when none was ever issued.
  std::uint64_t last_issued = 0;

  // Of the two roles that 6.21 hands over.
  const CellState& cell(RemotePartyRole role) const {
    return role == RemotePartyRole::kSupplier ? supplier : network_operator;
  }
};

// DUIS User Roles (duis-6.21.md section 0.3).
enum class UserRole : std::uint8_t {
  kImportSupplier = 1,
  kExportSupplier = 2,
  kGasSupplier = 3,
  kRegisteredSupplierAgent = 4,
  kElectricityDistributor = 5,
  kGasTransporter = 6,
  kOtherUser = 7,
};
std::string_view Name(UserRole role);  // "IS", "ES", "GS", "RSA", "ED", "GT", "OU"
std::optional<UserRole> UserRoleFromName(std::string_view name);

enum class PartyStatus : std::uint8_t { kActive = 1, kSuspended = 2, kExpelled = 3, kCeased = 4 };
std::string_view Name(PartyStatus status);  // "active", "suspended", "expelled", "ceased"
std::optional<PartyStatus> PartyStatusFromName(std::string_view name);

// One row of the register of parties, in force in [from, to).
struct PartyRecord {
  Eui64 user_id{0};
  std::string party;  // short name, as registrations use it
  UserRole role = UserRole::kOtherUser;
  PartyStatus status = PartyStatus::kActive;
  UtcTime from{0};
  std::optional<UtcTime> to;
  bool uept = false;                       // User Entry Process Tests completed (R-074-2)
  std::optional<UtcTime> notice_to_cease;  // R-128-6

  bool InForce(UtcTime at) const { return from <= at && (!to || at < *to); }
  // R-SEC3-10: nothing is signed for the party while the row is in force.
  bool Bars() const {
    return status == PartyStatus::kSuspended || status == PartyStatus::kExpelled;
  }
};

// One row of registration data, in force in [from, to).
struct Registration {
  std::string mpxn;
  std::string supplier;          // party short name
  std::string network_operator;  // party short name
  UtcTime from{0};
  std::optional<UtcTime> to;

  bool InForce(UtcTime at) const { return from <= at && (!to || at < *to); }
};

// One row of the table of MPAN distributor identifiers: the first two digits of the MPAN core and
// the party that they name (R-063-2).
struct MpanPrefix {
  std::string prefix;  // two digits
  std::string party;   // short name
};

// A day that is not what its weekday says. Without a row Monday to Friday are Working Days.
struct CalendarDay {
  UtcTime day{0};  // its start, UTC
  bool working = false;
};

// One entry of the Certified Products List, in force in [from, to) (R-SEC3-70, R-SEC3-73).
struct CertifiedProduct {
  std::string model;
  std::string firmware;  // its version, as the list spells it
  Sha256Digest firmware_sha256{};
  UtcTime from{0};
  std::optional<UtcTime> to;

  bool InForce(UtcTime at) const { return from <= at && (!to || at < *to); }
};

// What the SMKI Repository says of a certificate. Stored numbers.
enum class RepositoryStatus : std::uint8_t {
  kInUse = 1,
  kNotInUse = 2,
  kRevoked = 3,
  kExpired = 4
};
std::string_view Name(RepositoryStatus status);  // "in-use", "not-in-use", "revoked", "expired"
std::optional<RepositoryStatus> RepositoryStatusFromName(std::string_view name);

struct RepositoryEntry {
  Sha256Digest certificate{};  // SHA-256 of its DER
  RepositoryStatus status = RepositoryStatus::kInUse;
  std::string reason;  // of a revocation, as the repository words it (R-128-30); may be empty
  UtcTime since{0};
};

// DP107: who holds the network operator credentials of a SMETS1 device by proxy, as one of the two
// sources has it. Stored numbers.
enum class ProxySource : std::uint8_t { kDsp = 1, kS1sp = 2 };
std::string_view Name(ProxySource source);  // "DSP", "S1SP"
std::optional<ProxySource> ProxySourceFromName(std::string_view name);

struct ProxyCertificate {
  Eui64 device{0};
  ProxySource source = ProxySource::kDsp;
  Eui64 owner{0};           // EUI-64 in the subject of the certificate
  std::string certificate;  // what identifies it: serial number or SHA-256, as the source gives it
};

// Stored numbers. The names are those of the endpoints (design.md section 8).
enum class Feed : std::uint8_t {
  kParties = 1,
  kRegistrations = 2,
  kDevices = 3,
  kOrganisationCertificates = 4,
  kRevocationLists = 5,
  kMpanPrefixes = 6,
  kWorkingDays = 7,
  kCertifiedProducts = 8,
  kProxyCertificates = 9,
  kDeviceCertificates = 10,
  kRepositoryStatus = 11,
};
inline constexpr std::array<Feed, 11> kFeeds = {
    Feed::kParties,           Feed::kRegistrations,
    Feed::kDevices,           Feed::kOrganisationCertificates,
    Feed::kRevocationLists,   Feed::kMpanPrefixes,
    Feed::kWorkingDays,       Feed::kCertifiedProducts,
    Feed::kProxyCertificates, Feed::kDeviceCertificates,
    Feed::kRepositoryStatus};
std::string_view Name(Feed feed);  // "mpan-prefixes"
std::optional<Feed> FeedFromName(std::string_view name);

// The newest import of one feed; its audit entry holds the file's SHA-256.
struct LastImport {
  std::uint64_t rows = 0;
  std::uint64_t changed = 0;
  std::uint64_t audit_index = 0;
  UtcTime at{0};  // when it was imported
  // A recovery found in the log that there was a later one, which went with the disk.
  bool lost = false;
};

// A stop that operators set (R-SEC3-56). Stored numbers.
enum class SuspensionScope : std::uint8_t {
  kAll = 1,      // nothing is signed
  kParty = 2,    // by short name: as requester and as holder of certificates
  kDevice = 3,   // by EUI-64
  kSubject = 4,  // by the EUI-64 in a certificate's subject
  kIssuer = 5,   // by the issuing authority's name, as certificates spell it ("CN=Z1,OU=07")
};
std::string_view Name(SuspensionScope scope);  // "all", "party", "device", "subject", "issuer"
std::optional<SuspensionScope> SuspensionScopeFromName(std::string_view name);

struct Suspension {
  SuspensionScope scope = SuspensionScope::kAll;
  std::string subject;    // empty for kAll; EUI-64s with hyphens
  std::string authority;  // who ordered it: "SSC 2026-11-21"
  std::string by;         // the operator's certificate
  UtcTime since{0};
  std::string lift_by;  // the first of the two operators who lift it; empty before
};

// What became of a RequestID.
struct StoredRequest {
  enum class State : std::uint8_t {
    kReserved = 1,
    kSigned = 2,
    kRefused = 3,
    kQuarantined = 4,
    kAbandoned = 5
  };
  State state = State::kReserved;
  Sha256Digest body{};  // SHA-256 of the request's octets as received
  RemotePartyRole role = RemotePartyRole::kSupplier;
  // Two operators released it from quarantine: the volume thresholds were theirs to weigh.
  bool released = false;
  std::optional<OriginatorCounter> counter;  // reserved, signed, abandoned
  // Signed
  Eui64 acb{0};
  Bytes command;  // GBCS, from DD to the last octet of the MAC
  // Refused, quarantined
  Reason reason = Reason::kMalformed;
  std::string explanation;
  // Signed, refused, quarantined
  audit::Receipt audit{};
};

}  // namespace acb
