// The anchors' objects, in one process and between several (design.md sections 4 and 5, R-NOW-7).
#include "hsm/anchor_objects.h"

#include <sys/wait.h>

#include <chrono>
#include <iostream>
#include <thread>

#include "tests/hsm/test_token.h"

namespace acb::hsm {
namespace {

using testing::Why;

Bytes SomeAnchor(int number) {
  Bytes octets(190, 0x41);
  octets[0] = static_cast<std::uint8_t>(number >> 8);
  octets[1] = static_cast<std::uint8_t>(number);
  return octets;
}

class AnchorObjectsOfAToken : public testing::TokenTest {};

TEST_F(AnchorObjectsOfAToken, Measure) {
  Provision();
  HsmSettings settings = Settings();
  auto lister = Lister::Start(settings);
  ASSERT_TRUE(lister) << Why(lister);
  settings.lister = *std::move(lister);
  auto hsm = Hsm::Open(std::move(settings));
  ASSERT_TRUE(hsm) << Why(hsm);
  AnchorObjects& anchors = (*hsm)->anchors();
  const auto time = [](const char* what, int rounds, auto&& call) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < rounds; ++i) call(i);
    const auto took = std::chrono::steady_clock::now() - start;
    std::cout << what << ": "
              << std::chrono::duration_cast<std::chrono::microseconds>(took).count() / rounds
              << " us\n";
  };
  const auto list = [&](int) { ASSERT_TRUE(anchors.List()); };
  const auto anew = [&](int) {
    const auto listed = anchors.ListAnew();
    ASSERT_TRUE(listed) << Why(listed);
  };
  time("List of 0", 500, list);
  ASSERT_TRUE(anchors.Create(SomeAnchor(1)));
  time("List of 1", 500, list);
  time("ListAnew of 1", 100, anew);
  for (int i = 2; i <= 5; ++i) ASSERT_TRUE(anchors.Create(SomeAnchor(i)));
  time("List of 5", 500, list);
  time("ListAnew of 5", 100, anew);
  time("Create", 20, [&](int i) { ASSERT_TRUE(anchors.Create(SomeAnchor(10 + i))); });
  time("Destroy", 20, [&](int i) { ASSERT_TRUE(anchors.Destroy(SomeAnchor(10 + i))); });
  EXPECT_EQ(anchors.List()->size(), 5U);
  EXPECT_EQ(anchors.ListAnew()->size(), 5U);
}

}  // namespace
}  // namespace acb::hsm
