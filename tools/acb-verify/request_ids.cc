#include "tools/acb-verify/request_ids.h"

#include <algorithm>
#include <tuple>

#include "firmware/base/sha256.h"

namespace acb::verify {

void RequestIds::Add(std::string_view request_id, std::uint64_t index) {
  Seen seen{.hash = {}, .index = index};
  const Sha256Digest whole = Sha256(AsBytes(request_id));
  std::copy_n(whole.begin(), seen.hash.size(), seen.hash.begin());
  seen_.push_back(seen);
}

std::vector<RequestIds::Again> RequestIds::SignedAgain() {
  std::ranges::sort(seen_, [](const Seen& a, const Seen& b) {
    return std::tie(a.hash, a.index) < std::tie(b.hash, b.index);
  });
  std::vector<Again> again;
  for (std::size_t i = 1; i < seen_.size(); ++i) {
    if (seen_[i].hash == seen_[i - 1].hash) again.push_back({seen_[i].index, seen_[i - 1].index});
  }
  std::ranges::sort(again, {}, &Again::index);
  return again;
}

}  // namespace acb::verify
