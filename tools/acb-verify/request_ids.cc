#include "tools/acb-verify/request_ids.h"

#include <algorithm>
#include <tuple>

#include "firmware/base/sha256.h"

namespace acb::verify {

void RequestIds::Add(std::string_view request_id, std::uint64_t index, std::uint64_t counter) {
  Seen seen{.hash = {}, .index = index, .counter = counter};
  const Sha256Digest whole = Sha256(AsBytes(request_id));
  std::copy_n(whole.begin(), seen.hash.size(), seen.hash.begin());
  seen_.push_back(seen);
}

void RequestIds::SeeRecovery(std::uint64_t index, std::uint64_t reach) {
  recoveries_.push_back({index, reach});
}

// An entry came back with a recovery behind it: the first, or a later one of an older backup; else
// it was there all the time with its answer.
std::optional<std::uint64_t> RequestIds::RecoveryBetween(std::uint64_t before,
                                                         std::uint64_t index) const {
  auto next = std::ranges::upper_bound(recoveries_, before, {}, &Recovery::index);
  for (; next != recoveries_.end() && next->index < index; ++next) {
    if (next->index - before <= next->reach) return next->index;
  }
  return std::nullopt;
}

std::vector<RequestIds::Again> RequestIds::SignedAgain() {
  std::ranges::sort(seen_, [](const Seen& a, const Seen& b) {
    return std::tie(a.hash, a.index) < std::tie(b.hash, b.index);
  });
  std::vector<Again> again;
  for (std::size_t i = 1; i < seen_.size(); ++i) {
    const Seen& before = seen_[i - 1];
    if (seen_[i].hash != before.hash) continue;
    again.push_back({.index = seen_[i].index,
                     .before = before.index,
                     .rises = seen_[i].counter > before.counter,
                     .recovery = RecoveryBetween(before.index, seen_[i].index)});
  }
  std::ranges::sort(again, {}, &Again::index);
  return again;
}

}  // namespace acb::verify
