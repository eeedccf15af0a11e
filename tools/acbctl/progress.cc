#include "tools/acbctl/progress.h"

#include <unistd.h>

#include <cstdio>

namespace acb::acbctl {
namespace {

constexpr std::chrono::milliseconds kShownEvery{200};
constexpr double kMegabyte = 1e6;
constexpr const char* kClearLine = "\r\033[K";

}  // namespace

Progress::Progress(std::string doing, Unit unit, bool always)
    : doing_(std::move(doing)),
      unit_(unit),
      shown_at_all_(always || ::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (shown_ != Clock::time_point{}) std::fputs(kClearLine, stderr);
}

void Progress::Show(std::uint64_t done, std::uint64_t total) {
  const auto now = Clock::now();
  if (!shown_at_all_ || (now - shown_ < kShownEvery && done != total)) return;
  shown_ = now;
  const double scale = unit_ == Unit::kOctets ? kMegabyte : 1;
  const char* const name = unit_ == Unit::kOctets ? "MB" : "rows";
  const double seconds = std::chrono::duration<double>(now - began_).count();
  const double count = static_cast<double>(done) / scale;
  std::fprintf(stderr, "%s%s: ", kClearLine, doing_.c_str());
  if (total != 0) {
    std::fprintf(stderr, "%3.0f %%  ",
                 100 * static_cast<double>(done) / static_cast<double>(total));
  }
  std::fprintf(stderr, "%.0f %s  %.0f %s/s", count, name, seconds > 0 ? count / seconds : 0, name);
}

}  // namespace acb::acbctl
