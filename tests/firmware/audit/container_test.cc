#include "firmware/audit/container.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace acb::audit {
namespace {

using Files = std::vector<std::pair<std::string, std::string>>;

std::string Written(const Files& files) {
  std::string octets;
  for (const auto& [name, content] : files) {
    octets.append(AsText(HeaderOf(name, content.size()).value()));
    octets.append(content).append(PaddingAfter(content.size()), '\0');
  }
  return octets.append(kContainerEnd, '\0');
}

// Gives at most `step` octets a call, but for the spans it has to fill.
ContainerContents Read(const std::string& octets) {
  std::size_t at = 0;
  auto contents = ReadContainer([&](std::span<std::uint8_t> into) -> Result<std::size_t> {
    const std::size_t size = std::min(into.size(), octets.size() - at);
    std::copy_n(octets.begin() + static_cast<std::ptrdiff_t>(at), size, into.begin());
    at += size;
    return size;
  });
  return std::move(contents).value();
}

const Files kTwo = {{"entries.ndjson", "one\n"}, {"tile/0/x001/000.p/5", std::string(512, 'a')}};

TEST(Container, IsReadBackAsItWasWritten) {
  const auto read = Read(Written(kTwo));
  ASSERT_FALSE(read.broken);
  ASSERT_EQ(read.files.size(), kTwo.size());
  EXPECT_EQ(read.octets, 512U + 512 + 512 + 512 + 1024);
  EXPECT_EQ(read.files[0].name, "entries.ndjson");
  EXPECT_EQ(read.files[0].offset, 512U);
  EXPECT_EQ(read.files[0].size, 4U);
  EXPECT_EQ(read.files[0].sha256, Sha256(AsBytes("one\n")));
  EXPECT_EQ(read.files[1].offset, 3U * 512);
  EXPECT_EQ(read.files[1].sha256, Sha256(AsBytes(kTwo[1].second)));
}

TEST(Container, MayBeEmpty) {
  const auto read = Read(Written({}));
  EXPECT_FALSE(read.broken);
  EXPECT_TRUE(read.files.empty());
}

TEST(Container, IsBrokenByEachOctetThatIsNotContent) {
  const std::string whole = Written(kTwo);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    const bool content = (at >= 512 && at < 516) || (at >= 1536 && at < 2048);
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    const auto read = Read(changed);
    // A changed octet of a file is told by its SHA-256 alone.
    if (!content) {
      EXPECT_TRUE(read.broken) << at;
    } else {
      ASSERT_FALSE(read.broken) << at;
      EXPECT_NE(read.files[at < 516 ? 0 : 1].sha256,
                Sha256(AsBytes(kTwo[at < 516 ? 0 : 1].second)));
    }
  }
}

TEST(Container, IsBrokenWhereverItIsCut) {
  const std::string whole = Written(kTwo);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_TRUE(Read(whole.substr(0, size)).broken) << size;
  }
  EXPECT_TRUE(Read(whole + '\0').broken);
}

TEST(Container, TellsWhatThereIsOfAFileThatIsCut) {
  const auto read = Read(Written(kTwo).substr(0, 1536 + 100));
  ASSERT_TRUE(read.broken);
  EXPECT_TRUE(read.last_is_cut);
  ASSERT_EQ(read.files.size(), 2U);
  EXPECT_EQ(read.files[1].size, 100U);
}

TEST(Container, RefusesAFileThatComesTwice) {
  EXPECT_TRUE(Read(Written({{"a", "1"}, {"a", "2"}})).broken);
  EXPECT_FALSE(Read(Written({{"a", "1"}, {"b", "1"}})).broken);
}

TEST(Container, HasLimitsForNamesAndSizes) {
  EXPECT_TRUE(HeaderOf(std::string(kMaxContainerName, 'a'), kMaxContainerFile));
  EXPECT_EQ(HeaderOf(std::string(kMaxContainerName + 1, 'a'), 0).error().reason,
            Reason::kMalformed);
  EXPECT_EQ(HeaderOf("a", kMaxContainerFile + 1).error().reason, Reason::kTooLarge);
  for (const char* name : {"", "A", "a b", "\xC3\xA4", "a\\b"}) EXPECT_FALSE(HeaderOf(name, 0));
}

TEST(Container, GivesTheSourcesFailure) {
  const auto read = ReadContainer([](std::span<std::uint8_t>) -> Result<std::size_t> {
    return Failure(Reason::kStoreUnavailable);
  });
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().reason, Reason::kStoreUnavailable);
}

}  // namespace
}  // namespace acb::audit
