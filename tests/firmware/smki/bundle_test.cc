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

TEST(Bundle, GivesOneDerAsItIs) {
  EXPECT_EQ(Split("\x30\x81\x02"), "308102 ");
  EXPECT_EQ(Split("\x30\x84"), "3084 ");
}

TEST(Bundle, TakesACommentThatBeginsLikeASequenceForAComment) {
  EXPECT_EQ(Split("01: the issuing CA\n" + kOne), "3003020101 ");
  EXPECT_EQ(Split("0\xC3\xA9\n" + kOne), "3003020101 ");
  EXPECT_EQ(Split("0"), "refused");
  EXPECT_EQ(Split("0\n"), "refused");
}

TEST(Bundle, SkipsAByteOrderMark) {
  EXPECT_EQ(Split("\xEF\xBB\xBF" + kOne), "3003020101 ");
  EXPECT_EQ(Split(kOne + "\xEF\xBB\xBF" + kTwo), "refused") << "inside it is text";
}

TEST(Bundle, SaysOnWhichLineABlockBeginsAndHowManyThereAre) {
  const std::string file = "\xEF\xBB\xBF# one\n" + kOne + "\n" + kTwo + kList + kOne;
  BundleReader reader(AsBytes(file), BundleKind::kCertificates);
  EXPECT_EQ(reader.CountBlocks(), 3u);
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.line(), 2u);
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.line(), 7u);
  const auto other = reader.Next();
  ASSERT_FALSE(other);
  EXPECT_EQ(reader.line(), 10u);
  EXPECT_EQ(other.error().explanation.find("line"), std::string::npos);
  EXPECT_EQ(BundleReader(AsBytes("\x30\x81"), BundleKind::kCertificates).CountBlocks(), 1u);
}

// What a certificate may have is told by Certificate::Parse; a file that is one block of gigabytes
// is not gathered first.
TEST(Bundle, RefusesABlockBeyondItsLimitWhileItIsRead) {
  const auto block = [](std::size_t lines, const std::string& end) {
    std::string file = "-----BEGIN CERTIFICATE-----\n";
    for (std::size_t i = 0; i < lines; ++i) file += std::string(64, 'A') + "\n";
    return file + end;
  };
  const std::string end = "-----END CERTIFICATE-----\n";
  const std::size_t most = MaxBlockOctets(BundleKind::kCertificates) / 48;  // 48 octets a line
  EXPECT_NE(Split(block(most, end)), "refused");
  const std::string large = block(most + 2, "");
  BundleReader reader(AsBytes(large), BundleKind::kCertificates);
  const auto refused = reader.Next();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().explanation, "it has more than 65536 octets")
      << "and not that it has no end";
  EXPECT_EQ(reader.line(), 1u);
  const std::string der = "\x30\x82" + std::string(MaxBlockOctets(BundleKind::kCertificates), 'A');
  EXPECT_EQ(Split(der), "refused");
}

TEST(Bundle, RefusesNothingAtAll) {
  EXPECT_EQ(Split(""), "refused");
  EXPECT_EQ(Split("\n\n"), "refused");
  EXPECT_EQ(Split("hello\n"), "refused");
}

}  // namespace
}  // namespace acb::smki
