// Files of several certificates or lists.
#include "firmware/smki/bundle.h"

#include <gtest/gtest.h>

namespace acb::smki {
namespace {

const std::string kOne = "-----BEGIN CERTIFICATE-----\nMAMC\nAQE=\n-----END CERTIFICATE-----\n";
const std::string kTwo = "-----BEGIN CERTIFICATE-----\r\nMAMCAQI=\r\n-----END CERTIFICATE-----\r\n";
const std::string kList = "-----BEGIN X509 CRL-----\nMAMCAQM=\n-----END X509 CRL-----\n";

std::string Split(const std::string& file) {
  const auto blocks = SplitCertificates(AsBytes(file));
  if (!blocks) {
    EXPECT_EQ(blocks.error().reason, Reason::kFeedRejected);
    EXPECT_NE(blocks.error().explanation.find("line "), std::string::npos);
    return "refused";
  }
  std::string text;
  for (const Bytes& block : *blocks) text += ToHex(block) + " ";
  return text;
}

TEST(Bundle, GivesTheBlocksInOrder) {
  EXPECT_EQ(Split(kOne), "3003020101 ");
  EXPECT_EQ(Split(kOne + kTwo), "3003020101 3003020102 ");
  EXPECT_EQ(Split("\n" + kOne + "\n \n" + kTwo + "\n\n"), "3003020101 3003020102 ");
  EXPECT_EQ(Split(kOne.substr(0, kOne.size() - 1)), "3003020101 ");  // no end of the last line
}

TEST(Bundle, TakesTextBeforeABlockAsComment) {
  EXPECT_EQ(Split("subject=OU = 02\n" + kOne + "# next\n" + kTwo), "3003020101 3003020102 ");
}

TEST(Bundle, RefusesTextAfterTheLastBlock) {
  EXPECT_EQ(Split(kOne + "MAMCAQE=\n"), "refused");
  EXPECT_EQ(Split(kOne + std::string(1, '\0')), "refused");
}

TEST(Bundle, RefusesDamagedBlocks) {
  EXPECT_EQ(Split("-----BEGIN CERTIFICATE-----\nMAMCAQE=\n"), "refused");
  EXPECT_EQ(Split("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"), "refused");
  EXPECT_EQ(Split("-----BEGIN CERTIFICATE-----\nMAMC!QE=\n-----END CERTIFICATE-----\n"), "refused");
  EXPECT_EQ(Split("-----BEGIN CERTIFICATE-----\nMAMCAQE\n-----END CERTIFICATE-----\n"), "refused");
  EXPECT_EQ(Split("-----BEGIN CERTIFICATE-----\nMAMCAQF=\n-----END CERTIFICATE-----\n"), "refused");
  EXPECT_EQ(Split("-----BEGIN CERTIFICATE-----\n\nMAMCAQE=\n-----END CERTIFICATE-----\n"),
            "refused");
  EXPECT_EQ(Split("-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END X509 CRL-----\n"), "refused");
  EXPECT_EQ(Split(kOne + "-----END CERTIFICATE-----\n"), "refused");
  EXPECT_EQ(Split("----- BEGIN CERTIFICATE-----\nMAMCAQE=\n" + kOne), "refused");
  EXPECT_EQ(Split(" " + kOne), "refused");
}

TEST(Bundle, RefusesBlocksOfAnotherKind) {
  EXPECT_EQ(Split(kList), "refused");
  EXPECT_EQ(Split(kOne + kList), "refused");
  EXPECT_EQ(Split("-----BEGIN PRIVATE KEY-----\nMAMCAQE=\n-----END PRIVATE KEY-----\n"), "refused");
  EXPECT_FALSE(SplitRevocationLists(AsBytes(kOne)));
  const auto lists = SplitRevocationLists(AsBytes(kList + kList));
  ASSERT_TRUE(lists);
  EXPECT_EQ(lists->size(), 2u);
}

TEST(Bundle, GivesOneDerAsItIs) { EXPECT_EQ(Split(std::string("\x30\x01\x02", 3)), "300102 "); }

TEST(Bundle, RefusesNothingAtAll) {
  EXPECT_EQ(Split(""), "refused");
  EXPECT_EQ(Split("\n\n"), "refused");
  EXPECT_EQ(Split("hello\n"), "refused");
}

}  // namespace
}  // namespace acb::smki
