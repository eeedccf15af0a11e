// How much work is done at once, who waits and who is refused (platform/admission.h).
#include "platform/admission.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

namespace acb::platform {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr int kOk = 200, kBusy = 503;

HttpResponse Quick(const HttpRequest&) { return {}; }

// Holds a place from its construction to Leave.
class Held {
 public:
  explicit Held(Admission& admission)
      : thread_([this, &admission] {
          const Handler wait = [this](const HttpRequest&) {
            inside_.count_down();
            leave_.wait();
            return HttpResponse{};
          };
          status_ = admission.Serve(wait, {}).status;
        }) {
    inside_.wait();
  }
  int Leave() {
    leave_.count_down();
    thread_.join();
    return status_;
  }

 private:
  std::latch inside_{1}, leave_{1};
  int status_ = 0;
  std::jthread thread_;
};

void AwaitWaiting(const Admission& admission, std::uint64_t count) {
  while (admission.counts().waiting != count) std::this_thread::yield();
}

TEST(Admission, HasNeverMoreInWorkAndServesAllThatItHasPlacesFor) {
  constexpr int kClients = 50;
  Admission admission({.at_once = 3, .waiting = kClients, .patience = hours(1)});
  std::atomic<int> now = 0, most = 0, served = 0;
  const Handler handler = [&](const HttpRequest&) {
    const int here = ++now;
    for (int seen = most; seen < here && !most.compare_exchange_weak(seen, here);) continue;
    std::this_thread::yield();
    --now;
    return HttpResponse{};
  };
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < kClients; ++i) {
      clients.emplace_back([&] {
        if (admission.Serve(handler, {}).status == kOk) ++served;
      });
    }
  }
  EXPECT_EQ(served, kClients);
  EXPECT_LE(most, 3);
  EXPECT_EQ(admission.counts().in_work, 0U);
  EXPECT_EQ(admission.counts().waiting, 0U);
}

TEST(Admission, RefusesTheNewestWhenNoPlaceToWaitIsLeftAndServesWhoWaited) {
  Admission admission({.at_once = 1, .waiting = 1, .patience = hours(1)});
  Held first(admission);
  int second = 0;
  std::jthread waiting([&] { second = admission.Serve(Quick, {}).status; });
  AwaitWaiting(admission, 1);
  const HttpResponse third = admission.Serve(Quick, {});
  EXPECT_EQ(third.status, kBusy);
  EXPECT_EQ(FindHeader(third.headers, "Retry-After"), std::to_string(kRetryAfterSeconds));
  EXPECT_EQ(first.Leave(), kOk);
  waiting.join();
  EXPECT_EQ(second, kOk);
  EXPECT_EQ(admission.counts().shed_full, 1U);
  EXPECT_EQ(admission.counts().shed_late, 0U);
  EXPECT_EQ(admission.Serve(Quick, {}).status, kOk);
}

TEST(Admission, ServesInTheOrderOfArrival) {
  constexpr int kWaiting = 5;
  Admission admission({.at_once = 1, .waiting = kWaiting, .patience = hours(1)});
  Held first(admission);
  std::vector<int> order;
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < kWaiting; ++i) {
      const Handler note = [&order, i](const HttpRequest&) {
        order.push_back(i);  // one at once
        return HttpResponse{};
      };
      clients.emplace_back([&admission, note] { admission.Serve(note, {}); });
      AwaitWaiting(admission, static_cast<std::uint64_t>(i) + 1);
    }
    first.Leave();
  }
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(Admission, RefusesWhoHasWaitedForThePatienceAndForgetsIt) {
  Admission admission({.at_once = 1, .waiting = 1, .patience = milliseconds(1)});
  Held first(admission);
  const HttpResponse late = admission.Serve(Quick, {});
  EXPECT_EQ(late.status, kBusy);
  EXPECT_TRUE(FindHeader(late.headers, "Retry-After"));
  EXPECT_EQ(admission.counts().shed_late, 1U);
  EXPECT_EQ(admission.counts().waiting, 0U);
  EXPECT_EQ(first.Leave(), kOk);
  EXPECT_EQ(admission.counts().in_work, 0U);
  EXPECT_EQ(admission.Serve(Quick, {}).status, kOk);
}

TEST(Admission, RefusesAtOnceWhereNobodyMayWait) {
  Admission admission({.at_once = 1, .waiting = 0, .patience = hours(1)});
  Held first(admission);
  EXPECT_EQ(admission.Serve(Quick, {}).status, kBusy);
  EXPECT_EQ(first.Leave(), kOk);
  EXPECT_EQ(admission.Serve(Quick, {}).status, kOk);
}

// Whoever asks again at once: however slow the machine, it is never less than this.
TEST(Admission, AnswersACrowdWithPausesBetweenItsRefusals) {
  constexpr int kRefusals = 10;
  Admission admission({.at_once = 1, .waiting = 0, .patience = hours(1)});
  Held first(admission);
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < kRefusals; ++i) EXPECT_EQ(admission.Serve(Quick, {}).status, kBusy);
  EXPECT_GE(std::chrono::steady_clock::now() - began, (kRefusals - 1) * kRefusalInterval);
  first.Leave();
}

TEST(Admission, TellsWhatItDoesAndHasRefused) {
  Admission handovers({.at_once = 1, .waiting = 0, .patience = hours(1)});
  const Admission observations({});
  Held first(handovers);
  EXPECT_EQ(handovers.Serve(Quick, {}).status, kBusy);
  const std::string text = AdmissionMetrics(handovers, observations);
  for (const char* line : {"\nacb_work_in_progress{work=\"handovers\"} 1\n",
                           "\nacb_work_in_progress{work=\"observations\"} 0\n",
                           "\nacb_work_waiting{work=\"handovers\"} 0\n",
                           "\nacb_shed_total{work=\"handovers\",why=\"full\"} 1\n",
                           "\nacb_shed_total{work=\"handovers\",why=\"late\"} 0\n",
                           "\nacb_shed_total{work=\"observations\",why=\"full\"} 0\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
  first.Leave();
}

}  // namespace
}  // namespace acb::platform
