#include "firmware/reports/non_compliance.h"

#include <algorithm>

#include "firmware/base/reason.h"

namespace acb::reports {
namespace {

constexpr std::string_view kRunning = "the service is running";
constexpr std::string_view kSuspension = "signing is not suspended";
constexpr std::string_view kCheckOn = "network_operator_registration is on";
constexpr std::string_view kFault = "can decide: ";  // and the reason's name

// Of what is missing or broken; a request that came too early or too often is none of these.
bool IsDegraded(std::string_view reason) {
  const ReasonInfo* info = FindReason(reason);
  if (info == nullptr) return false;
  if (info->reason == Reason::kBusy || info->reason == Reason::kChangedMeanwhile) return false;
  return info->kind == ReasonKind::kFault || info->kind == ReasonKind::kDoubt;
}

}  // namespace

void NonCompliance::Glance(std::uint64_t index, const EntryHead& head) {
  before_ = now_;
  now_ = Moment{head.time, index};
}

bool NonCompliance::FaultIsOpen() const {
  const auto found = open_.lower_bound(kFault);
  return found != open_.end() && found->first.starts_with(kFault);
}

bool NonCompliance::Wants(const EntryHead& head, Where) const {
  if (head.kind == "signed") return FaultIsOpen();
  constexpr std::string_view kKinds[] = {"refused", "operator", "start", "stop", "configuration"};
  return std::ranges::find(kKinds, head.kind) != std::end(kKinds);
}

void NonCompliance::Take(const LogEntry& entry, Where where) {
  const Moment now{entry.time(), entry.index()};
  if (entry.kind() == "signed") {
    for (auto each = open_.lower_bound(kFault);
         each != open_.end() && each->first.starts_with(kFault);) {
      Close((each++)->first, now);
    }
  } else if (entry.kind() == "refused") {
    TakeRefused(entry, where);
  } else if (entry.kind() == "start") {
    TakeStart(now, where);
  } else if (entry.kind() == "stop") {
    Open({std::string(kRunning), "stopped", now, {}, {}}, where);
  } else if (entry.kind() == "configuration" && entry.IsFalse("value")) {
    Open({std::string(kCheckOn), std::string(entry.Text("setting")) + " = false", now, {}, {}},
         where);
  } else if (entry.kind() == "operator") {
    TakeOperator(entry, where);
  }
}

void NonCompliance::TakeRefused(const LogEntry& entry, Where where) {
  const std::string_view reason = entry.Text("reason");
  if (where == Where::kAfter || !IsDegraded(reason)) return;
  if (where == Where::kWithin) requests_.Add(entry.index(), listing_);
  std::string control(kFault);
  control += reason;
  if (reason == Describe(Reason::kSigningSuspended).name && open_.contains(kSuspension)) {
    control = kSuspension;
  } else if (!open_.contains(control)) {
    Open({control, std::string(reason), {entry.time(), entry.index()}, {}, {}}, where);
  }
  const auto span = open_.find(control);
  if (span != open_.end()) span->second.requests.Add(entry.index(), listing_);
}

void NonCompliance::TakeStart(const Moment& now, Where where) {
  if (!open_.contains(kRunning) && before_) {
    Open({std::string(kRunning), "ended without a stop; from its last entry on", *before_, {}, {}},
         where);
  }
  Close(kRunning, now);
  Close(kCheckOn, now);  // one that is off still says so next
}

void NonCompliance::TakeOperator(const LogEntry& entry, Where where) {
  if (entry.Text("scope") != "all") return;
  const Moment now{entry.time(), entry.index()};
  if (entry.Text("act") == "suspend" && !open_.contains(kSuspension)) {
    Open({std::string(kSuspension),
          "by order of " + std::string(entry.Text("authority")),
          now,
          {},
          {}},
         where);
  }
  if (entry.Text("act") == "lift" && entry.IsTrue("complete")) Close(kSuspension, now);
}

void NonCompliance::Open(Span span, Where where) {
  if (where == Where::kAfter && span.from.at >= period_.to) return;
  std::string control = span.control;
  open_.insert_or_assign(std::move(control), std::move(span));
}

void NonCompliance::Close(std::string_view control, const Moment& at) {
  const auto found = open_.find(control);
  if (found == open_.end()) return;
  found->second.to = at;
  if (Touches(found->second)) {
    if (closed_.size() < kMaxRows) {
      closed_.push_back(std::move(found->second));
    } else {
      too_many_ = true;
    }
  }
  open_.erase(found);
}

bool NonCompliance::Touches(const Span& span) const {
  return span.from.at < period_.to && (!span.to || span.to->at >= period_.from);
}

Report NonCompliance::Finish() {
  Report report;
  report.columns = {"control", "from", "to", "cause", "from_entry", "to_entry", "requests"};
  for (const auto& [control, span] : open_) {
    if (Touches(span)) closed_.push_back(span);
  }
  std::ranges::sort(closed_, {}, [](const Span& span) { return span.from.entry; });
  for (const Span& span : closed_) {
    const std::string id = "requests/" + span.control + "/" + std::to_string(span.from.entry);
    report.rows.push_back({{"control", span.control},
                           {"from", span.from.at.Iso()},
                           {"to", span.to ? Cell(span.to->at.Iso()) : Cell()},
                           {"cause", span.cause},
                           {"from_entry", std::to_string(span.from.entry)},
                           {"to_entry", span.to ? Cell(std::to_string(span.to->entry)) : Cell()},
                           {"requests", Figure{id, span.requests}}});
  }
  report.totals.push_back({"requests that could not be decided", Figure{"requests", requests_}});
  report.notices.emplace_back(
      "The log knows what a request met: a control that was down while nobody asked is not in it. "
      "Without an end: still open at the end of the log. The clock's synchronisation is watched by "
      "the machine, not by this log.");
  if (too_many_) {
    report.notices.push_back("More than " + std::to_string(kMaxRows) +
                             " times: the rest is not shown. Ask for a shorter period.");
  }
  return report;
}

}  // namespace acb::reports
