// Counts since the start, for GET /metrics.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "firmware/base/latency.h"
#include "firmware/handover.h"
#include "platform/tls_ends.h"

namespace acb::platform {

// Thread-safe.
class Metrics {
 public:
  void Count(const HandoverAnswer& answer);
  // The same, of one that took so long.
  void Count(const HandoverAnswer& answer, std::chrono::nanoseconds took);
  void Observe(Stage stage, std::chrono::nanoseconds took) {
    stages_[static_cast<std::size_t>(stage)].Observe(took);
  }
  // The greatest counter that was given out since the start; 0: none yet.
  std::uint64_t highest_counter() const { return highest_counter_; }
  // One answer to an auditor who looked at the log.
  void CountAuditView() { ++audit_views_; }
  // Of what is in force.
  void SetTlsEnds(const TlsEnds& ends);
  TlsEnds tls_ends() const;
  // Lines of the Prometheus text format: what acb_handovers_total begins, as README lists them.
  std::string Text() const;

 private:
  static constexpr std::size_t kMaxReasonNumber = 256;
  std::atomic<std::uint64_t> signed_{0};
  std::atomic<std::uint64_t> audit_views_{0};
  std::array<std::atomic<std::uint64_t>, kMaxReasonNumber> by_reason_{};
  std::array<LatencyHistogram, kStages> stages_;
  LatencyHistogram handovers_;
  std::atomic<std::uint64_t> highest_counter_{0};
  mutable std::mutex mutex_;
  TlsEnds tls_ends_;  // guarded by mutex_
};

// How long each stage of one request takes, from its making on.
class StageTimer final : public StageWatch {
 public:
  explicit StageTimer(Metrics& metrics) : metrics_(metrics) {}
  void Passed(Stage stage) override {
    const auto now = std::chrono::steady_clock::now();
    metrics_.Observe(stage, now - since_);
    since_ = now;
  }

 private:
  Metrics& metrics_;
  std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
};

// The two lines that come before the values of a metric.
std::string MetricHead(std::string_view name, std::string_view type, std::string_view help);
// One value: `labels` as they stand between the braces, or none.
void AppendSample(std::string& text, std::string_view name, std::string_view labels, double value);
// The buckets, sum and count of one histogram, in seconds.
void AppendHistogram(std::string& text, std::string_view name, std::string_view labels,
                     const LatencyHistogram::Counts& counts);

// One metric of one value, with its help and type.
std::string MetricText(std::string_view name, std::string_view type, std::string_view help,
                       std::uint64_t value);

}  // namespace acb::platform
