#include "firmware/handover.h"

#include <utility>

#include "firmware/checks/channel.h"
#include "firmware/checks/device.h"
#include "firmware/checks/earlier_answer.h"
#include "firmware/checks/eligibility.h"
#include "firmware/checks/execution_time.h"
#include "firmware/checks/floor.h"
#include "firmware/checks/proposed_counter.h"
#include "firmware/checks/registration.h"
#include "firmware/checks/signer.h"
#include "firmware/checks/target_certificates.h"
#include "firmware/duis/signature.h"
#include "firmware/gbcs/correlation.h"

namespace acb {

Handover::Handover(HandoverPorts ports, HandoverSettings settings)
    : ports_(ports), settings_(std::move(settings)) {}

HandoverAnswer Handover::Handle(const IncomingRequest& incoming) const {
  CaseFile file{.octets = incoming.octets,
                .body = Sha256(incoming.octets),
                .client = incoming.client,
                .channel = incoming.channel,
                .answers = settings_.answers,
                .now = ports_.clock.Now()};
  file.judged_at = settings_.validation_time.value_or(file.now);
  const std::shared_ptr<const smki::Trust> trust = ports_.trust.Current();

  // ---- whose request is it? ----
  auto unverified = duis::Parse(incoming.octets, settings_.parse);
  if (!unverified) return Decline(file, unverified.error());
  file.claimed_id = unverified->claimed_request_id();

  Status channel = checks::CheckChannel(incoming.channel, settings_.channels);
  if (!channel) return Decline(file, channel.error());

  auto records = ports_.records.Open();
  if (!records) return Decline(file, records.error());
  auto earlier = checks::FindEarlierAnswer(**records, *file.claimed_id, file.body);
  if (!earlier) return Decline(file, earlier.error());
  if (earlier->has_value()) return Repeat(*file.claimed_id, **std::move(earlier));

  auto signer = checks::FindSigner(*trust, unverified->signer(), file.judged_at);
  if (!signer) return Decline(file, signer.error());
  file.Observe(signer->observations);

  const auto verified = duis::VerifySignature(*std::move(unverified), signer->certificate);
  if (!verified) return Decline(file, verified.error());
  file.request = &*verified;
  const duis::HandoverRequest& request = verified->content();

  Status open = checks::CheckRequestIdOpen(**records, request.request_id, file.body);
  if (!open) return Decline(file, open.error());

  // ---- may it be done? ----
  const auto device = checks::CheckDevice(**records, request.request_id.target, request.role);
  if (!device) return Decline(file, device.error());
  file.device = &*device;

  const auto requester = checks::CheckEligibility(**records, request, *device, file.judged_at);
  if (!requester) return Decline(file, requester.error());
  file.requester = *requester;

  if (Status time = checks::CheckExecutionTime(request); !time) return Decline(file, time.error());

  const auto floor = checks::CheckRequestedFloor(request, settings_.requested_floor_limit);
  if (!floor) return Decline(file, floor.error());
  file.Observe(*floor);

  const auto proposed = checks::ReadProposedCounter(incoming.proposed);
  if (!proposed) return Decline(file, proposed.error());

  const auto target =
      checks::CheckTargetCertificates(*trust, request, settings_.acb.eui64, file.judged_at);
  if (!target) return Decline(file, target.error());
  file.target = &*target;
  file.Observe(target->observations());

  Status right = checks::CheckRegistration(**records, *device, request.role, target->holder(),
                                           *requester, file.judged_at);
  if (right && request.execution) {
    right = checks::CheckRegistration(**records, *device, request.role, target->holder(),
                                      *requester, *request.execution);
  }
  if (!right) return Decline(file, right.error());

  Status ours = checks::CheckAcbCertificates(*trust, settings_.acb, file.judged_at);
  if (!ours) return Decline(file, ours.error());

  records->reset();  // a reader that stays open makes the store grow

  // Above this line nothing changes state. Below it a failure may waste a counter, never repeat
  // one.

  auto counter = ports_.counters.Reserve(
      {request.request_id, file.body, request.role, *proposed, trust->generation()});
  if (!counter) return Decline(file, counter.error());

  const auto command = gbcs::BuildUpdateSecurityCredentials(target->content(), *counter);
  if (!command) return DeclineAfterReserve(file, *std::move(counter), command.error());
  Status same = gbcs::CheckCorrelation(*command, target->content(), *counter);  // R-SEC3-6, R-NOW-5
  if (!same) return DeclineAfterReserve(file, *std::move(counter), same.error());

  const auto handed = ports_.signer.SignAndMac(*command, *device->key_agreement);
  if (!handed) return DeclineAfterReserve(file, *std::move(counter), handed.error());

  // P4: on disk, with the answer, before it leaves.
  const auto receipt = ports_.log.AppendSigned(
      *counter,
      file.SignedEntry(*counter, *handed, settings_.acb.eui64, *settings_.acb.digital_signing),
      settings_.acb.eui64, *handed, file.octets);
  if (!receipt) return DeclineAfterReserve(file, *std::move(counter), receipt.error());

  StoredRequest stored;
  stored.state = StoredRequest::State::kSigned;
  stored.role = request.role;
  stored.counter = counter->counter();
  stored.acb = settings_.acb.eui64;
  stored.command = handed->octets;
  stored.audit = *receipt;
  return Repeat(request.request_id, std::move(stored));
}

HandoverAnswer Handover::Repeat(const RequestId& request, StoredRequest stored) const {
  HandoverAnswer answer;
  answer.request_id = request;
  answer.audit = stored.audit;
  if (stored.state == StoredRequest::State::kRefused) {
    answer.failure = Failure(stored.reason, stored.explanation);
  } else {
    answer.handed = std::move(stored);
  }
  return answer;
}

// Refusals are recorded, then answered (P4). One that rests on a verified request is what a retry
// gets again; a fault, and a refusal of a request that is not proven to be the User's, leave the
// RequestID open.
HandoverAnswer Handover::Decline(const CaseFile& file, Failure why) const {
  const bool final = Describe(why.reason).kind == ReasonKind::kRefusal && file.request != nullptr &&
                     why.reason != Reason::kReplay;
  const audit::Entry entry = file.RefusedEntry(why);
  auto receipt = final ? ports_.log.AppendRefused(file.request->content().request_id, file.body,
                                                  entry, why, file.octets)
                       : ports_.log.Append(entry);
  if (final && !receipt && receipt.error().reason == Reason::kChangedMeanwhile) {
    // Another connection was faster under this RequestID: that is what is said, and recorded.
    why = std::move(receipt).error();
    receipt = ports_.log.Append(file.RefusedEntry(why));
  }
  HandoverAnswer answer;
  answer.request_id = file.request ? file.request->content().request_id : file.claimed_id;
  if (receipt) {
    answer.audit = *receipt;
    answer.failure = std::move(why);
  } else {
    // What is not recorded is not said: the answer is the fault that kept it from being recorded.
    answer.failure = std::move(receipt).error();
  }
  return answer;
}

HandoverAnswer Handover::DeclineAfterReserve(const CaseFile& file, ReservedCounter&& counter,
                                             Failure why) const {
  // In doubt nothing more is written; the next start abandons what is unanswered.
  if (Describe(why.reason).kind != ReasonKind::kDoubt) {
    Status abandoned = ports_.counters.Abandon(std::move(counter), why, file.now);
    if (!abandoned) why = std::move(abandoned).error();
  }
  return Decline(file, std::move(why));
}

}  // namespace acb
