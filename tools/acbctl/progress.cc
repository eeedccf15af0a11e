#include "tools/acbctl/progress.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

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

Progress::Progress(Progress&& other) noexcept
    : doing_(std::move(other.doing_)),
      unit_(other.unit_),
      shown_at_all_(other.shown_at_all_),
      line_is_there_(std::exchange(other.line_is_there_, false)),
      began_(other.began_),
      shown_(other.shown_) {}

void Progress::Show(std::uint64_t done, std::uint64_t total, std::string_view afterwards) {
  const auto now = Clock::now();
  const bool all = total != 0 && done == total;
  if (!shown_at_all_ || (now - shown_ < kShownEvery && !all)) return;
  shown_ = now;
  line_is_there_ = true;
  std::fprintf(stderr, "%s%s: ", kClearLine, doing_.c_str());
  if (all && !afterwards.empty()) {
    std::fprintf(stderr, "%.*s", static_cast<int>(afterwards.size()), afterwards.data());
    return;
  }
  if (total != 0) {
    std::fprintf(stderr, "%3.0f %%  ",
                 100 * static_cast<double>(done) / static_cast<double>(total));
  }
  const double scale = unit_ == Unit::kOctets ? kMegabyte : 1;
  const char* const name = unit_ == Unit::kOctets ? "MB" : "rows";
  const double seconds = std::chrono::duration<double>(now - began_).count();
  const double count = static_cast<double>(done) / scale;
  std::fprintf(stderr, "%.0f %s  %.0f %s/s", count, name, seconds > 0 ? count / seconds : 0, name);
}

void Progress::Clear() {
  if (line_is_there_) std::fputs(kClearLine, stderr);
  line_is_there_ = false;
}

}  // namespace acb::acbctl
