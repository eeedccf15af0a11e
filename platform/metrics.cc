#include "platform/metrics.h"

#include <array>
#include <charconv>

namespace acb::platform {
namespace {

std::string_view Name(Stage stage) {
  switch (stage) {
    case Stage::kAuthenticate:
      return "authenticate";
    case Stage::kJudge:
      return "judge";
    case Stage::kReserve:
      return "reserve";
    case Stage::kBuild:
      return "build";
    case Stage::kSign:
      return "sign";
    case Stage::kRecord:
      return "record";
  }
  return {};
}

// The shortest text that is read back as the same number.
std::string Number(double value) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  return {digits.data(), end.ptr};
}

double Seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

std::string MetricHead(std::string_view name, std::string_view type, std::string_view help) {
  std::string text = "# HELP ";
  text.append(name).append(" ").append(help).append("\n# TYPE ").append(name).append(" ");
  return text.append(type).append("\n");
}

void AppendSample(std::string& text, std::string_view name, std::string_view labels, double value) {
  text.append(name);
  if (!labels.empty()) text.append("{").append(labels).append("}");
  text.append(" ").append(Number(value)).append("\n");
}

void AppendHistogram(std::string& text, std::string_view name, std::string_view labels,
                     const LatencyHistogram::Counts& counts) {
  const std::string bucket = std::string(name) + "_bucket";
  std::string before(labels);
  if (!before.empty()) before += ",";
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < counts.buckets.size(); ++i) {
    total += counts.buckets[i];
    const bool last = i == LatencyHistogram::kBounds.size();
    const std::string end = last ? "+Inf" : Number(Seconds(LatencyHistogram::kBounds[i]));
    AppendSample(text, bucket, before + "le=\"" + end + "\"", static_cast<double>(total));
  }
  AppendSample(text, std::string(name) + "_sum", labels, Seconds(counts.sum));
  AppendSample(text, std::string(name) + "_count", labels, static_cast<double>(total));
}

void Metrics::Count(const HandoverAnswer& answer, std::chrono::nanoseconds took) {
  Count(answer);
  handovers_.Observe(took);
}

void Metrics::Count(const HandoverAnswer& answer) {
  if (answer.handed) {
    ++signed_;
    const std::uint64_t counter = answer.handed->counter ? answer.handed->counter->value() : 0;
    std::uint64_t highest = highest_counter_.load(std::memory_order_relaxed);
    while (counter > highest && !highest_counter_.compare_exchange_weak(highest, counter)) {
    }
    return;
  }
  const auto number = static_cast<std::size_t>(answer.failure->reason);
  if (number < kMaxReasonNumber) ++by_reason_[number];
}

void Metrics::SetTlsEnds(const TlsEnds& ends) {
  const std::scoped_lock lock(mutex_);
  tls_ends_ = ends;
}

TlsEnds Metrics::tls_ends() const {
  const std::scoped_lock lock(mutex_);
  return tls_ends_;
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
    // Also of what never came: a series that begins with its first one has not grown.
    reasons.append("acb_refusals_total{reason=\"").append(info.name).append("\"} ");
    reasons.append(std::to_string(count)).append("\n");
  }
  std::string text =
      MetricHead("acb_handovers_total", "counter", "Answers to 6.21 requests, by outcome.");
  text += "acb_handovers_total{outcome=\"signed\"} " + std::to_string(signed_) + "\n";
  text += "acb_handovers_total{outcome=\"refused\"} " + std::to_string(refused) + "\n";
  text += "acb_handovers_total{outcome=\"fault\"} " + std::to_string(faults) + "\n";
  text += "acb_handovers_total{outcome=\"quarantined\"} " + std::to_string(quarantined) + "\n";
  text += MetricHead("acb_refusals_total", "counter", "Refusals and faults, by reason.");
  text += reasons;
  text +=
      MetricHead("acb_handover_seconds", "histogram", "Time from a 6.21 request to its answer.");
  AppendHistogram(text, "acb_handover_seconds", {}, handovers_.counts());
  text += MetricHead("acb_handover_stage_seconds", "histogram",
                     "Time of each stage of a handover that came through it.");
  for (std::size_t i = 0; i < kStages; ++i) {
    const std::string label = "stage=\"" + std::string(Name(static_cast<Stage>(i))) + "\"";
    AppendHistogram(text, "acb_handover_stage_seconds", label, stages_[i].counts());
  }
  return text + MetricText("acb_audit_views_total", "counter",
                           "Answers to auditors who looked at the audit log.", audit_views_);
}

std::string MetricText(std::string_view name, std::string_view type, std::string_view help,
                       std::uint64_t value) {
  return MetricHead(name, type, help)
      .append(name)
      .append(" ")
      .append(std::to_string(value))
      .append("\n");
}

}  // namespace acb::platform
