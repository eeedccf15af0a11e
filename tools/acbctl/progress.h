// How far long work has come, on a terminal's standard error.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace acb::acbctl {

// Prints nothing when standard error is no terminal, unless told to. Ends its line when destroyed.
class Progress {
 public:
  enum class Unit { kOctets, kRows };

  Progress(std::string doing, Unit unit, bool always = false);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // At most a few times a second, whatever it is called. `total` 0: not known.
  void Show(std::uint64_t done, std::uint64_t total);

 private:
  using Clock = std::chrono::steady_clock;

  const std::string doing_;
  const Unit unit_;
  const bool shown_at_all_;
  const Clock::time_point began_ = Clock::now();
  Clock::time_point shown_{};
};

}  // namespace acb::acbctl
