// What work costs this thread, whatever else the machine does meanwhile.
#pragma once

#include <ctime>

namespace acb::testing {

inline double CpuSeconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

}  // namespace acb::testing
