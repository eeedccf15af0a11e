#include "platform/live_trust.h"

namespace acb::platform {

LiveTrust::LiveTrust(const store::Store& store, smki::TrustSettings settings)
    : store_(store),
      settings_(std::move(settings)),
      current_(smki::Trust::Build(settings_, 0, {}, {})) {}

Status LiveTrust::Reload() {
  const std::scoped_lock one_at_a_time(reload_);
  auto material = store_.LoadTrustMaterial();
  if (!material) return std::move(material).error();
  auto built = smki::Trust::Build(settings_, material->generation, material->certificates,
                                  material->revocation_lists);
  const std::scoped_lock lock(mutex_);
  current_ = std::move(built);
  return Done{};
}

std::shared_ptr<const smki::Trust> LiveTrust::Current() const {
  const std::scoped_lock lock(mutex_);
  return current_;
}

}  // namespace acb::platform
