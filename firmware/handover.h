// One DUIS 6.21 request, from its octets to a signed command or a reason why not.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "firmware/case_file.h"
#include "firmware/checklist.h"
#include "firmware/checks/acb_certificates.h"
#include "firmware/checks/policy.h"
#include "firmware/duis/request.h"
#include "firmware/keys/limits.h"
#include "firmware/ports.h"
#include "firmware/smki/trust.h"

namespace acb {

struct HandoverSettings {
  duis::ParseLimits parse;
  std::optional<UtcTime> validation_time;  // test only (design.md section 10)
  checks::Policy policy;
  checks::AcbCertificates acb;
  // Newer key pairs that are in use too, while keys are changed: each with whom signs with it.
  // HandoverPorts::signer is that of `acb`. The device's cell says which one it is.
  struct LaterKeys {
    checks::AcbCertificates acb;
    CommandSigner* signer;
    std::optional<UtcTime> in_use_since = {};
  };
  std::vector<LaterKeys> later = {};
  AnswerTable answers = {};           // R-063-10
  std::vector<std::string> channels;  // that may ask for a handover; empty: every one (R-074-5)
  // R-SEC3-21: since when `acb` has been in use; none: it has no limit by age. The limit by
  // operations is the CounterStore's to keep.
  std::optional<UtcTime> in_use_since = {};
  keys::Limits key_limits = {};
  // R-NOW-9: when the exception ends that lets this HSM sign in live; none: it needs none.
  std::optional<UtcTime> module_exception_until = {};
  // R-SEC3-55: what is wrong with the installed software; none: it is the release that it claims to
  // be, or (test alone) was not measured.
  std::optional<Failure> software = {};
};

// kHsmNotApproved once the exception has ended that lets the HSM sign (R-NOW-9).
Status CheckModuleException(const std::optional<UtcTime>& until, UtcTime now);

// The certificates and revocation lists of the moment. Thread-safe; never null.
class TrustSource {
 public:
  virtual ~TrustSource() = default;
  virtual std::shared_ptr<const smki::Trust> Current() const = 0;
};

struct HandoverPorts {
  const Clock& clock;
  const TrustSource& trust;
  const RecordSource& records;
  CounterStore& counters;
  AuditLog& log;
  CommandSigner& signer;
};

// The stages of one handover that was not refused before its end, in order.
enum class Stage : std::uint8_t { kAuthenticate, kJudge, kReserve, kBuild, kSign, kRecord };
inline constexpr std::size_t kStages = 6;

// Told when a stage of one request is over, on the thread that handles it: who has a clock can say
// how long it took.
class StageWatch {
 public:
  virtual ~StageWatch() = default;
  virtual void Passed(Stage stage) = 0;
};

struct IncomingRequest {
  BytesView octets;
  std::string client;                        // identity of the mTLS peer
  std::optional<std::string_view> proposed;  // X-Originator-Counter, as sent
  std::string channel = {};                  // label of the connection's channel (R-074-5)
  // Of an operator who releases it from quarantine: the channel was the DSP's, and was good.
  bool released = false;
  // The Users that the client may hand in requests of; none: every one.
  std::vector<Eui64> originators = {};
  StageWatch* watch = nullptr;  // may be none

  void Passed(Stage stage) const {
    if (watch != nullptr) watch->Passed(stage);
  }
};

struct HandoverAnswer {
  std::optional<RequestId> request_id;  // as verified, else as claimed
  std::optional<StoredRequest> handed;  // state kSigned: the command to send
  // Otherwise: why not. kVolumeExceeded: quarantined, under the number `audit->index`.
  std::optional<Failure> failure;
  std::optional<audit::Receipt> audit;  // missing only when nothing could be recorded
};

// What a dry run found: nothing was spent, signed or recorded.
struct DryRunAnswer {
  std::optional<RequestId> request_id;
  std::vector<CheckOutcome> checks;
  std::vector<std::string> observations;
  std::optional<OriginatorCounter> next;  // the counter that would be used now
  // These octets have their answer, which is what a retry gets: nothing else was judged.
  std::optional<StoredRequest> earlier;
};

// Thread-safe: any number of threads may call at once.
class Handover {
 public:
  Handover(HandoverPorts ports, HandoverSettings settings);

  // Blocks for the HSM and for two flushes.
  HandoverAnswer Handle(const IncomingRequest& incoming) const;
  // Refuses what is wrong with how it was sent, whatever it asks for: on the record, with the
  // RequestID open (P4).
  HandoverAnswer Refuse(const IncomingRequest& incoming, Failure why) const;
  // Every check that can be made, with what came of each (design.md section 8).
  DryRunAnswer DryRun(const IncomingRequest& incoming) const;

 private:
  CaseFile Open(const IncomingRequest& incoming) const;
  void NoteClaimedId(const IncomingRequest& incoming, CaseFile& file) const;
  Result<std::optional<StoredRequest>> Authenticate(const IncomingRequest& incoming,
                                                    const smki::Trust& trust,
                                                    const Records& records, CaseFile& file) const;
  void Judge(const IncomingRequest& incoming, const smki::Trust& trust, const Records& records,
             CaseFile& file, Checklist& list) const;
  HandoverAnswer Act(const IncomingRequest& incoming, const CaseFile& file,
                     const ReservationWish& wish) const;

  // The key pair of CaseFile::acb_keys.
  const checks::AcbCertificates& AcbOf(const CaseFile& file) const;
  CommandSigner& SignerOf(const CaseFile& file) const;
  std::optional<UtcTime> InUseSince(const CaseFile& file) const;
  ReservationWish WishOf(const CaseFile& file, const smki::Trust& trust) const;
  Status CheckAcb(const smki::Trust& trust, const Records& records, CaseFile& file) const;

  HandoverAnswer Decline(const CaseFile& file, Failure why) const;
  HandoverAnswer DeclineAfterReserve(const CaseFile& file, ReservedCounter&& counter,
                                     Failure why) const;
  HandoverAnswer DeclineAfterLie(const CaseFile& file, ReservedCounter&& counter,
                                 Failure why) const;
  HandoverAnswer Quarantine(const CaseFile& file, Failure why) const;
  HandoverAnswer Repeat(const RequestId& request, StoredRequest stored) const;

  HandoverPorts ports_;
  HandoverSettings settings_;
  std::vector<AcbKeyId> in_use_;         // the key pairs, oldest first
  std::vector<PublicPoint> acb_points_;  // of all of them
};

}  // namespace acb
