// How far a long transfer is, on standard error, when that is a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace acb::acbctl {

class Progress {
 public:
  Progress();
  // `total` 0: not known. What follows the last octet is said by `afterwards`.
  void Show(std::uint64_t done, std::uint64_t total, std::string_view afterwards);
  // Takes the line away.
  void Clear();

 private:
  using Clock = std::chrono::steady_clock;

  bool terminal_;
  bool shown_any_ = false;
  Clock::time_point began_ = Clock::now();
  Clock::time_point shown_{};
};

}  // namespace acb::acbctl
