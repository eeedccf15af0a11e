#include "store/devices_ahead.h"

#include <gtest/gtest.h>

#include <atomic>

#include "tests/store/store_fixture.h"

namespace acb::store {
namespace {

// Several batches.
constexpr std::uint64_t kMany = 40'000;

// `rows` devices, and then `end`.
PackedDeviceSource SourceThatEnds(std::uint64_t rows, std::atomic<std::uint64_t>& given,
                                  Result<std::optional<BytesView>> end = std::optional<BytesView>(),
                                  Bytes packed = {}) {
  return [rows, &given, end = std::move(end),
          packed = std::move(packed)]() mutable -> Result<std::optional<BytesView>> {
    if (given == rows) return end;
    packed = PackDevice(TestDevice(Eui64(++given)));
    return std::optional<BytesView>(packed);
  };
}

TEST(DevicesAhead, GivesEveryDeviceInOrderAndThenTheEnd) {
  std::atomic<std::uint64_t> given = 0;
  const PackedDeviceSource source = SourceThatEnds(kMany, given);
  DevicesAhead devices(source);
  for (std::uint64_t id = 1; id <= kMany; ++id) {
    const auto device = devices.Next();
    ASSERT_TRUE(device && *device != nullptr);
    ASSERT_EQ((*device)->device.id, Eui64(id));
    const Bytes packed = PackDevice(TestDevice(Eui64(id)));
    ASSERT_TRUE(Equal((*device)->record, BytesView(packed).last((*device)->record.size())));
  }
  for (int i = 0; i < 2; ++i) {
    const auto end = devices.Next();
    ASSERT_TRUE(end);
    EXPECT_EQ(*end, nullptr);
  }
}

TEST(DevicesAhead, FailsBehindTheDevicesThatCameBefore) {
  for (const std::uint64_t rows : {std::uint64_t{0}, std::uint64_t{1}, kMany}) {
    for (const bool damaged : {false, true}) {
      std::atomic<std::uint64_t> given = 0;
      const Bytes wrong = {1, 2, 3};
      const auto end = damaged ? Result<std::optional<BytesView>>(std::optional<BytesView>(wrong))
                               : Failure(Reason::kBusy, "no more");
      const PackedDeviceSource source = SourceThatEnds(rows, given, end);
      DevicesAhead devices(source);
      for (std::uint64_t id = 1; id <= rows; ++id) ASSERT_TRUE(devices.Next());
      const auto failed = devices.Next();
      ASSERT_FALSE(failed);
      EXPECT_EQ(failed.error().reason, damaged ? Reason::kStoreUnavailable : Reason::kBusy);
    }
  }
}

// An import that fails at a row asks for no other: and the source goes when it is told.
TEST(DevicesAhead, AsksNoMoreOnceItIsGone) {
  std::atomic<std::uint64_t> given = 0;
  const PackedDeviceSource source = SourceThatEnds(~std::uint64_t{0}, given);
  {
    DevicesAhead devices(source);
    ASSERT_TRUE(devices.Next());
  }
  const std::uint64_t asked = given;
  EXPECT_LT(asked, kMany);  // a batch or two ahead, not the file
  EXPECT_EQ(given, asked);
}

}  // namespace
}  // namespace acb::store
