#include "firmware/smki/deny_list.h"

#include <algorithm>

#include "firmware/base/sha256.h"

namespace acb::smki {
namespace {

constexpr Sha256Digest kPublishedTestKeys[] = {
#include "firmware/smki/published_test_keys.inc"
};
static_assert(std::ranges::is_sorted(kPublishedTestKeys));

}  // namespace

bool IsPublishedTestKey(const PublicPoint& point) {
  return std::ranges::binary_search(kPublishedTestKeys, Sha256(point));
}

std::size_t PublishedTestKeyCount() { return std::size(kPublishedTestKeys); }

}  // namespace acb::smki
