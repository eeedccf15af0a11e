#include "firmware/base/reason.h"

#include <gtest/gtest.h>

#include <set>

namespace acb {
namespace {

// The compiler refuses this switch (-Wswitch) while an enumerator is missing from it.
bool IsEnumerator(Reason reason) {
  switch (reason) {
    case Reason::kSenderAuth:
    case Reason::kSignatureInvalid:
    case Reason::kTestKey:
    case Reason::kRoleNotAllowed:
    case Reason::kRequesterNotEligible:
    case Reason::kSuspended:
    case Reason::kDuisVersion:
    case Reason::kReplay:
    case Reason::kMalformed:
    case Reason::kSrvNotSignedHere:
    case Reason::kChannel:
    case Reason::kCommandVariant:
    case Reason::kDeletedByOperators:
    case Reason::kVolumeExceeded:
    case Reason::kSigningSuspended:
    case Reason::kOtherOperator:
    case Reason::kDeviceType:
    case Reason::kDeviceStatus:
    case Reason::kSmets1Proxy:
    case Reason::kBlocked:
    case Reason::kCellNotAcb:
    case Reason::kCellUnknown:
    case Reason::kDeviceUnknown:
    case Reason::kChain:
    case Reason::kProfile:
    case Reason::kAlgorithm:
    case Reason::kEnvironment:
    case Reason::kCertRevoked:
    case Reason::kIssuerRevoked:
    case Reason::kNotInRepository:
    case Reason::kNotOrganisationCert:
    case Reason::kCertSetMixed:
    case Reason::kCertSetIncomplete:
    case Reason::kReplacementIsAcb:
    case Reason::kCertExpired:
    case Reason::kSubjectUnknown:
    case Reason::kNoNotRegistered:
    case Reason::kNoUnmapped:
    case Reason::kGnpNotUser:
    case Reason::kCounterRegression:
    case Reason::kCounterUnknown:
    case Reason::kCounterExhausted:
    case Reason::kFloorLimit:
    case Reason::kCounterLimit:
    case Reason::kCrlStale:
    case Reason::kArlStale:
    case Reason::kFeedStale:
    case Reason::kRepositoryTimeout:
    case Reason::kPrefixMismatch:
    case Reason::kReplacementNotSender:
    case Reason::kGnoToAcb:
    case Reason::kFloorAbsent:
    case Reason::kRevocationNotChecked:
    case Reason::kAcbCert:
    case Reason::kKeyLimit:
    case Reason::kHsmNotApproved:
    case Reason::kRole:
    case Reason::kCorrelation:
    case Reason::kFirmwareHash:
    case Reason::kHsmUnavailable:
    case Reason::kHsmPin:
    case Reason::kStoreUnavailable:
    case Reason::kStoreInDoubt:
    case Reason::kRecordDamaged:
    case Reason::kStoreMissing:
    case Reason::kChangedMeanwhile:
    case Reason::kBusy:
    case Reason::kConfiguration:
    case Reason::kTooLarge:
    case Reason::kNotFound:
    case Reason::kMethodNotAllowed:
    case Reason::kForbidden:
    case Reason::kMediaType:
    case Reason::kHolderMismatch:
    case Reason::kCounterNotOurs:
    case Reason::kStaleObservation:
    case Reason::kNotSuccessful:
    case Reason::kSignatureNotChecked:
    case Reason::kObservationMismatch:
    case Reason::kAnchorMissing:
    case Reason::kAnchorForeign:
    case Reason::kStoreRolledBack:
    case Reason::kOvertaken:
    case Reason::kStoreFull:
    case Reason::kCountersExported:
    case Reason::kBackupDamaged:
    case Reason::kFeedRejected:
      return true;
  }
  return false;
}

constexpr std::uint16_t kBeyondAll = 1000;

TEST(Reasons, EveryEnumeratorHasARowAndEveryRowAnEnumerator) {
  std::set<std::uint16_t> in_table;
  for (const ReasonInfo& info : AllReasons())
    in_table.insert(static_cast<std::uint16_t>(info.reason));
  for (std::uint16_t number = 0; number < kBeyondAll; ++number) {
    const auto reason = static_cast<Reason>(number);
    EXPECT_EQ(in_table.contains(number), IsEnumerator(reason)) << number;
    if (IsEnumerator(reason)) {
      EXPECT_EQ(Describe(reason).reason, reason);
    }
  }
  EXPECT_LT(*in_table.rbegin(), kBeyondAll);
}

TEST(Reasons, AreInOrderOfNumber) {
  std::uint16_t last = 0;
  for (const ReasonInfo& info : AllReasons()) {
    EXPECT_GT(static_cast<std::uint16_t>(info.reason), last) << info.name;
    last = static_cast<std::uint16_t>(info.reason);
  }
}

TEST(Reasons, HaveUniqueNamesThatAreFoundAgain) {
  std::set<std::string_view> names;
  for (const ReasonInfo& info : AllReasons()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_EQ(FindReason(info.name), &info);
    for (const char c : info.name) {
      EXPECT_TRUE((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_') << info.name;
    }
  }
  EXPECT_EQ(FindReason("NO_SUCH_REASON"), nullptr);
  EXPECT_EQ(FindReason(""), nullptr);
  EXPECT_EQ(FindReason("cert_revoked"), nullptr);
}

TEST(Reasons, HaveASentenceACodeAndAStatusThatFitTheirKind) {
  for (const ReasonInfo& info : AllReasons()) {
    EXPECT_TRUE(info.sentence.ends_with('.')) << info.name;
    EXPECT_FALSE(info.duis_code.empty()) << info.name;
    switch (info.kind) {
      case ReasonKind::kRefusal:
        EXPECT_GE(info.http_status, 400) << info.name;
        EXPECT_LT(info.http_status, 500) << info.name;
        break;
      case ReasonKind::kFault:
      case ReasonKind::kDoubt:
        EXPECT_EQ(info.http_status, 503) << info.name;
        break;
      case ReasonKind::kHold:
        EXPECT_EQ(info.http_status, 202) << info.name;
        break;
      case ReasonKind::kObservation:
        EXPECT_EQ(info.http_status, 200) << info.name;
        EXPECT_TRUE(info.duis_code.starts_with('I')) << info.name;
        break;
    }
  }
}

// Numbers are stored: these may never change.
TEST(Reasons, KeepTheirNumbersForEver) {
  constexpr std::pair<Reason, int> kNumbers[] = {{Reason::kSenderAuth, 1},
                                                 {Reason::kSignatureInvalid, 2},
                                                 {Reason::kDeletedByOperators, 13},
                                                 {Reason::kVolumeExceeded, 100},
                                                 {Reason::kSigningSuspended, 119},
                                                 {Reason::kHolderMismatch, 85},
                                                 {Reason::kCounterNotOurs, 86},
                                                 {Reason::kStaleObservation, 87},
                                                 {Reason::kNotSuccessful, 88},
                                                 {Reason::kSignatureNotChecked, 89},
                                                 {Reason::kObservationMismatch, 96},
                                                 {Reason::kAnchorMissing, 120},
                                                 {Reason::kAnchorForeign, 121},
                                                 {Reason::kStoreRolledBack, 122},
                                                 {Reason::kOvertaken, 123},
                                                 {Reason::kStoreFull, 124},
                                                 {Reason::kCountersExported, 125},
                                                 {Reason::kBackupDamaged, 126},
                                                 {Reason::kOtherOperator, 136},
                                                 {Reason::kTestKey, 3},
                                                 {Reason::kRoleNotAllowed, 4},
                                                 {Reason::kRequesterNotEligible, 5},
                                                 {Reason::kSuspended, 6},
                                                 {Reason::kDuisVersion, 7},
                                                 {Reason::kReplay, 8},
                                                 {Reason::kMalformed, 9},
                                                 {Reason::kSrvNotSignedHere, 10},
                                                 {Reason::kChannel, 11},
                                                 {Reason::kCommandVariant, 12},
                                                 {Reason::kDeviceType, 20},
                                                 {Reason::kDeviceStatus, 21},
                                                 {Reason::kSmets1Proxy, 22},
                                                 {Reason::kBlocked, 23},
                                                 {Reason::kCellNotAcb, 24},
                                                 {Reason::kCellUnknown, 25},
                                                 {Reason::kDeviceUnknown, 26},
                                                 {Reason::kChain, 30},
                                                 {Reason::kProfile, 31},
                                                 {Reason::kAlgorithm, 32},
                                                 {Reason::kEnvironment, 33},
                                                 {Reason::kCertRevoked, 34},
                                                 {Reason::kIssuerRevoked, 35},
                                                 {Reason::kNotInRepository, 36},
                                                 {Reason::kNotOrganisationCert, 37},
                                                 {Reason::kCertSetMixed, 38},
                                                 {Reason::kCertSetIncomplete, 39},
                                                 {Reason::kReplacementIsAcb, 40},
                                                 {Reason::kCertExpired, 41},
                                                 {Reason::kSubjectUnknown, 50},
                                                 {Reason::kNoNotRegistered, 51},
                                                 {Reason::kNoUnmapped, 52},
                                                 {Reason::kGnpNotUser, 53},
                                                 {Reason::kCounterRegression, 60},
                                                 {Reason::kCounterUnknown, 61},
                                                 {Reason::kCounterExhausted, 62},
                                                 {Reason::kFloorLimit, 63},
                                                 {Reason::kCounterLimit, 64},
                                                 {Reason::kCrlStale, 70},
                                                 {Reason::kArlStale, 71},
                                                 {Reason::kFeedStale, 72},
                                                 {Reason::kRepositoryTimeout, 73},
                                                 {Reason::kPrefixMismatch, 80},
                                                 {Reason::kReplacementNotSender, 81},
                                                 {Reason::kGnoToAcb, 82},
                                                 {Reason::kFloorAbsent, 83},
                                                 {Reason::kRevocationNotChecked, 84},
                                                 {Reason::kAcbCert, 90},
                                                 {Reason::kKeyLimit, 91},
                                                 {Reason::kHsmNotApproved, 92},
                                                 {Reason::kRole, 93},
                                                 {Reason::kCorrelation, 94},
                                                 {Reason::kFirmwareHash, 95},
                                                 {Reason::kHsmUnavailable, 110},
                                                 {Reason::kHsmPin, 111},
                                                 {Reason::kStoreUnavailable, 112},
                                                 {Reason::kStoreInDoubt, 113},
                                                 {Reason::kRecordDamaged, 114},
                                                 {Reason::kStoreMissing, 115},
                                                 {Reason::kChangedMeanwhile, 116},
                                                 {Reason::kBusy, 117},
                                                 {Reason::kConfiguration, 118},
                                                 {Reason::kTooLarge, 130},
                                                 {Reason::kNotFound, 131},
                                                 {Reason::kMethodNotAllowed, 132},
                                                 {Reason::kForbidden, 133},
                                                 {Reason::kMediaType, 134},
                                                 {Reason::kFeedRejected, 135}};
  EXPECT_EQ(std::size(kNumbers), AllReasons().size());
  for (const auto& [reason, number] : kNumbers) EXPECT_EQ(static_cast<int>(reason), number);
}

}  // namespace
}  // namespace acb
