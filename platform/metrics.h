// Counts since the start, for GET /metrics.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "firmware/handover.h"

namespace acb::platform {

// Thread-safe.
class Metrics {
 public:
  void Count(const HandoverAnswer& answer);
  // One answer to an auditor who looked at the log.
  void CountAuditView() { ++audit_views_; }
  // Lines of the Prometheus text format: acb_handovers_total, acb_refusals_total
  // and acb_audit_views_total.
  std::string Text() const;

 private:
  static constexpr std::size_t kMaxReasonNumber = 256;
  std::atomic<std::uint64_t> signed_{0};
  std::atomic<std::uint64_t> audit_views_{0};
  std::array<std::atomic<std::uint64_t>, kMaxReasonNumber> by_reason_{};
};

// One metric of one value, with its help and type.
std::string MetricText(std::string_view name, std::string_view type, std::string_view help,
                       std::uint64_t value);

}  // namespace acb::platform
