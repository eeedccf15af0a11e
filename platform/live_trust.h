// The certificates and revocation lists in force: read from the store, replaced whole when a feed
// brings new ones.
#pragma once

#include <memory>
#include <mutex>

#include "firmware/handover.h"
#include "firmware/smki/trust.h"
#include "store/store.h"

namespace acb::platform {

// Thread-safe.
class LiveTrust final : public TrustSource {
 public:
  LiveTrust(const store::Store& store, smki::TrustSettings settings);

  // Reads the store. Readers keep the old one until this has returned; after a failure too.
  Status Reload() const;

  // Of what is on the disk: an import counts from its flush on, before its anchor has passed, since
  // a reservation under the trust of before it is refused. Reads the store; when that has changed,
  // blocks while it is read anew.
  std::shared_ptr<const smki::Trust> Current() const override;

 private:
  std::shared_ptr<const smki::Trust> Held() const;
  bool IsNewest(const smki::Trust& trust) const;
  Status Build() const;  // with reload_ held

  const store::Store& store_;
  const smki::TrustSettings settings_;
  mutable std::mutex reload_;  // one reload at a time, so that the newest wins
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const smki::Trust> current_;
};

}  // namespace acb::platform
