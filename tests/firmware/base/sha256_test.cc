#include "firmware/base/sha256.h"

#include <gtest/gtest.h>

namespace acb {
namespace {

// FIPS 180-4 examples.
TEST(Sha256, IsThatOfTheStandard) {
  EXPECT_EQ(ToHex(Sha256(AsBytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(ToHex(Sha256(BytesView())),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Sha256, OfPartsIsThatOfTheirConcatenation) {
  EXPECT_EQ(Sha256({AsBytes("a"), BytesView(), AsBytes("bc")}), Sha256(AsBytes("abc")));
}

}  // namespace
}  // namespace acb
