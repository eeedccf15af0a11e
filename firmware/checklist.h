// One check after the other: the first that fails decides. A dry run goes on, to tell them all.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "firmware/base/result.h"

namespace acb {

struct CheckOutcome {
  enum class Kind { kPassed, kFailed, kNotReached };
  std::string_view check;
  Kind kind;
  std::optional<Failure> why;  // when failed
};

// Not thread-safe.
class Checklist {
 public:
  enum class Mode { kDecide, kDryRun };
  explicit Checklist(Mode mode) : mode_(mode) { outcomes_.reserve(kUsualChecks); }

  // Runs `work`, which gives a Status, unless something failed before (mode kDecide) or what it
  // rests on (`ready`) is not there.
  template <class Work>
  void Check(std::string_view check, bool ready, const Work& work) {
    if (!ready || (mode_ == Mode::kDecide && failure_)) {
      outcomes_.push_back({check, CheckOutcome::Kind::kNotReached, std::nullopt});
      return;
    }
    if (Status status = work(); !status) {
      outcomes_.push_back({check, CheckOutcome::Kind::kFailed, status.error()});
      if (!failure_) {
        failure_ = std::move(status).error();
        failed_check_ = check;
      }
    } else {
      outcomes_.push_back({check, CheckOutcome::Kind::kPassed, std::nullopt});
    }
  }

  // The first failure; Done when every check passed. One that was not reached is none that passed.
  Status Verdict() const {
    if (failure_) return *failure_;
    for (const CheckOutcome& outcome : outcomes_) {
      if (outcome.kind == CheckOutcome::Kind::kPassed) continue;
      return Failure(Reason::kConfiguration, "a check could not be made",
                     std::string(outcome.check) + " was not reached");
    }
    return Done{};
  }
  bool failed() const { return failure_.has_value(); }
  // Of the first failure; empty without one.
  std::string_view failed_check() const { return failed_check_; }
  const std::vector<CheckOutcome>& outcomes() const { return outcomes_; }

 private:
  static constexpr std::size_t kUsualChecks = 32;

  Mode mode_;
  std::optional<Failure> failure_;
  std::string_view failed_check_;
  std::vector<CheckOutcome> outcomes_;
};

}  // namespace acb
