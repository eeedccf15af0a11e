#include "platform/admission.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace acb::platform {

Admission::Admission(AdmissionLimits limits) : limits_(limits) {}

Admission::Entry Admission::Enter(Clock::time_point& refused_at) {
  const auto now = Clock::now();
  std::unique_lock lock(mutex_);
  if (in_work_ < limits_.at_once) {  // then nobody waits: Leave gives a place on
    ++in_work_;
    return Entry::kAdmitted;
  }
  if (waiting_.size() >= limits_.waiting) {
    ++shed_full_;
    next_refusal_ =
        std::clamp<Clock::time_point>(next_refusal_ + kRefusalInterval, now, now + kLongestRefusal);
    refused_at = next_refusal_;
    return Entry::kFull;
  }
  Waiter self;
  waiting_.push_back(&self);
  if (self.turn.wait_until(lock, now + limits_.patience, [&] { return self.admitted; })) {
    return Entry::kAdmitted;
  }
  std::erase(waiting_, &self);
  ++shed_late_;
  return Entry::kLate;
}

void Admission::Leave() {
  const std::scoped_lock lock(mutex_);
  if (waiting_.empty()) {
    --in_work_;
    return;
  }
  Waiter* const next = waiting_.front();
  waiting_.pop_front();
  next->admitted = true;
  next->turn.notify_one();
}

HttpResponse Admission::Serve(const Handler& handler, const HttpRequest& request) {
  Clock::time_point refused_at;
  switch (Enter(refused_at)) {
    case Entry::kAdmitted:
      break;
    case Entry::kFull:
      std::this_thread::sleep_until(refused_at);
      return Problem(Failure(Reason::kBusy, "More requests wait than can be served in time."));
    case Entry::kLate:
      return Problem(Failure(Reason::kBusy, "The request could not be served in time."));
  }
  HttpResponse response = handler(request);
  Leave();
  return response;
}

Handler Admission::Behind(const std::shared_ptr<Admission>& admission, Handler handler) {
  return [admission, handler = std::move(handler)](const HttpRequest& request) {
    return admission->Serve(handler, request);
  };
}

Admission::Counts Admission::counts() const {
  const std::scoped_lock lock(mutex_);
  return {in_work_, waiting_.size(), shed_full_, shed_late_};
}

namespace {

void AppendMetric(std::string& text, std::string_view name, std::string_view labels,
                  std::uint64_t value) {
  text.append(name).append("{").append(labels).append("} ").append(std::to_string(value));
  text.append("\n");
}

}  // namespace

std::string AdmissionMetrics(const Admission& handovers, const Admission& observations) {
  const Admission::Counts handed = handovers.counts();
  const Admission::Counts observed = observations.counts();
  constexpr std::string_view kHandovers = "work=\"handovers\"";
  constexpr std::string_view kObservations = "work=\"observations\"";
  std::string text =
      "# HELP acb_work_in_progress Requests that are worked on now.\n"
      "# TYPE acb_work_in_progress gauge\n";
  AppendMetric(text, "acb_work_in_progress", kHandovers, handed.in_work);
  AppendMetric(text, "acb_work_in_progress", kObservations, observed.in_work);
  text +=
      "# HELP acb_work_waiting Requests that wait to be worked on.\n"
      "# TYPE acb_work_waiting gauge\n";
  AppendMetric(text, "acb_work_waiting", kHandovers, handed.waiting);
  AppendMetric(text, "acb_work_waiting", kObservations, observed.waiting);
  text +=
      "# HELP acb_shed_total Requests refused under overload, before any work.\n"
      "# TYPE acb_shed_total counter\n";
  const auto shed = [&](std::string_view work, std::string_view why, std::uint64_t count) {
    AppendMetric(text, "acb_shed_total", std::string(work) + ",why=\"" + std::string(why) + "\"",
                 count);
  };
  shed(kHandovers, "full", handed.shed_full);
  shed(kHandovers, "late", handed.shed_late);
  shed(kObservations, "full", observed.shed_full);
  shed(kObservations, "late", observed.shed_late);
  return text;
}

}  // namespace acb::platform
