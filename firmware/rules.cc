#include "firmware/rules.h"

#include <cstdlib>
#include <string>

namespace acb {
namespace {

using enum Force;
using enum Reason;

// Documents, with the versions that were read. "Lines" are of the copy that the requirements
// catalogue was written from, where a document numbers no paragraphs.
constexpr std::string_view kDuisSchema = "DUIS XML Schema";
constexpr std::string_view kDuisSchemaVersion = "V5.4, November 2025";
constexpr std::string_view kMp063 = "SECMP0063 business requirements";
constexpr std::string_view kMp063Version = "v2.1";
constexpr std::string_view kDp107 = "DP107 SMETS1 validation";
constexpr std::string_view kDp107Version = "draft proposal, outcome not found";
constexpr std::string_view kMp128 = "MP128A Gas Network Operators SMKI requirements";
constexpr std::string_view kMp128Version = "implemented 29 June 2023";
constexpr std::string_view kMp074 = "MP074 Obtaining SMKI Device Certificates";
constexpr std::string_view kMp074Version = "very probably implemented 29 November 2019";
constexpr std::string_view kStage3 = "DECC SEC stage 3 consultation";
constexpr std::string_view kStage3Version = "2013";
constexpr std::string_view kGbcs = "GB Companion Specification";
constexpr std::string_view kGbcsVersion = "0.8.1, 28 November 2014";
constexpr std::string_view kRtds = "DCC reference test data set, GBCS vectors of 6.21";
constexpr std::string_view kRtdsVersion = "4.5.0";

constexpr Rule kRules[] = {
    // ---- whose request is it? ----
    {"request-form",
     "The document is one DUIS Request 6.21 of a supported schema version, within the limits on "
     "size, and nothing is around it.",
     kDuisSchema,
     "Request, RequestHandoverOfDCCControlledDevice, CommandVariant",
     kDuisSchemaVersion,
     kLive,
     {"R-107-9", "R-063-16", "R-NOW-2"},
     {kMalformed, kTooLarge, kDuisVersion, kSrvNotSignedHere, kCommandVariant, kBusy}},
    {"channel",
     "The request came by a channel that may be used for a handover.",
     kMp074,
     "lines 86-91",
     kMp074Version,
     kDerived,
     {"R-074-5"},
     {kChannel}},
    {"one-answer",
     "A RequestID has one answer: the same octets get it again, other octets are not taken.",
     kDuisSchema,
     "RequestIDType",
     kDuisSchemaVersion,
     kDerived,
     {"R-NOW-8"},
     {kReplay, kBusy}},
    {"signer",
     "The signing certificate is held here, is for XML signing (subject OU 87), is no published "
     "test key in live, and passes the rules on validity, path and revocation.",
     kStage3,
     "para 47; para 126, 129; change H4",
     kStage3Version,
     kConsultation,
     {"R-SEC3-2", "R-SEC3-7", "R-SEC3-32", "R-SEC3-33"},
     {kSenderAuth, kTestKey, kCertExpired}},
    {"signature",
     "The XML signature is of the DUIS profile, covers the whole Request, verifies, and is the "
     "User's that the RequestID names.",
     kStage3,
     "para 47",
     kStage3Version,
     kConsultation,
     {"R-SEC3-2", "R-SEC3-3"},
     {kSignatureInvalid, kSenderAuth}},

    // ---- may it be done? ----
    {"signing-not-suspended",
     "Operators have not stopped all signing.",
     kStage3,
     "para 70; L2.14-L2.16",
     kStage3Version,
     kConsultation,
     {"R-SEC3-56"},
     {kSigningSuspended}},
    {"installed-software",
     "The installed software is a signed release, unchanged, and none that is older than one that "
     "ran here before.",
     kStage3,
     "para 296",
     kStage3Version,
     kDerived,
     {"R-SEC3-55"},
     {kFirmwareHash}},
    {"fresh-feeds",
     "Every feed that has an age limit was imported, and not longer ago than that; of no feed "
     "was the newest import lost with a disk.",
     kMp128,
     "lines 75-81",
     kMp128Version,
     kDerived,
     {"R-128-28"},
     {kFeedStale}},
    {"device-known",
     "The device is in the inventory data held here and is SMETS2 or later.",
     kDp107,
     "summary, lines 12-20",
     kDp107Version,
     kDerived,
     {"R-107-1"},
     {kDeviceUnknown, kSmets1Proxy}},
    {"user-status",
     "The User is in the register of parties, has completed User Entry Process Tests, and is "
     "neither suspended nor expelled nor ceased.",
     kStage3,
     "change M8",
     kStage3Version,
     kDerived,
     {"R-SEC3-10", "R-074-2"},
     {kSubjectUnknown, kSuspended}},
    {"user-role",
     "The User has a supplier's role, the only ones that may send 6.21.",
     kStage3,
     "glossary: Eligible User, User Role",
     kStage3Version,
     kConsultation,
     {"R-SEC3-77"},
     {kRoleNotAllowed}},
    {"registered-supplier",
     "The User is the supplier registered for the device's meter point, at the execution "
     "time of a future-dated request and else now.",
     "SEC Service Request Processing Document",
     "6.1(f)",
     "as DP107 quotes it, lines 83-103",
     kLive,
     {"R-107-5", "R-107-7"},
     {kRequesterNotEligible}},
    {"device-type",
     "The device is of a type that has credentials of the role to be replaced.",
     kMp063,
     "2.1, lines 59-63",
     kMp063Version,
     kWithdrawnAdopted,
     {"R-063-15"},
     {kDeviceType}},
    {"device-status",
     "The device's status in the Smart Metering Inventory permits commands.",
     kStage3,
     "para 276, 292",
     kStage3Version,
     kConsultation,
     {"R-SEC3-70"},
     {kDeviceStatus}},
    {"cell-is-acb",
     "The device's cells of the role are recorded as holding the ACB's certificates.",
     kMp128,
     "lines 129-131, 155",
     kMp128Version,
     kDerived,
     {"R-128-9"},
     {kCellNotAcb, kCellUnknown}},
    {"floor-known",
     "The counter floor of the cells is recorded; a missing one is not guessed.",
     kMp128,
     "lines 498-502",
     kMp128Version,
     kLive,
     {"R-128-17", "R-128-18"},
     {kCounterUnknown}},
    {"device-key",
     "The device's key agreement key is held, which the MAC of the command needs.",
     kGbcs,
     "4.3.3, 13.3.3.1",
     kGbcsVersion,
     kLive,
     {"R-128-23", "R-SEC3-19"},
     {kFeedStale}},
    {"device-not-blocked",
     "Operators have not blocked the device.",
     kStage3,
     "para 161-166",
     kStage3Version,
     kDerived,
     {"R-SEC3-52"},
     {kBlocked}},
    {"certified-product",
     "The device's model has an entry in force on the Certified Products List, once that list "
     "came, "
     "and its communications hub is not suspended.",
     kStage3,
     "para 276, 292",
     kStage3Version,
     kConsultation,
     {"R-SEC3-70", "R-SEC3-71"},
     {kDeviceStatus, kFeedStale}},
    {"execution-time",
     "An execution time goes with Command Variant 1 alone and is not the value that cancels a "
     "request.",
     kDuisSchema,
     "FutureDatedAbstractType, CommandVariant",
     kDuisSchemaVersion,
     kDerived,
     {"R-107-5"},
     {kCommandVariant, kMalformed}},
    {"requested-floor",
     "A floor that the supplier asks for is within the limit, so that it cannot lock out the "
     "incoming party.",
     kDuisSchema,
     "RemotePartyFloorSeqNumber",
     kDuisSchemaVersion,
     kDerived,
     {"R-NOW-3"},
     {kFloorLimit}},
    {"proposed-counter",
     "A counter that the DSP proposes is a number from 1 to 2^63-1; a proposal that is refused "
     "leaves the request open.",
     kMp128,
     "lines 492-496",
     kMp128Version,
     kLive,
     {"R-128-16", "R-NOW-2"},
     {kMalformed, kCounterRegression, kCounterLimit}},
    {"certificate-set",
     "The replacement certificates cover the cells of the role, no more and no less, and are all "
     "of one organisation.",
     kMp063,
     "2.2, lines 89-93",
     kMp063Version,
     kDerived,
     {"R-063-3", "R-NOW-6"},
     {kCertSetIncomplete, kCertSetMixed}},
    {"certificate-profile",
     "Each certificate follows the organisation certificate profile: extensions, policy, key "
     "usage, identifiers.",
     kStage3,
     "para 80 (table), 112, 115, 122",
     kStage3Version,
     kConsultation,
     {"R-SEC3-8", "R-SEC3-9"},
     {kProfile, kNotOrganisationCert}},
    {"certificate-algorithm",
     "Each certificate has a P-256 key and is signed with ECDSA and SHA-256.",
     kStage3,
     "para 54, 125",
     kStage3Version,
     kConsultation,
     {"R-SEC3-5"},
     {kAlgorithm}},
    {"certificate-path",
     "The path of each certificate is the root, one issuing authority and the organisation, and "
     "the request carries exactly the issuing authorities' certificates.",
     kStage3,
     "para 74, 75",
     kStage3Version,
     kConsultation,
     {"R-SEC3-11", "R-SEC3-13"},
     {kChain}},
    {"certificate-validity",
     "Each certificate of a path is in date at the time of the decision; those that a future-dated "
     "command carries at its execution time too.",
     kStage3,
     "para 126, 129",
     kStage3Version,
     kDerived,
     {"R-SEC3-7"},
     {kCertExpired}},
    {"revocation-lists",
     "The revocation lists of the issuing authority and of the root are held, genuine and fresh.",
     kStage3,
     "para 124 and its table",
     kStage3Version,
     kConsultation,
     {"R-SEC3-14", "R-SEC3-16", "R-SEC3-17"},
     {kCrlStale, kArlStale}},
    {"not-revoked",
     "No certificate of a path is revoked, for whatever reason.",
     kStage3,
     "para 71, 124",
     kStage3Version,
     kConsultation,
     {"R-SEC3-18", "R-SEC3-16", "R-128-7"},
     {kCertRevoked, kIssuerRevoked}},
    {"environment",
     "Test material and live material never meet.",
     kStage3,
     "para 84, 86",
     kStage3Version,
     kConsultation,
     {"R-SEC3-31", "R-SEC3-33"},
     {kEnvironment}},
    {"replacement-is-not-acb",
     "No replacement certificate is the ACB's own.",
     kMp128,
     "lines 419-427",
     kMp128Version,
     kLive,
     {"R-128-13"},
     {kReplacementIsAcb}},
    {"certificate-role",
     "Each replacement certificate's role (subject OU) and key usage are those of its cell.",
     kRtds,
     "CS02bNOByNOHandover_6.21, CS02bSupplierBySupplierHandover_6.21",
     kRtdsVersion,
     kDerived,
     {"R-NOW-6"},
     {kRole, kProfile}},
    {"not-blocked-certificates",
     "Operators have blocked neither the subject nor the issuer of the signer's certificate, of a "
     "replacement certificate or of its issuing authority's.",
     kStage3,
     "para 161-166",
     kStage3Version,
     kDerived,
     {"R-SEC3-52"},
     {kBlocked}},
    {"repository",
     "Once the SMKI Repository's status was imported, each replacement certificate is in the "
     "repository and in use there; revoked there counts before any list says so, of the signer, "
     "the "
     "issuing authorities and the ACB too.",
     kMp128,
     "lines 443-447",
     kMp128Version,
     kLive,
     {"R-128-7", "R-SEC3-23"},
     {kCertRevoked, kIssuerRevoked, kNotInRepository, kFeedStale}},
    {"holder-known",
     "The organisation that the certificates name is in the register of parties, with a fitting "
     "role.",
     kMp063,
     "2.2, lines 89-93",
     kMp063Version,
     kDerived,
     {"R-063-17"},
     {kSubjectUnknown}},
    {"supplier-is-requester",
     "Supplier certificates are those of the party that sends the request, now and at the "
     "execution "
     "time.",
     kStage3,
     "para 53, 54",
     kStage3Version,
     kDerived,
     {"R-SEC3-4", "R-107-5", "R-128-10"},
     {kRequesterNotEligible}},
    {"registered-network-operator",
     "Network operator certificates are those of the network operator registered for the device's "
     "meter point, now and at the execution time.",
     kMp063,
     "BR1; 2.1, lines 65-79; 2.2, lines 83-93",
     kMp063Version,
     kWithdrawnAdopted,
     {"R-063-1", "R-063-13", "R-063-14"},
     {kNoNotRegistered, kNoUnmapped}},
    {"network-operator-status",
     "The network operator is a DCC User, neither suspended nor expelled.",
     kStage3,
     "change M8",
     kStage3Version,
     kDerived,
     {"R-SEC3-10", "R-074-2"},
     {kSuspended}},
    {"gas-network-party",
     "A gas network party whose certificates go on a gas proxy function is a DCC User and has not "
     "given notice to cease.",
     kMp128,
     "lines 67-81, 182-194, 216-220",
     kMp128Version,
     kLive,
     {"R-128-1", "R-128-2", "R-128-3", "R-128-6"},
     {kGnpNotUser}},
    {"parties-not-suspended",
     "Operators have suspended neither the requesting party nor the party of the certificates.",
     kStage3,
     "para 70; L2.14-L2.16",
     kStage3Version,
     kConsultation,
     {"R-SEC3-56"},
     {kSuspended}},
    {"acb-certificates",
     "The ACB's own certificates are held, in date, not revoked and not blocked.",
     kStage3,
     "L3.11",
     kStage3Version,
     kConsultation,
     {"R-SEC3-29", "R-SEC3-52"},
     {kAcbCert}},

    // ---- the act ----
    {"counter",
     "The counter is greater than every one used for the device and than the floor of the cells, "
     "at most 2^63-1, and on disk before the HSM is asked.",
     kMp128,
     "lines 476-502",
     kMp128Version,
     kLive,
     {"R-128-16", "R-128-18", "R-NOW-2", "R-NOW-7"},
     {kCounterRegression, kCounterLimit, kCounterExhausted, kChangedMeanwhile, kBusy}},
    {"volume",
     "The User's handovers, and those of all Users, in the rolling hour and day are below the "
     "thresholds; what is above waits for two operators.",
     kStage3,
     "para 188 L2340-2341",
     kStage3Version,
     kConsultation,
     {"R-NOW-11", "R-SEC3-50"},
     {kVolumeExceeded, kDeletedByOperators}},
    {"correlation",
     "The octets to be signed, parsed back, say what the request says.",
     kStage3,
     "glossary: Pre-Command",
     kStage3Version,
     kDerived,
     {"R-SEC3-6", "R-NOW-5"},
     {kCorrelation}},
    {"signing",
     "The signature and the MAC are of the form that GBCS gives them, and the signature verifies "
     "before it leaves.",
     kGbcs,
     "4.3, 4.3.3, 13.3.3.1",
     kGbcsVersion,
     kLive,
     {"R-128-23"},
     {kHsmUnavailable, kRecordDamaged}},
    {"recorded-first",
     "The decision is on disk in the audit log before it is answered.",
     kStage3,
     "para 8, 47",
     kStage3Version,
     kConsultation,
     {"R-SEC3-1"},
     {kStoreUnavailable, kStoreInDoubt, kRecordDamaged, kChangedMeanwhile}},
};

audit::Object ToObject(const Rule& rule) {
  audit::List requirements(rule.requirements.begin(), rule.requirements.end());
  audit::List reasons;
  for (const Reason reason : rule.reasons) reasons.emplace_back(Describe(reason).name);
  return {{"name", rule.name},
          {"demand", rule.demand},
          {"document", rule.document},
          {"clause", rule.clause},
          {"document_version", rule.version},
          {"force", Name(rule.force)},
          {"requirements", std::move(requirements)},
          {"reasons", std::move(reasons)}};
}

}  // namespace

std::string_view Name(Force force) {
  switch (force) {
    case kLive:
      return "live";
    case kWithdrawnAdopted:
      return "withdrawn, adopted here";
    case kConsultation:
      return "consultation";
    case kDerived:
      return "derived";
  }
  std::abort();
}

std::span<const Rule> AllRules() { return kRules; }

audit::Object RuleListing() {
  audit::List rules;
  for (const Rule& rule : kRules) rules.emplace_back(ToObject(rule));
  const std::string digest = ToHex(Sha256(AsBytes(audit::CanonicalJson(rules))));
  return {{"version", kRuleSetVersion}, {"sha256", digest}, {"rules", std::move(rules)}};
}

}  // namespace acb
