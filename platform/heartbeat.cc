#include "platform/heartbeat.h"

#include "platform/box.h"
#include "platform/https_server.h"
#include "platform/service_manager.h"

namespace acb::platform {
namespace {

// Of the watchdog's interval: so often it is told, and so long something may stand still.
constexpr int kBeats = 4;

}  // namespace

Heartbeat::Heartbeat(ServiceManager& manager, const HttpsServer& server, Box* box, const Log& log)
    : manager_(manager),
      server_(server),
      box_(box),
      log_(log),
      connections_(Progress::Clock::now()),
      writer_(Progress::Clock::now()),
      next_(Progress::Clock::now()) {}

std::optional<std::string> Heartbeat::WhatStands(Progress::Clock::time_point now) {
  const Progress::Clock::duration limit = *manager_.watchdog();
  if (connections_.StillFor(server_.rounds(), now) > limit) return "no connection is taken in";
  if (box_ == nullptr) return {};
  const store::Statistics store = box_->store().statistics();
  const auto still = writer_.StillFor(store.writer_rounds, now);
  // After its end the store's writer has nothing to do; readiness says why.
  if (store.in_doubt || box_->overtaken()) return {};
  if (still > (store.in_long_job ? Progress::Clock::duration(kLongestJob) : limit)) {
    return "the store's writer stands still";
  }
  return {};
}

void Heartbeat::Beat() {
  const auto now = Progress::Clock::now();
  if (!manager_.watchdog() || now < next_) return;
  next_ = now + *manager_.watchdog() / kBeats;
  const auto stands = WhatStands(now);
  if (!stands) {
    failed_ = false;
    return manager_.Alive();
  }
  if (!failed_) log_.Error("no-progress", {{"what", *stands}});
  failed_ = true;
  manager_.Failing(*stands);
}

}  // namespace acb::platform
