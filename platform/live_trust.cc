#include "platform/live_trust.h"

namespace acb::platform {

LiveTrust::LiveTrust(const store::Store& store, smki::TrustSettings settings)
    : store_(store),
      settings_(std::move(settings)),
      current_(smki::Trust::Build(settings_, 0, {}, {})) {}

Status LiveTrust::Reload() const {
  const std::scoped_lock one_at_a_time(reload_);
  return Build();
}

Status LiveTrust::Build() const {
  auto material = store_.LoadTrustMaterial();
  if (!material) return std::move(material).error();
  auto built = smki::Trust::Build(settings_, material->generation, material->certificates,
                                  material->revocation_lists);
  const std::scoped_lock lock(mutex_);
  current_ = std::move(built);
  return Done{};
}

std::shared_ptr<const smki::Trust> LiveTrust::Held() const {
  const std::scoped_lock lock(mutex_);
  return current_;
}

// Also when the store cannot be read: the reservation finds that out.
bool LiveTrust::IsNewest(const smki::Trust& trust) const {
  const auto newest = store_.TrustGeneration();
  return !newest || *newest == trust.generation();
}

std::shared_ptr<const smki::Trust> LiveTrust::Current() const {
  auto held = Held();
  if (IsNewest(*held)) return held;
  const std::scoped_lock one_at_a_time(reload_);
  held = Held();
  if (IsNewest(*held)) return held;  // another thread has read it
  static_cast<void>(Build());
  return Held();
}

}  // namespace acb::platform
