#include "firmware/base/descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <type_traits>

namespace acb {
namespace {

static_assert(!std::is_copy_constructible_v<Descriptor> && !std::is_copy_assignable_v<Descriptor>);

Descriptor OpenSomething() { return Descriptor(open("/dev/null", O_RDONLY | O_CLOEXEC)); }
bool IsOpen(int number) { return fcntl(number, F_GETFD) >= 0; }

TEST(OwnedDescriptor, IsClosedWhenItsOwnerGoes) {
  int number = -1;
  {
    const Descriptor descriptor = OpenSomething();
    number = descriptor.get();
    EXPECT_TRUE(descriptor);
    EXPECT_TRUE(IsOpen(number));
  }
  EXPECT_FALSE(IsOpen(number));
}

TEST(OwnedDescriptor, ThatFailedToOpenIsFalse) {
  EXPECT_FALSE(Descriptor());
  EXPECT_FALSE(Descriptor(open("/no/such/file", O_RDONLY | O_CLOEXEC)));
}

TEST(OwnedDescriptor, HasOneOwnerWhenItMoves) {
  Descriptor first = OpenSomething();
  const int number = first.get();
  Descriptor second = std::move(first);
  EXPECT_EQ(second.get(), number);
  EXPECT_TRUE(IsOpen(number));

  Descriptor third = OpenSomething();
  const int replaced = third.get();
  third = std::move(second);
  EXPECT_EQ(third.get(), number);
  EXPECT_FALSE(IsOpen(replaced)) << "what it owned before is closed";
  EXPECT_TRUE(IsOpen(number));

  third.Close();
  EXPECT_FALSE(third);
  EXPECT_FALSE(IsOpen(number));
}

}  // namespace
}  // namespace acb
