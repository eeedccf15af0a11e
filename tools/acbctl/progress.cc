#include "tools/acbctl/progress.h"

#include <unistd.h>

#include <cstdio>

namespace acb::acbctl {
namespace {

constexpr std::chrono::milliseconds kShownEvery{200};
constexpr double kMegabyte = 1e6;
constexpr const char* kClearLine = "\r\033[K";

}  // namespace

Progress::Progress() : terminal_(::isatty(STDERR_FILENO) == 1) {}

void Progress::Show(std::uint64_t done, std::uint64_t total, std::string_view afterwards) {
  const auto now = Clock::now();
  const bool all = total != 0 && done == total;
  if (!terminal_ || (!all && now - shown_ < kShownEvery)) return;
  shown_ = now;
  shown_any_ = true;
  if (all) {
    std::fprintf(stderr, "%s%.*s", kClearLine, static_cast<int>(afterwards.size()),
                 afterwards.data());
    return;
  }
  const double seconds = std::chrono::duration<double>(now - began_).count();
  const double megabytes = static_cast<double>(done) / kMegabyte;
  if (total == 0) {
    std::fprintf(stderr, "%s%.0f MB  %.0f MB/s", kClearLine, megabytes, megabytes / seconds);
    return;
  }
  std::fprintf(stderr, "%s%3.0f %%  %.0f of %.0f MB  %.0f MB/s", kClearLine,
               100 * static_cast<double>(done) / static_cast<double>(total), megabytes,
               static_cast<double>(total) / kMegabyte, megabytes / seconds);
}

void Progress::Clear() {
  if (shown_any_) std::fputs(kClearLine, stderr);
  shown_any_ = false;
}

}  // namespace acb::acbctl
