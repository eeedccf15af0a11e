#include "hsm/slowness.h"

#include <algorithm>

namespace acb::hsm {

bool Slowness::Note(Time began, Time ended) {
  const std::scoped_lock lock(mutex_);
  if (ended - began < slow_) {
    lasts_ = false;
    return false;
  }
  if (!lasts_ || began - last_end_ > lasting_) {
    lasts_ = true;
    since_ = began;
    last_end_ = ended;
    return false;
  }
  last_end_ = std::max(last_end_, ended);
  if (last_end_ - since_ < lasting_) return false;
  lasts_ = false;
  return true;
}

}  // namespace acb::hsm
