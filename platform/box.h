// One opened appliance: store, HSM, trust and the path that uses them. Opened in order, closed in
// reverse.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "firmware/handover.h"
#include "firmware/observer.h"
#include "hsm/hsm.h"
#include "platform/acb_keys.h"
#include "platform/checkpoints.h"
#include "platform/config.h"
#include "platform/endpoint_table.h"
#include "platform/firmware_check.h"
#include "platform/key_watch.h"
#include "platform/live_trust.h"
#include "platform/log.h"
#include "platform/metrics.h"
#include "platform/record_check.h"
#include "platform/sandbox.h"
#include "store/store.h"

namespace acb::platform {

class Box {
 public:
  // Opens everything, then starts the store (design.md section 4, "Start"): reservations that an
  // earlier run left unanswered are abandoned, and the `start` entry is anchored. Creates nothing
  // but its anchors. Called before any thread is made: it forks the HSM's lister first. `clock` and
  // `log` must outlive the box. Fails with kStoreMissing, kStoreUnavailable, kRecordDamaged,
  // kHsmPin, kHsmUnavailable, kAcbCert (a certificate does not fit its key), kConfiguration (a file
  // that configuration names is of no use), kAnchorMissing, kAnchorForeign, kStoreRolledBack,
  // kOvertaken.
  // `sandbox`, where there is one, is put around the lister, and around the files of this process
  // before its first thread.
  static Result<std::unique_ptr<Box>> Open(const Config& config, const Clock& clock, const Log& log,
                                           Sandbox* sandbox = nullptr);

  // A `configuration` entry: who may use the service from now on, and as what.
  Status RecordAccess(const std::vector<KnownClient>& clients, UtcTime at);

  // After the last request: the `stop` entry, the anchor that says so, and its checkpoint, whose
  // failure is logged and is none of the stop.
  Status Stop();
  // Another box has taken over: this one signs nothing more, and its process is to end.
  bool overtaken() const { return store_->overtaken(); }

  const Handover& handover() const { return *handover_; }
  const Observer& observer() const { return *observer_; }
  store::Store& store() { return *store_; }
  hsm::Hsm& hsm() { return *hsm_; }
  CheckpointKeeper& checkpoints() { return *checkpoints_; }
  LiveTrust& trust() { return *trust_; }
  const std::vector<smki::CertificatePtr>& device_roots() const { return device_roots_; }
  pid_t lister() const { return lister_; }
  Metrics& metrics() { return metrics_; }
  KeyWatch& key_watch() const { return *key_watch_; }
  const RecordCheck& record_check() const { return *record_check_; }
  const std::string& environment() const { return environment_; }
  // Label, serial, issuer and SHA-256 of each certificate in use, for a notice.
  audit::List AcbCertificatesJson() const;
  // When each certificate in use ends, by the label of its key, and the exception for an HSM of
  // FIPS 140-2 ("hsm-exception").
  std::vector<std::pair<std::string, UtcTime>> CertificateEnds() const;

  // Of a request that came to nothing: which record of the store is damaged goes to the log alone.
  void NoteFailure(const Failure& failure) const;

  // What keeps the box from signing anything, or would: empty when all is well. Does not block on
  // the HSM.
  std::vector<Failure> Attention() const;
  // Of these, does one keep it from deciding anything at all (store in doubt)?
  bool Ready() const;
  // Operational, Suspended or Failed, as of now; with the failure that is the cause of the latter
  // two.
  struct Condition {
    State state;
    std::optional<Failure> why;
  };
  Condition condition() const;

 private:
  Box(const Config& config, const Clock& clock, const Log& log)
      : config_(config), clock_(clock), log_(log) {}
  Result<hsm::HsmSettings> StartLister(const Sandbox* sandbox) const;
  Status OpenStore();
  void StartCheckpoints();
  Status OpenTrust();
  Status LoadDeviceRoots();
  Status OpenHsm(hsm::HsmSettings settings);
  Status CheckKeysFitEnvironment() const;
  audit::Object HsmOf(const hsm::TokenInfo& token) const;
  Status CompareInventory();
  Status StartStore();
  Status KeepRelease();
  Status KeepTrustSettings(const std::string& settings);
  UtcTime JudgedAt() const { return config_.test.validation_time.value_or(clock_.Now()); }

  const Config& config_;
  const Clock& clock_;
  const Log& log_;
  std::string environment_;
  std::optional<UtcTime> module_exception_until_;  // R-NOW-9
  FirmwareState firmware_;                         // what the start found of the installed software
  pid_t lister_ = 0;
  std::unique_ptr<hsm::Hsm> hsm_;  // before the store, whose threads use its anchors to the last
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<LiveTrust> trust_;
  std::vector<smki::CertificatePtr> device_roots_;
  keys::Register keys_;
  std::vector<AcbPair> pairs_;  // in use, oldest first
  std::unique_ptr<Handover> handover_;
  std::unique_ptr<Observer> observer_;
  std::unique_ptr<KeyWatch> key_watch_;
  Metrics metrics_;
  std::unique_ptr<CheckpointKeeper> checkpoints_;  // it uses the store and the HSM
  std::unique_ptr<RecordCheck> record_check_;      // last, as it uses the store
};

}  // namespace acb::platform
