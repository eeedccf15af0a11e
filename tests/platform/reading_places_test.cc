// How many reports are made at once (platform/audit_view.h).
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include "platform/audit_view.h"

namespace acb::platform {
namespace {

constexpr int kPlaces = 2;
constexpr int kOk = 200, kBusy = 503;

TEST(ReadingPlaces, AreNeverMoreAtOnceAndEveryoneWhoWaitsIsServed) {
  constexpr int kAuditors = 50;
  ReadingPlaces places(kPlaces, std::chrono::hours(1));
  std::atomic<int> now = 0, most = 0, served = 0;
  const Handler handler = [&](const HttpRequest&) {
    const int here = ++now;
    for (int seen = most; seen < here && !most.compare_exchange_weak(seen, here);) continue;
    std::this_thread::yield();
    --now;
    return HttpResponse{};
  };
  {
    std::vector<std::jthread> auditors;
    for (int i = 0; i < kAuditors; ++i) {
      auditors.emplace_back([&] {
        if (places.Serve(handler, HttpRequest{}).status == kOk) ++served;
      });
    }
  }
  EXPECT_EQ(served, kAuditors);
  EXPECT_LE(most, kPlaces);
}

TEST(ReadingPlaces, AreRefusedWhileAllAreTakenAndFreeAfterwards) {
  ReadingPlaces places(kPlaces, std::chrono::milliseconds(1));
  std::latch inside(kPlaces), leave(1);
  const Handler slow = [&](const HttpRequest&) {
    inside.count_down();
    leave.wait();
    return HttpResponse{};
  };
  const Handler quick = [](const HttpRequest&) { return HttpResponse{}; };
  {
    std::vector<std::jthread> auditors;
    for (int i = 0; i < kPlaces; ++i) {
      auditors.emplace_back([&] { EXPECT_EQ(places.Serve(slow, HttpRequest{}).status, kOk); });
    }
    inside.wait();
    const HttpResponse refused = places.Serve(quick, HttpRequest{});
    EXPECT_EQ(refused.status, kBusy);
    EXPECT_FALSE(refused.headers.empty());  // Retry-After
    leave.count_down();
  }
  EXPECT_EQ(places.Serve(quick, HttpRequest{}).status, kOk);
}

}  // namespace
}  // namespace acb::platform
