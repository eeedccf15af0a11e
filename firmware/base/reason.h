// Every reason this appliance has to say no, or to say that it could not decide.
//
// Numbers are for ever: they are stored in answers and in the audit log. Append, never reuse.
// Source of the names: requirements.md section 2.3; those marked "ours" are listed in the README.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace acb {

enum class Reason : std::uint16_t {
  // Requester
  kSenderAuth = 1,
  kSignatureInvalid = 2,
  kTestKey = 3,
  kRoleNotAllowed = 4,
  kRequesterNotEligible = 5,
  kSuspended = 6,
  kDuisVersion = 7,
  kReplay = 8,
  kMalformed = 9,
  kSrvNotSignedHere = 10,
  kChannel = 11,
  kCommandVariant = 12,      // ours: DUIS E12
  kDeletedByOperators = 13,  // ours: was quarantined

  // Device
  kDeviceType = 20,
  kDeviceStatus = 21,
  kSmets1Proxy = 22,
  kBlocked = 23,
  kCellNotAcb = 24,
  kCellUnknown = 25,
  kDeviceUnknown = 26,  // ours: DUIS E19

  // Certificate
  kChain = 30,
  kProfile = 31,
  kAlgorithm = 32,
  kEnvironment = 33,
  kCertRevoked = 34,
  kIssuerRevoked = 35,
  kNotInRepository = 36,
  kNotOrganisationCert = 37,
  kCertSetMixed = 38,
  kCertSetIncomplete = 39,
  kReplacementIsAcb = 40,
  kCertExpired = 41,  // ours: outside its validity period

  // Party
  kSubjectUnknown = 50,
  kNoNotRegistered = 51,
  kNoUnmapped = 52,
  kGnpNotUser = 53,

  // Counter
  kCounterRegression = 60,
  kCounterUnknown = 61,
  kCounterExhausted = 62,
  kFloorLimit = 63,
  kCounterLimit = 64,  // design.md section 4

  // Freshness: what is needed to decide is missing, stale or broken
  kCrlStale = 70,
  kArlStale = 71,
  kFeedStale = 72,
  kRepositoryTimeout = 73,

  // Observations: recorded, nothing blocked
  kPrefixMismatch = 80,
  kReplacementNotSender = 81,
  kGnoToAcb = 82,
  kFloorAbsent = 83,
  kRevocationNotChecked = 84,
  // ours
  kHolderMismatch = 85,
  kCounterNotOurs = 86,
  kStaleObservation = 87,
  kNotSuccessful = 88,
  kSignatureNotChecked = 89,

  // Keys, integrity
  kAcbCert = 90,
  kKeyLimit = 91,
  kHsmNotApproved = 92,
  kRole = 93,
  kCorrelation = 94,
  kFirmwareHash = 95,
  kObservationMismatch = 96,  // ours

  // Volume (ours)
  kVolumeExceeded = 100,

  // Faults of the box (ours). The request stays open; try again.
  kHsmUnavailable = 110,
  kHsmPin = 111,
  kStoreUnavailable = 112,
  kStoreInDoubt = 113,
  kRecordDamaged = 114,
  kStoreMissing = 115,
  kChangedMeanwhile = 116,
  kBusy = 117,
  kConfiguration = 118,
  kSigningSuspended = 119,
  // The anchor in the HSM and the store (design.md section 4)
  kAnchorMissing = 120,
  kAnchorForeign = 121,
  kStoreRolledBack = 122,
  kOvertaken = 123,
  kStoreFull = 124,
  kCountersExported = 125,
  kBackupDamaged = 126,

  // The transport (ours): refused before a request was read.
  kTooLarge = 130,
  kNotFound = 131,
  kMethodNotAllowed = 132,
  kForbidden = 133,
  kMediaType = 134,
  kFeedRejected = 135,
  kOtherOperator = 136,
};

enum class ReasonKind {
  kRefusal,      // the request is wrong: final for its RequestID
  kFault,        // could not decide: 503 with Retry-After, the RequestID stays open
  kDoubt,        // a write may have happened: as kFault, and signing is off until restart
  kObservation,  // recorded beside a decision, blocks nothing
  kHold,         // quarantined: 202, two operators release or delete it
};

struct ReasonInfo {
  Reason reason;
  std::string_view name;  // "CERT_REVOKED": stable, in answers and in the audit log
  ReasonKind kind;
  int http_status;
  std::string_view
      duis_code;  // DUIS ResponseCode by default; configuration may replace it (R-063-10)
  std::string_view sentence;  // for the requester, in plain words
};

// Never fails: every enumerator is in the table (a test walks them).
const ReasonInfo& Describe(Reason reason);
// In order of number.
std::span<const ReasonInfo> AllReasons();
// nullptr when no reason has that name.
const ReasonInfo* FindReason(std::string_view name);

}  // namespace acb
