#include "platform/metrics.h"

namespace acb::platform {
namespace {

std::string Head(std::string_view name, std::string_view type, std::string_view help) {
  std::string text = "# HELP ";
  text.append(name).append(" ").append(help).append("\n# TYPE ").append(name).append(" ");
  return text.append(type).append("\n");
}

}  // namespace

void Metrics::Count(const HandoverAnswer& answer) {
  if (answer.handed) {
    ++signed_;
    return;
  }
  const auto number = static_cast<std::size_t>(answer.failure->reason);
  if (number < kMaxReasonNumber) ++by_reason_[number];
}

std::string Metrics::Text() const {
  std::uint64_t refused = 0;
  std::uint64_t faults = 0;
  std::uint64_t quarantined = 0;
  std::string reasons;
  for (const ReasonInfo& info : AllReasons()) {
    const std::uint64_t count = by_reason_[static_cast<std::size_t>(info.reason)];
    if (info.kind == ReasonKind::kObservation) continue;
    if (info.kind == ReasonKind::kHold) {
      quarantined += count;
      continue;
    }
    (info.kind == ReasonKind::kRefusal ? refused : faults) += count;
    if (count == 0) continue;
    reasons.append("acb_refusals_total{reason=\"").append(info.name).append("\"} ");
    reasons.append(std::to_string(count)).append("\n");
  }
  std::string text =
      Head("acb_handovers_total", "counter", "Answers to 6.21 requests, by outcome.");
  text += "acb_handovers_total{outcome=\"signed\"} " + std::to_string(signed_) + "\n";
  text += "acb_handovers_total{outcome=\"refused\"} " + std::to_string(refused) + "\n";
  text += "acb_handovers_total{outcome=\"fault\"} " + std::to_string(faults) + "\n";
  text += "acb_handovers_total{outcome=\"quarantined\"} " + std::to_string(quarantined) + "\n";
  text += Head("acb_refusals_total", "counter", "Refusals and faults, by reason.");
  text += reasons;
  return text + MetricText("acb_audit_views_total", "counter",
                           "Answers to auditors who looked at the audit log.", audit_views_);
}

std::string MetricText(std::string_view name, std::string_view type, std::string_view help,
                       std::uint64_t value) {
  return Head(name, type, help).append(name).append(" ").append(std::to_string(value)).append("\n");
}

}  // namespace acb::platform
