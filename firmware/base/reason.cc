#include "firmware/base/reason.h"

#include <algorithm>
#include <cstdlib>

namespace acb {
namespace {

using enum ReasonKind;

// DUIS response codes: only the generic ones have a known meaning (duis-6.21.md section 3.2). Where
// no public source gives a code the default is E100, a local choice that a site replaces by
// configuration.
constexpr ReasonInfo kReasons[] = {
    {Reason::kSenderAuth, "SENDER_AUTH", kRefusal, 403, "E1",
     "The request is not signed by a certificate of the User named in its RequestID."},
    {Reason::kSignatureInvalid, "SIGNATURE_INVALID", kRefusal, 403, "E100",
     "The XML signature is missing, is not of the DUIS profile, or does not verify."},
    {Reason::kTestKey, "TEST_KEY", kRefusal, 403, "E100",
     "A published test key was used; test keys have no place in the live environment."},
    {Reason::kRoleNotAllowed, "ROLE_NOT_ALLOWED", kRefusal, 403, "E2",
     "The User Role may not send this Service Request."},
    {Reason::kRequesterNotEligible, "REQUESTER_NOT_ELIGIBLE", kRefusal, 403, "E4",
     "The User is not registered for the meter point of the device at the time that applies."},
    {Reason::kSuspended, "SUSPENDED", kRefusal, 403, "E3",
     "The party is suspended, expelled, or not a DCC User at this time."},
    {Reason::kDuisVersion, "DUIS_VERSION", kRefusal, 422, "E100",
     "The DUIS schema version is not one this appliance accepts."},
    {Reason::kReplay, "REPLAY", kRefusal, 409, "E100",
     "Another request was already received under this RequestID."},
    {Reason::kMalformed, "MALFORMED", kRefusal, 400, "E100",
     "The request is not well-formed, or not of the form that is taken here."},
    {Reason::kSrvNotSignedHere, "SRV_NOT_SIGNED_HERE", kRefusal, 422, "E13",
     "This Service Request is not one that the appliance signs."},
    {Reason::kChannel, "CHANNEL", kRefusal, 403, "E13",
     "The request came by a channel that may not be used for it."},
    {Reason::kCommandVariant, "COMMAND_VARIANT", kRefusal, 422, "E12",
     "The Command Variant does not fit Service Request 6.21, which takes 1, 2 or 3."},

    {Reason::kDeletedByOperators, "DELETED_BY_OPERATORS", kRefusal, 403, "E100",
     "The request was quarantined for its volume, and two operators deleted it."},

    {Reason::kDeviceType, "DEVICE_TYPE", kRefusal, 422, "E11",
     "The device type has no credentials of the role that the request replaces."},
    {Reason::kDeviceStatus, "DEVICE_STATUS", kRefusal, 422, "E5",
     "The device's status in the Smart Metering Inventory does not permit the request."},
    {Reason::kSmets1Proxy, "SMETS1_PROXY", kRefusal, 422, "E11",
     "The device is not known to be SMETS2; credentials of SMETS1 devices are held by proxy."},
    {Reason::kBlocked, "BLOCKED", kRefusal, 403, "E100", "Handovers of this device are blocked."},
    {Reason::kCellNotAcb, "CELL_NOT_ACB", kRefusal, 409, "E100",
     "The device's credentials of this role are not the Access Control Broker's, so it cannot hand "
     "them over."},
    {Reason::kCellUnknown, "CELL_UNKNOWN", kRefusal, 409, "E100",
     "It is not known whose credentials of this role the device holds."},
    {Reason::kDeviceUnknown, "DEVICE_UNKNOWN", kRefusal, 422, "E19",
     "The device is not in the Smart Metering Inventory data held here."},

    {Reason::kChain, "CHAIN", kRefusal, 422, "E100",
     "A certificate does not have a path of exactly root, issuing authority and organisation."},
    {Reason::kProfile, "PROFILE", kRefusal, 422, "E100",
     "A certificate does not follow the SMKI organisation certificate profile."},
    {Reason::kAlgorithm, "ALGORITHM", kRefusal, 422, "E100",
     "A certificate uses an algorithm other than ECDSA P-256 with SHA-256."},
    {Reason::kEnvironment, "ENVIRONMENT", kRefusal, 422, "E100",
     "A certificate belongs to another environment; test and live never meet."},
    {Reason::kCertRevoked, "CERT_REVOKED", kRefusal, 422, "E100", "A certificate is revoked."},
    {Reason::kIssuerRevoked, "ISSUER_REVOKED", kRefusal, 422, "E100",
     "The certificate of an issuing authority is revoked."},
    {Reason::kNotInRepository, "NOT_IN_REPOSITORY", kRefusal, 422, "E100",
     "A certificate is not in the SMKI Repository data held here."},
    {Reason::kNotOrganisationCert, "NOT_ORGANISATION_CERT", kRefusal, 422, "E100",
     "A replacement certificate is not an organisation certificate."},
    {Reason::kCertSetMixed, "CERT_SET_MIXED", kRefusal, 422, "E100",
     "The replacement certificates are not all of one organisation."},
    {Reason::kCertSetIncomplete, "CERT_SET_INCOMPLETE", kRefusal, 422, "E100",
     "The replacement certificates do not cover every cell of the role, or exceed it."},
    {Reason::kReplacementIsAcb, "REPLACEMENT_IS_ACB", kRefusal, 422, "E100",
     "A replacement certificate is the Access Control Broker's own."},
    {Reason::kCertExpired, "CERT_EXPIRED", kRefusal, 422, "E100",
     "A certificate is outside its validity period."},

    {Reason::kSubjectUnknown, "SUBJECT_UNKNOWN", kRefusal, 422, "E100",
     "The organisation named in a certificate is not in the register of parties."},
    {Reason::kNoNotRegistered, "NO_NOT_REGISTERED", kRefusal, 422, "E100",
     "The certificates are not those of the network operator registered for the meter point."},
    {Reason::kNoUnmapped, "NO_UNMAPPED", kRefusal, 422, "E100",
     "No network operator is registered for the meter point of the device."},
    {Reason::kGnpNotUser, "GNP_NOT_USER", kRefusal, 422, "E100",
     "The gas network party is not a DCC User, or has given notice to cease being one."},

    {Reason::kCounterRegression, "COUNTER_REGRESSION", kRefusal, 409, "E100",
     "The proposed originator counter is not greater than one already used or recorded."},
    {Reason::kCounterUnknown, "COUNTER_UNKNOWN", kRefusal, 409, "E100",
     "No originator counter floor is recorded for the cell; none is guessed."},
    {Reason::kCounterExhausted, "COUNTER_EXHAUSTED", kRefusal, 409, "E100",
     "No originator counter is left for the device."},
    {Reason::kFloorLimit, "FLOOR_LIMIT", kRefusal, 422, "E100",
     "The requested floor is above the configured limit and would lock out the incoming party."},
    {Reason::kCounterLimit, "COUNTER_LIMIT", kRefusal, 422, "E100",
     "The proposed originator counter is above the configured limit."},

    {Reason::kCrlStale, "CRL_STALE", kFault, 503, "E100",
     "A certificate revocation list is missing or out of date."},
    {Reason::kArlStale, "ARL_STALE", kFault, 503, "E100",
     "The authority revocation list is missing or out of date."},
    {Reason::kFeedStale, "FEED_STALE", kFault, 503, "E100",
     "Data needed to decide has not been refreshed in time."},
    {Reason::kRepositoryTimeout, "REPOSITORY_TIMEOUT", kFault, 503, "E100",
     "The SMKI Repository did not answer in time."},

    {Reason::kPrefixMismatch, "PREFIX_MISMATCH", kObservation, 200, "I0",
     "The MPAN prefix names another network operator than registration data; registration "
     "decides."},
    {Reason::kReplacementNotSender, "REPLACEMENT_NOT_SENDER", kObservation, 200, "I0",
     "The rightful network operator installed another network operator's certificates."},
    {Reason::kGnoToAcb, "GNO_TO_ACB", kObservation, 200, "I0",
     "A gas network operator put the Access Control Broker's certificates on a device."},
    {Reason::kFloorAbsent, "FLOOR_ABSENT", kObservation, 200, "I0",
     "No floor was requested: the new party must start above the Access Control Broker's counter."},
    {Reason::kRevocationNotChecked, "REVOCATION_NOT_CHECKED", kObservation, 200, "I0",
     "Test environment: no revocation list exists for an issuer named in configuration."},
    {Reason::kHolderMismatch, "HOLDER_MISMATCH", kObservation, 200, "I0",
     "The device reports another holder of the cell before the command than is recorded."},
    {Reason::kCounterNotOurs, "COUNTER_NOT_OURS", kObservation, 200, "I0",
     "A command bears the Access Control Broker as originator with a counter not given out here."},
    {Reason::kStaleObservation, "STALE_OBSERVATION", kObservation, 200, "I0",
     "A repeated, late or reordered message: what is recorded already is not lowered."},
    {Reason::kNotSuccessful, "NOT_SUCCESSFUL", kObservation, 200, "I0",
     "The device did not carry the command out, or not for every cell of the role."},
    {Reason::kSignatureNotChecked, "SIGNATURE_NOT_CHECKED", kObservation, 200, "I0",
     "No certificate is known for the signer of the observed command or response."},

    {Reason::kAcbCert, "ACB_CERT", kFault, 503, "E100",
     "The Access Control Broker's own certificate is missing, expired or revoked."},
    {Reason::kKeyLimit, "KEY_LIMIT", kFault, 503, "E100",
     "The Access Control Broker's key has reached its limit."},
    {Reason::kHsmNotApproved, "HSM_NOT_APPROVED", kFault, 503, "E100",
     "The cryptographic module is not on the approval list."},
    {Reason::kRole, "ROLE", kRefusal, 422, "E100",
     "A certificate's role (subject OU) is not the role that it is offered for."},
    {Reason::kCorrelation, "CORRELATION", kFault, 503, "E100",
     "The command that was built does not say what was requested; nothing was signed."},
    {Reason::kFirmwareHash, "FIRMWARE_HASH", kFault, 503, "E100",
     "The installed software is not the release it claims to be."},
    {Reason::kObservationMismatch, "OBSERVATION_MISMATCH", kRefusal, 422, "E100",
     "The response is not that of the command: device, originator, counter or message code "
     "differ."},

    {Reason::kVolumeExceeded, "VOLUME_EXCEEDED", kHold, 202, "I99",
     "More handovers than the threshold allows: the request waits for two operators."},

    {Reason::kHsmUnavailable, "HSM_UNAVAILABLE", kFault, 503, "E100",
     "The cryptographic module does not answer or gave a result that does not verify."},
    {Reason::kHsmPin, "HSM_PIN", kFault, 503, "E100", "The cryptographic module refused the PIN."},
    {Reason::kStoreUnavailable, "STORE_UNAVAILABLE", kFault, 503, "E100",
     "The store could not be read or written; nothing was changed."},
    {Reason::kStoreInDoubt, "STORE_IN_DOUBT", kDoubt, 503, "E100",
     "A write may or may not have reached the disk; signing is off until a restart."},
    {Reason::kRecordDamaged, "RECORD_DAMAGED", kFault, 503, "E100",
     "A stored record fails its check value."},
    {Reason::kStoreMissing, "STORE_MISSING", kFault, 503, "E100",
     "The store is missing, empty or not this appliance's."},
    {Reason::kChangedMeanwhile, "CHANGED_MEANWHILE", kFault, 503, "E100",
     "What the decision rested on changed while it was made; try again."},
    {Reason::kBusy, "BUSY", kFault, 503, "E100",
     "The appliance is busy, stopping, or another command for this device is under way; try "
     "again."},
    {Reason::kConfiguration, "CONFIGURATION", kFault, 503, "E100",
     "The configuration is not one the appliance can run with."},

    {Reason::kSigningSuspended, "SIGNING_SUSPENDED", kFault, 503, "E100",
     "Operators have stopped all signing; try again when it is lifted."},
    {Reason::kAnchorMissing, "ANCHOR_MISSING", kFault, 503, "E100",
     "The cryptographic module holds no anchor of this store; signing is off until a recovery."},
    {Reason::kAnchorForeign, "ANCHOR_FOREIGN", kFault, 503, "E100",
     "The anchor in the cryptographic module is of another store or another token; signing is "
     "off."},
    {Reason::kStoreRolledBack, "STORE_ROLLED_BACK", kFault, 503, "E100",
     "The store is older than the anchor in the cryptographic module; signing is off until a "
     "recovery."},
    {Reason::kOvertaken, "OVERTAKEN", kFault, 503, "E100",
     "Another appliance with a copy of this store has taken over; this one signs no more."},
    {Reason::kStoreFull, "STORE_FULL", kFault, 503, "E100",
     "The reserve of disk or map space is reached: no new work is taken."},
    {Reason::kCountersExported, "COUNTERS_EXPORTED", kFault, 503, "E100",
     "The counters of this store were exported for good: another appliance signs for its "
     "devices."},
    {Reason::kBackupDamaged, "BACKUP_DAMAGED", kRefusal, 422, "E100",
     "The backup or export is damaged, incomplete, or not for this key."},

    {Reason::kTooLarge, "TOO_LARGE", kRefusal, 413, "E100", "The request is larger than allowed."},
    {Reason::kNotFound, "NOT_FOUND", kRefusal, 404, "E100", "There is no such resource."},
    {Reason::kMethodNotAllowed, "METHOD_NOT_ALLOWED", kRefusal, 405, "E100",
     "The resource does not take this method."},
    {Reason::kForbidden, "FORBIDDEN", kRefusal, 403, "E100",
     "The client certificate does not have a role that may do this."},
    {Reason::kMediaType, "MEDIA_TYPE", kRefusal, 415, "E100",
     "The content type is not one the resource takes."},
    {Reason::kFeedRejected, "FEED_REJECTED", kRefusal, 422, "E100",
     "The file was not imported: at least one row is wrong, and an import is all or nothing."},
    {Reason::kOtherOperator, "OTHER_OPERATOR", kRefusal, 403, "E100",
     "The act takes two different operators, and this one has agreed to it already."},
};

}  // namespace

std::span<const ReasonInfo> AllReasons() { return kReasons; }

const ReasonInfo& Describe(Reason reason) {
  const auto found = std::ranges::find(kReasons, reason, &ReasonInfo::reason);
  if (found == std::end(kReasons)) std::abort();  // an enumerator without a row is a bug
  return *found;
}

const ReasonInfo* FindReason(std::string_view name) {
  const auto found = std::ranges::find(kReasons, name, &ReasonInfo::name);
  return found == std::end(kReasons) ? nullptr : &*found;
}

}  // namespace acb
