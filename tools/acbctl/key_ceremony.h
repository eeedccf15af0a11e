// What every key ceremony is made of: two operators, a stopped box, the token and the store as a
// pair, numbered steps, and one record in the audit log (R-SEC3-41).
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "firmware/audit/entry.h"
#include "firmware/keys/register.h"
#include "firmware/keys/script.h"
#include "hsm/provisioning.h"
#include "platform/config.h"
#include "store/store.h"

namespace acb::acbctl {

struct CeremonyOptions {
  std::filesystem::path config;           // acbd.toml
  std::vector<std::filesystem::path> as;  // client certificates of two operators; keys beside
  std::string witness;                    // reference of a recording or of further witnesses
  std::filesystem::path record;           // where a copy of the record goes; empty: nowhere
  bool json = false;
};

// One ceremony, from Open to Close or Abort. One thread. The store has its own epoch meanwhile, so
// that no box starts beside it.
class Ceremony {
 public:
  // Steps 1 and 2 of every script. Fails as ProveTwoOperators, Provisioning::Open, Store::Open and
  // Store::Start do.
  static Result<std::unique_ptr<Ceremony>> Open(const CeremonyOptions& options, keys::Act act);
  ~Ceremony();
  Ceremony(const Ceremony&) = delete;
  Ceremony& operator=(const Ceremony&) = delete;

  // The next step of the script is done: printed with its number, and kept for the record.
  void Step(const std::string& result);
  // In the record beside the steps.
  void Note(std::string_view name, audit::Value value);
  // The last step: the record with the keys as they are now, and the register, in one transaction.
  // The box is then stopped again. What it gives is the record as the log has it.
  Result<std::string> Close(const std::vector<std::string>& labels);
  // The ceremony ends here: a record says where and why. Gives `why`.
  Failure Abort(Failure why);

  const platform::Config& config() const { return config_; }
  const std::vector<std::string>& operators() const { return operators_; }
  hsm::Provisioning& token() { return *token_; }
  store::Store& store() { return *store_; }
  keys::Register& keys() { return keys_; }
  UtcTime at() const { return at_; }

 private:
  Ceremony(const CeremonyOptions& options, keys::Act act, platform::Config config);
  Status OpenToken();
  Status CheckModule();
  Status CheckListing();
  Status OpenStore();
  Status AdoptFirstPair();
  Result<std::optional<keys::KeyRecord>> FirstKey(keys::Role role, const audit::Object& provision);
  Result<bool> IsInToken(const std::string& label);
  audit::Entry Record(bool complete) const;
  Status Finish();

  const CeremonyOptions& options_;
  const keys::Act act_;
  const platform::Config config_;
  std::vector<std::string> operators_;  // who they are, and with which certificate
  std::vector<std::string> certificates_;
  UtcTime at_{0};
  keys::Register keys_;
  audit::Object notes_;
  audit::List steps_;
  bool started_ = false;
  std::unique_ptr<hsm::Provisioning> token_;
  std::unique_ptr<store::Store> store_;  // goes before the token, whose anchors it uses
};

// The token's listing as the log and the operator get it, in order of label.
audit::List ListingJson(const std::vector<hsm::KeyObject>& objects);

// Not while acbd has it. The message says what to do.
Result<std::unique_ptr<store::Store>> OpenStoppedStore(const platform::Config& config);

}  // namespace acb::acbctl
