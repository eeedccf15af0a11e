// How near the ACB's key pairs in use are to their limits (R-SEC3-21): for readiness, metrics and
// the log. What stops signing is elsewhere: age in firmware/handover.h, operations in the store.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "firmware/keys/limits.h"
#include "platform/acb_keys.h"
#include "platform/log.h"

namespace acb::platform {

// Of one pair, as of a moment.
struct KeyCondition {
  std::string label;  // of its digital signing key
  keys::Use use;
  keys::Standing standing = keys::Standing::kGood;
};

// Thread-safe. What it is given must outlive it.
class KeyWatch {
 public:
  KeyWatch(const store::Store& store, const Clock& clock, const Log& log, keys::Limits limits,
           const std::vector<AcbPair>& pairs);

  // Oldest pair first. A pair whose standing is another than at the last look is logged. Fails as
  // the store does.
  Result<std::vector<KeyCondition>> Look();
  // kKeyLimit for each pair that signs nothing more.
  std::vector<Failure> Attention();
  // Lines of the Prometheus text format: acb_key_*.
  std::string Metrics();
  // A member for /readyz.
  audit::List Json();

 private:
  struct Watched {
    std::string label;
    AcbKeyId id;
    UtcTime in_use_since{0};
    keys::Standing last = keys::Standing::kGood;
  };
  void Note(Watched& pair, const KeyCondition& now);

  const store::Store& store_;
  const Clock& clock_;
  const Log& log_;
  const keys::Limits limits_;
  std::mutex mutex_;  // of `last`
  std::vector<Watched> pairs_;
};

}  // namespace acb::platform
