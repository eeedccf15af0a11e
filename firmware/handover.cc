#include "firmware/handover.h"

#include <utility>

#include "firmware/checks/certified_product.h"
#include "firmware/checks/channel.h"
#include "firmware/checks/device.h"
#include "firmware/checks/earlier_answer.h"
#include "firmware/checks/eligibility.h"
#include "firmware/checks/execution_time.h"
#include "firmware/checks/feed_age.h"
#include "firmware/checks/floor.h"
#include "firmware/checks/proposed_counter.h"
#include "firmware/checks/registration.h"
#include "firmware/checks/repository.h"
#include "firmware/checks/signer.h"
#include "firmware/checks/suspension.h"
#include "firmware/checks/target_certificates.h"
#include "firmware/duis/response.h"
#include "firmware/duis/signature.h"
#include "firmware/gbcs/correlation.h"

namespace acb {
namespace {

constexpr std::string_view kRequestIdCheck = "request-id";
constexpr std::string_view kProposalCheck = "proposed-counter";

// Which certificates a refusal is about: all have one EUI-64, so the first stands for them. Nothing
// of another party.
Failure AboutCertificates(const checks::CheckedTarget& target, Failure why) {
  if (Describe(why.reason).kind != ReasonKind::kRefusal) return why;
  why.explanation = "DigitalSigningCertificate (" + target.certificates().front()->Label() +
                    "): " + why.explanation;
  return why;
}

// Is it X-Originator-Counter that was refused? Reserve and its check are the only sources of the
// two reasons about a counter, and both speak of a proposed one.
bool IsAboutProposal(const CaseFile& file, Reason reason) {
  return file.check == kProposalCheck || reason == Reason::kCounterRegression ||
         reason == Reason::kCounterLimit;
}

// Is it what a retry of the same octets gets again (P5)? A header that the DSP adds is not content:
// refused for one, the User's signed request is still good without it (P9).
bool IsFinal(const CaseFile& file, Reason reason) {
  return Describe(reason).kind == ReasonKind::kRefusal && file.request &&
         reason != Reason::kReplay && !IsAboutProposal(file, reason);
}

// The feed that a check of it found stale, if it did.
Status About(Feed feed, CaseFile& file, Status status) {
  if (!status && status.error().reason == Reason::kFeedStale) file.stale_feed = feed;
  return status;
}

// Puts what a check earned where the next ones find it.
template <class T, class Place>
Status Keep(Result<T> result, Place& place) {
  if (!result) return std::move(result).error();
  place = *std::move(result);
  return Done{};
}

void AddPoints(const checks::AcbCertificates& acb, std::vector<PublicPoint>& points) {
  for (const smki::CertificatePtr& own : {acb.digital_signing, acb.key_agreement}) {
    if (own && own->public_point()) points.push_back(*own->public_point());
  }
}

}  // namespace

Status CheckModuleException(const std::optional<UtcTime>& until, UtcTime now) {
  if (!until || now < *until) return Done{};
  return Failure(Reason::kHsmNotApproved,
                 "the exception for the HSM of FIPS 140-2 ended at " + until->Iso());
}

Handover::Handover(HandoverPorts ports, HandoverSettings settings)
    : ports_(ports), settings_(std::move(settings)), in_use_({settings_.acb.key_id}) {
  AddPoints(settings_.acb, acb_points_);
  for (const HandoverSettings::LaterKeys& later : settings_.later) {
    in_use_.push_back(later.acb.key_id);
    AddPoints(later.acb, acb_points_);
  }
}

HandoverAnswer Handover::Handle(const IncomingRequest& incoming) const {
  CaseFile file = Open(incoming);
  const std::shared_ptr<const smki::Trust> trust = ports_.trust.Current();
  auto records = ports_.records.Open();
  if (!records) return Decline(file, records.error());

  auto earlier = Authenticate(incoming, *trust, **records, file);
  if (!earlier) return Decline(file, earlier.error());
  if (earlier->has_value()) {
    records->reset();
    // P5 holds over two boxes too: one that was overtaken repeats nothing.
    if (Status ours = ports_.log.Confirm(); !ours) return Decline(file, std::move(ours).error());
    return Repeat(*file.claimed_id, **std::move(earlier));
  }

  incoming.Passed(Stage::kAuthenticate);

  Checklist list(Checklist::Mode::kDecide);
  Judge(incoming, *trust, **records, file, list);
  file.check = list.failed_check();
  if (Status verdict = list.Verdict(); !verdict) return Decline(file, verdict.error());

  records->reset();  // a reader that stays open makes the store grow
  incoming.Passed(Stage::kJudge);

  // No counter is spent on what an HSM that is known to be lost would not sign (F6).
  Status able = SignerOf(file).CheckAvailable();
  if (!able) return Decline(file, std::move(able).error());

  // Above this line nothing changes state. Below it a failure may waste a counter, never repeat
  // one.

  return Act(incoming, file, WishOf(file, *trust));
}

HandoverAnswer Handover::Refuse(const IncomingRequest& incoming, Failure why) const {
  CaseFile file = Open(incoming);
  file.check = "request";
  NoteClaimedId(incoming, file);
  return Decline(file, std::move(why));
}

DryRunAnswer Handover::DryRun(const IncomingRequest& incoming) const {
  CaseFile file = Open(incoming);
  const std::shared_ptr<const smki::Trust> trust = ports_.trust.Current();
  Checklist list(Checklist::Mode::kDryRun);
  DryRunAnswer answer;
  auto records = ports_.records.Open();
  list.Check("request", true, [&]() -> Status {
    if (!records) return records.error();
    return Keep(Authenticate(incoming, *trust, **records, file), answer.earlier);
  });
  answer.request_id = file.claimed_id;
  if (answer.earlier) {
    answer.checks = list.outcomes();
    return answer;
  }
  if (records) Judge(incoming, *trust, **records, file, list);
  list.Check("counter and volume", file.request && file.device && !list.failed(), [&]() -> Status {
    return Keep(ports_.counters.Preview(WishOf(file, *trust)), answer.next);
  });
  answer.checks = list.outcomes();
  answer.observations = file.observations;
  return answer;
}

CaseFile Handover::Open(const IncomingRequest& incoming) const {
  CaseFile file{.octets = incoming.octets,
                .body = Sha256(incoming.octets),
                .client = incoming.client,
                .channel = incoming.channel,
                .answers = settings_.answers,
                .now = ports_.clock.Now()};
  file.judged_at = settings_.validation_time.value_or(file.now);
  return file;
}

// R-063-9: the answer to one that is not taken apart names its RequestID where that much can be
// read. Nothing is looked up by it.
void Handover::NoteClaimedId(const IncomingRequest& incoming, CaseFile& file) const {
  const auto echo = duis::ReadEcho(incoming.octets, settings_.parse);
  if (echo.request_id) file.claimed_id = RequestId::FromText(*echo.request_id);
}

// Whose request is it? Gives the stored answer when these octets had theirs before.
Result<std::optional<StoredRequest>> Handover::Authenticate(const IncomingRequest& incoming,
                                                            const smki::Trust& trust,
                                                            const Records& records,
                                                            CaseFile& file) const {
  file.check = "request";
  auto unverified = duis::Parse(incoming.octets, settings_.parse);
  if (!unverified) {
    NoteClaimedId(incoming, file);
    return std::move(unverified).error();
  }
  file.claimed_id = unverified->claimed_request_id();

  if (!incoming.released) {
    file.check = "channel";
    Status channel = checks::CheckChannel(incoming.channel, settings_.channels);
    if (!channel) return std::move(channel).error();
    Status whose = checks::CheckOriginator(file.claimed_id->originator, incoming.originators);
    if (!whose) return std::move(whose).error();
  }

  file.check = "earlier-answer";
  auto earlier = checks::FindEarlierAnswer(records, *file.claimed_id, file.body);
  if (!earlier || earlier->has_value()) return earlier;

  // R-SEC3-64: from here on every decision rests on what was imported, that about the signer too.
  file.check = "feeds";
  Status noted = file.NoteFeeds(records);
  if (!noted) return std::move(noted).error();
  const auto has_signed = [&](const smki::Certificate& certificate) {
    return duis::IsSignedWith(*unverified, certificate);
  };
  file.signer = checks::ChooseSigner(trust, unverified->signer(), has_signed);
  file.check = "signer";
  auto signer = checks::FindSigner(trust, unverified->signer(), file.judged_at, has_signed);
  if (!signer) return std::move(signer).error();
  file.Observe(signer->observations);

  file.check = "signature";
  auto verified = duis::VerifySignature(*std::move(unverified), signer->certificate);
  if (!verified) return std::move(verified).error();
  file.request = *std::move(verified);
  file.NoteCertificates(trust);

  file.check = kRequestIdCheck;
  Status open = checks::CheckRequestIdOpen(records, file.request->content().request_id, file.body);
  if (!open) return std::move(open).error();
  return std::optional<StoredRequest>();
}

// May it be done? Each check rests on those above it.
void Handover::Judge(const IncomingRequest& incoming, const smki::Trust& trust,
                     const Records& records, CaseFile& file, Checklist& list) const {
  const checks::Policy& policy = settings_.policy;
  const duis::HandoverRequest* request = file.request ? &file.request->content() : nullptr;
  const bool known = request != nullptr;
  const UtcTime at = file.judged_at;

  list.Check("software", known, [&]() -> Status {
    if (settings_.software) return *settings_.software;
    return Done{};
  });
  list.Check("suspension", known, [&] { return checks::CheckSigningNotSuspended(records); });
  list.Check("feed-age", known, [&]() -> Status {
    for (const Feed feed : kFeeds) {
      Status fresh = checks::CheckFeed(records, policy, feed, file.now);
      if (!fresh) return About(feed, file, std::move(fresh));
    }
    return Done{};
  });

  list.Check("signer-in-repository", known, [&] {
    return checks::CheckNotRevokedInRepository(records, *file.request->signer(),
                                               Reason::kCertRevoked);
  });
  list.Check("signer-not-blocked", known,
             [&] { return checks::CheckCertificateNotBlocked(records, *file.request->signer()); });

  // What a device is, is told to who may ask about it.
  list.Check("device-known", known, [&] {
    return Keep(checks::FindKnownDevice(records, request->request_id.target), file.device);
  });
  list.Check("requester", file.device.has_value(), [&] {
    return Keep(checks::CheckEligibility(records, *request, *file.device, at), file.requester);
  });
  list.Check("requester-not-suspended", !file.requester.empty(), [&] {
    return checks::CheckUserNotSuspended(records, request->request_id.originator,
                                         "the requesting party", true, at);
  });
  const bool entitled = !file.requester.empty();
  list.Check("device", entitled,
             [&] { return checks::CheckDevice(records, *file.device, request->role); });
  list.Check("device-not-blocked", entitled,
             [&] { return checks::CheckDeviceNotBlocked(records, file.device->id); });
  list.Check("certified-product", entitled, [&] {
    return About(Feed::kCertifiedProducts, file,
                 checks::CheckCertifiedProduct(records, policy, *file.device, at));
  });

  list.Check("execution-time", known, [&] { return checks::CheckExecutionTime(*request); });
  list.Check("requested-floor", known, [&]() -> Status {
    const auto observed = checks::CheckRequestedFloor(*request, policy);
    if (!observed) return observed.error();
    file.Observe(*observed);
    return Done{};
  });
  list.Check(kProposalCheck, known,
             [&] { return Keep(checks::ReadProposedCounter(incoming.proposed), file.proposed); });

  list.Check("target-certificates", known, [&]() -> Status {
    auto target = checks::CheckTargetCertificates(trust, *request, settings_.acb.eui64, at);
    if (target) {
      if (Status other = checks::CheckNoAcbKey(*target, acb_points_); !other) return other;
    }
    Status kept = Keep(std::move(target), file.target);
    if (kept) file.Observe(file.target->observations());
    return kept;
  });
  list.Check("target-not-blocked", file.target.has_value(), [&]() -> Status {
    for (const auto* certificates : {&file.target->certificates(), &file.target->issuing()}) {
      for (const smki::CertificatePtr& certificate : *certificates) {
        Status open = checks::CheckCertificateNotBlocked(records, *certificate);
        if (!open) return open;
      }
    }
    return Done{};
  });
  list.Check("repository", file.target.has_value(), [&]() -> Status {
    for (const smki::CertificatePtr& authority : file.target->issuing()) {
      Status good =
          checks::CheckNotRevokedInRepository(records, *authority, Reason::kIssuerRevoked);
      if (!good) return good;
    }
    return About(Feed::kRepositoryStatus, file,
                 checks::CheckRepository(records, policy, file.target->certificates()));
  });

  const bool parties_known = file.target && file.device && !file.requester.empty();
  list.Check("registration", parties_known, [&]() -> Status {
    Status right = checks::CheckRegistration(
        records, policy, *file.device, request->role, file.target->holder(), file.requester, at,
        checks::RightsApplyAt(*request, at), file.registration);
    file.Observe(file.registration.observations);
    if (!right) return AboutCertificates(*file.target, std::move(right).error());
    return right;
  });
  list.Check("holder-not-suspended", parties_known, [&] {
    return checks::CheckUserNotSuspended(records, file.target->holder(),
                                         "the party of the certificates", false, at);
  });

  list.Check("acb-certificates", true, [&] { return CheckAcb(trust, records, file); });
}

const checks::AcbCertificates& Handover::AcbOf(const CaseFile& file) const {
  return file.acb_keys == 0 ? settings_.acb : settings_.later[file.acb_keys - 1].acb;
}

CommandSigner& Handover::SignerOf(const CaseFile& file) const {
  return file.acb_keys == 0 ? ports_.signer : *settings_.later[file.acb_keys - 1].signer;
}

std::optional<UtcTime> Handover::InUseSince(const CaseFile& file) const {
  return file.acb_keys == 0 ? settings_.in_use_since
                            : settings_.later[file.acb_keys - 1].in_use_since;
}

ReservationWish Handover::WishOf(const CaseFile& file, const smki::Trust& trust) const {
  ReservationWish wish = file.Wish(trust.generation());
  wish.acb_key = AcbOf(file).key_id;
  return wish;
}

// R-SEC3-29, R-SEC3-21, R-NOW-9, and which of two key pairs: decided before anything is reserved.
Status Handover::CheckAcb(const smki::Trust& trust, const Records& records, CaseFile& file) const {
  if (file.device && file.request) {
    const CellState& cell = file.device->cell(file.request->content().role);
    Status chosen = Keep(checks::ChooseAcbKeys(cell, in_use_), file.acb_keys);
    if (!chosen) return chosen;
    file.acb_certificate = AcbOf(file).digital_signing;
  }
  if (const std::optional<UtcTime> since = InUseSince(file)) {
    // The time of the log: one that a test fixes makes no key older.
    Status young = keys::CheckAge(*since, file.now, settings_.key_limits);
    if (!young) return young;
  }
  Status excepted = CheckModuleException(settings_.module_exception_until, file.now);
  if (!excepted) return excepted;
  const checks::AcbCertificates& acb = AcbOf(file);
  Status on_record = checks::CheckAcbOnRecord(records, acb);
  if (!on_record) return on_record;
  return checks::CheckAcbCertificates(trust, acb, file.judged_at);
}

// Reserve, build, sign, record: the order is the promise (P1, P4).
HandoverAnswer Handover::Act(const IncomingRequest& incoming, const CaseFile& file,
                             const ReservationWish& wish) const {
  auto counter = ports_.counters.Reserve(wish);
  if (!counter) {
    const bool hold = Describe(counter.error().reason).kind == ReasonKind::kHold;
    return hold ? Quarantine(file, counter.error()) : Decline(file, counter.error());
  }

  incoming.Passed(Stage::kReserve);

  const gbcs::HandoverContent& content = file.target->content();
  const auto command = gbcs::BuildUpdateSecurityCredentials(content, *counter);
  if (!command) return DeclineAfterReserve(file, *std::move(counter), command.error());
  Status same = gbcs::CheckCorrelation(*command, content, *counter);  // R-SEC3-6, R-NOW-5
  if (!same) return DeclineAfterReserve(file, *std::move(counter), same.error());

  incoming.Passed(Stage::kBuild);

  bool lied = false;
  const auto handed = SignerOf(file).SignAndMac(*command, *file.device->key_agreement, lied);
  if (lied) return DeclineAfterLie(file, *std::move(counter), handed.error());
  if (!handed) return DeclineAfterReserve(file, *std::move(counter), handed.error());

  incoming.Passed(Stage::kSign);

  // P4: on disk, with the answer, before it leaves.
  const auto receipt =
      ports_.log.AppendSigned(*counter, file.SignedEntry(*counter, *handed, settings_.acb.eui64),
                              settings_.acb.eui64, *handed, incoming.octets);
  if (!receipt) return DeclineAfterReserve(file, *std::move(counter), receipt.error());

  incoming.Passed(Stage::kRecord);

  StoredRequest stored;
  stored.state = StoredRequest::State::kSigned;
  stored.role = counter->role();
  stored.counter = counter->counter();
  stored.acb = settings_.acb.eui64;
  stored.command = handed->octets;
  stored.audit = *receipt;
  return Repeat(counter->request(), std::move(stored));
}

HandoverAnswer Handover::Repeat(const RequestId& request, StoredRequest stored) const {
  HandoverAnswer answer;
  answer.request_id = request;
  answer.audit = stored.audit;
  if (stored.state == StoredRequest::State::kSigned) {
    answer.handed = std::move(stored);
  } else {
    answer.failure = Failure(stored.reason, stored.explanation);
  }
  return answer;
}

// Refusals are recorded, then answered (P4). One that rests on a verified request is what a retry
// gets again; a fault, a refusal of a request that is not proven to be the User's, and one of the
// counter that the DSP proposed leave the RequestID open.
HandoverAnswer Handover::Decline(const CaseFile& file, Failure why) const {
  const bool final = IsFinal(file, why.reason);
  const audit::Entry entry = file.RefusedEntry(why, final);
  auto receipt = final ? ports_.log.AppendRefused(file.request->content().request_id, file.body,
                                                  entry, why, file.octets)
                       : ports_.log.Append(entry);
  if (final && !receipt && receipt.error().reason == Reason::kChangedMeanwhile) {
    // Another connection was faster under this RequestID: that is what is said, and recorded.
    why = std::move(receipt).error();
    receipt = ports_.log.Append(file.RefusedEntry(why, false).Set("check", kRequestIdCheck));
  }
  HandoverAnswer answer;
  answer.request_id = file.claimed_id;
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

// A faulty signature can give the key away (reliability.md F6): never only a counter that was lost.
HandoverAnswer Handover::DeclineAfterLie(const CaseFile& file, ReservedCounter&& counter,
                                         Failure why) const {
  Status abandoned = ports_.counters.AbandonWithAlarm(
      std::move(counter), why, "the HSM gave a wrong signature or secret", file.now);
  if (!abandoned) why = std::move(abandoned).error();
  return Decline(file, std::move(why));
}

// R-NOW-11: nothing was spent; the counter is taken at release.
HandoverAnswer Handover::Quarantine(const CaseFile& file, Failure why) const {
  const duis::HandoverRequest& request = file.request->content();
  auto receipt = ports_.log.AppendQuarantined(request.request_id, file.body, request.role,
                                              file.QuarantinedEntry(why), why, file.octets);
  if (!receipt) return Decline(file, std::move(receipt).error());
  HandoverAnswer answer;
  answer.request_id = request.request_id;
  answer.audit = *receipt;
  answer.failure = std::move(why);
  return answer;
}

}  // namespace acb
