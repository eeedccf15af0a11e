// How far long work has come, on a terminal's standard error.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace acb::acbctl {

// Prints nothing when standard error is no terminal, unless told to.
class Progress {
 public:
  enum class Unit { kOctets, kRows };

  Progress(std::string doing, Unit unit, bool always = false);
  ~Progress() { Clear(); }
  Progress(Progress&& other) noexcept;
  Progress& operator=(Progress&&) = delete;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // At most a few times a second, whatever it is called. `total` 0: not known. When all is done the
  // line says `afterwards`: what is waited for then.
  void Show(std::uint64_t done, std::uint64_t total, std::string_view afterwards = {});
  // Takes the line away.
  void Clear();

 private:
  using Clock = std::chrono::steady_clock;

  std::string doing_;
  Unit unit_;
  bool shown_at_all_;
  bool line_is_there_ = false;
  Clock::time_point began_ = Clock::now();
  Clock::time_point shown_{};
};

}  // namespace acb::acbctl
