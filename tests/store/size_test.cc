#include <algorithm>
#include <random>

#include "tests/store/store_fixture.h"

namespace acb::store {
namespace {

// design.md section 6, sizes to hold: 100 million devices. What a device that was only imported
// takes, in the file, with all that LMDB adds.
constexpr std::uint64_t kMostOctetsADevice = 250;
// In no order LMDB's pages are filled to seven tenths.
constexpr std::uint64_t kMostOctetsADeviceUnsorted = 300;

class Size : public StoreTest {
 protected:
  std::uint64_t OctetsADevice(bool in_order);
};

std::uint64_t Size::OctetsADevice(bool in_order) {
  Create();
  Reopen();
  constexpr std::uint64_t kDevices = 40'000;
  std::vector<Device> devices;
  for (std::uint64_t i = 0; i < kDevices; ++i) {
    devices.push_back(TestDevice(Eui64(0x00DB123400000000 + i * 977)));
  }
  if (!in_order) std::shuffle(devices.begin(), devices.end(), std::mt19937(1));
  const std::uint64_t before = store_->statistics().used_octets;
  Import(devices);
  const std::uint64_t each = (store_->statistics().used_octets - before) / kDevices;
  RecordProperty("octets_a_device", std::to_string(each));
  return each;
}

TEST_F(Size, IsAtMost250OctetsADeviceWhenTheFileIsSorted) {
  EXPECT_LE(OctetsADevice(true), kMostOctetsADevice);
}

TEST_F(Size, IsAtMost300OctetsADeviceInAnyOrder) {
  EXPECT_LE(OctetsADevice(false), kMostOctetsADeviceUnsorted);
}

// Two entries such as a handover's fit on a page, and both are on it.
TEST_F(Size, OfAnEntryIsThatOfItsOctetsAndNotAPage) {
  Create();
  Reopen();
  constexpr std::uint64_t kEntries = 2'000;
  constexpr std::uint64_t kPage = 4096;
  audit::Entry entry("alarm", kNow);
  entry.Set("what", std::string(1'800, 'x'));
  const std::uint64_t before = store_->statistics().used_octets;
  for (std::uint64_t i = 0; i < kEntries; ++i) ASSERT_TRUE(store_->Append(entry));
  const std::uint64_t each = (store_->statistics().used_octets - before) / kEntries;
  RecordProperty("octets_an_entry", std::to_string(each));
  EXPECT_LE(each, kPage / 2 + 300) << "leaf, nodes and what is free for the next commit too";
}

}  // namespace
}  // namespace acb::store
