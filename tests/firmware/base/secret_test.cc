#include "firmware/base/secret.h"

#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <cstdlib>
#include <type_traits>

namespace {

// One buffer to look at in the moment it is freed. OpenSSL's allocator is this program's own, so
// that no freed memory is ever read. One thread.
struct FreeWatch {
  const void* buffer = nullptr;
  std::size_t size = 0;
  int freed = 0;
  bool was_wiped = false;
} watch;

void Watch(acb::BytesView buffer) { watch = {buffer.data(), buffer.size(), 0, false}; }

void* Allocate(std::size_t size, const char*, int) { return std::malloc(size); }
void* Reallocate(void* memory, std::size_t size, const char*, int) {
  return std::realloc(memory, size);
}
void FreeWatched(void* memory, const char*, int) {
  if (memory != nullptr && memory == watch.buffer) {
    const auto* octets = static_cast<const std::uint8_t*>(memory);
    watch.was_wiped =
        std::all_of(octets, octets + watch.size, [](auto octet) { return octet == 0; });
    ++watch.freed;
    watch.buffer = nullptr;
  }
  std::free(memory);
}

// Before OpenSSL has allocated anything: without a secure heap a Secret lies in ordinary memory.
const bool watching = CRYPTO_set_mem_functions(Allocate, Reallocate, FreeWatched) == 1;

}  // namespace

namespace acb {
namespace {

static_assert(!std::is_copy_constructible_v<Secret>);
static_assert(!std::is_copy_assignable_v<Secret>);
static_assert(std::is_nothrow_move_constructible_v<Secret>);

Secret Filled(std::size_t size) {
  Secret secret(size);
  std::ranges::fill(secret.Writable(), std::uint8_t{0xA5});
  return secret;
}

TEST(Secret, StartsAsZeros) {
  const Secret secret(16);
  EXPECT_EQ(secret.size(), 16u);
  EXPECT_TRUE(std::ranges::all_of(secret.View(), [](std::uint8_t octet) { return octet == 0; }));
}

TEST(Secret, MovesItsOneBufferAndLeavesNothing) {
  Secret from = Filled(32);
  const std::uint8_t* buffer = from.View().data();
  Secret to(std::move(from));
  EXPECT_EQ(to.View().data(), buffer);
  EXPECT_EQ(to.size(), 32u);
  EXPECT_EQ(from.size(), 0u);  // NOLINT: what a moved-from Secret holds is the promise under test
}

TEST(Secret, MayBeAssignedToItself) {
  Secret secret = Filled(4);
  Secret& same = secret;
  secret = std::move(same);
  EXPECT_EQ(ToHex(secret.View()), "a5a5a5a5");
}

// Promise P7: what goes back to the allocator has no secret in it.
TEST(Secret, IsWipedBeforeItsBufferIsFreed) {
  ASSERT_TRUE(watching);
  {
    Secret secret = Filled(32);
    Watch(secret.View());
  }
  EXPECT_EQ(watch.freed, 1);
  EXPECT_TRUE(watch.was_wiped);
}

TEST(Secret, IsWipedBeforeAnotherIsMovedOverIt) {
  ASSERT_TRUE(watching);
  Secret to = Filled(32);
  Secret from(2);
  from.Writable()[0] = 1;
  Watch(to.View());
  to = std::move(from);
  EXPECT_EQ(watch.freed, 1);
  EXPECT_TRUE(watch.was_wiped);
  EXPECT_EQ(ToHex(to.View()), "0100");
  EXPECT_EQ(from.size(), 0u);  // NOLINT: as above
}

// The watch sees what it should: memory that is only freed keeps its octets.
TEST(Secret, IsMoreThanAllocatedMemory) {
  auto* octets = static_cast<std::uint8_t*>(OPENSSL_malloc(32));
  std::fill_n(octets, 32, std::uint8_t{0xA5});
  Watch(BytesView(octets, 32));
  OPENSSL_free(octets);
  EXPECT_EQ(watch.freed, 1);
  EXPECT_FALSE(watch.was_wiped);
}

TEST(Secret, OfNoOctetsIsHarmless) {
  Secret none(0);
  Secret moved(std::move(none));
  EXPECT_EQ(moved.size(), 0u);
}

}  // namespace
}  // namespace acb
