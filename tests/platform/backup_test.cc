// What an incremental backup carries, and what it takes to put it back (issue 6).
#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "platform/backup_content.h"
#include "platform/backup_manifest.h"
#include "tests/platform/test_pki.h"

namespace acb::platform {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr Sha256Digest kFirst{1, 2, 3};
constexpr Sha256Digest kSecond{4, 5, 6};

// A copy of so many pages, page n filled with fills[n].
Bytes Pages(std::initializer_list<std::uint8_t> fills) {
  Bytes copy;
  for (const std::uint8_t fill : fills) copy.insert(copy.end(), kBackupPage, fill);
  return copy;
}

class IncrementalBackup : public ::testing::Test {
 protected:
  struct Made {
    ContentWriter::Copy copy{};
    Bytes content;
  };
  // In pieces that do not end with pages.
  Result<Made> Make(BytesView copy, PageIndexReader* since, const Sha256Digest& name,
                    std::size_t piece = 1000) {
    auto index = PageIndexWriter::Begin(indexes_);
    if (!index) return std::move(index).error();
    Made made;
    ContentWriter writer(since, *index, [&](BytesView octets) {
      made.content.insert(made.content.end(), octets.begin(), octets.end());
      return Status(Done{});
    });
    while (!copy.empty()) {
      const BytesView next = copy.first(std::min(piece, copy.size()));
      if (Status taken = writer.Append(next); !taken) return std::move(taken).error();
      copy = copy.subspan(next.size());
    }
    const auto end = writer.End();
    if (!end) return end.error();
    made.copy = *end;
    if (Status kept = index->Keep(name, 42); !kept) return std::move(kept).error();
    return made;
  }
  Result<Made> MakeSince(const Bytes& copy, std::size_t piece = 1000) {
    auto since = PageIndexReader::Open(indexes_, kFirst);
    if (!since) return std::move(since).error();
    EXPECT_EQ(since->tree_size(), 42U);
    return Make(copy, &*since, kSecond, piece);
  }
  // `earlier` with the runs in it.
  static Result<Bytes> Apply(Bytes earlier, BytesView content, std::size_t piece = 777) {
    RunReader runs([&](std::uint64_t offset, BytesView octets) {
      if (earlier.size() < offset + octets.size()) earlier.resize(offset + octets.size());
      std::ranges::copy(octets, earlier.begin() + static_cast<std::ptrdiff_t>(offset));
      return Status(Done{});
    });
    while (!content.empty()) {
      const BytesView next = content.first(std::min(piece, content.size()));
      if (Status taken = runs.Append(next); !taken) return std::move(taken).error();
      content = content.subspan(next.size());
    }
    if (Status ended = runs.End(); !ended) return std::move(ended).error();
    return earlier;
  }
  static Bytes Run(std::uint64_t first, std::uint32_t count, std::size_t pages) {
    ByteWriter run;
    run.U64(first).U32(count).Raw(Bytes(pages * kBackupPage));
    return std::move(run).bytes();
  }
  static void ExpectDamaged(const Result<Bytes>& result, std::string_view what) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().reason, Reason::kBackupDamaged);
    EXPECT_THAT(result.error().explanation, HasSubstr(std::string(what)));
  }

  testing::TemporaryDirectory directory_;
  fs::path indexes_ = directory_.path() / "backup-pages";
};

TEST_F(IncrementalBackup, CarriesThePagesThatChangedAndThoseThatAreNew) {
  const Bytes before = Pages({0, 1, 2, 3, 4});
  const auto full = Make(before, nullptr, kFirst);
  ASSERT_TRUE(full) << full.error().detail;
  EXPECT_EQ(full->content, before) << "a full backup's content is the copy";
  EXPECT_EQ(full->copy.sha256, Sha256(before));
  EXPECT_EQ(full->copy.carried, 5U);
  const Bytes after = Pages({0, 9, 9, 3, 9, 5, 6});
  const auto made = MakeSince(after);
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ(made->copy.octets, after.size());
  EXPECT_EQ(made->copy.sha256, Sha256(after)) << "of the whole, not of what is carried";
  EXPECT_EQ(made->copy.carried, 5U);
  EXPECT_EQ(made->content.size(), 5 * kBackupPage + 2 * kRunHeader);
  const auto applied = Apply(before, made->content);
  ASSERT_TRUE(applied);
  EXPECT_EQ(*applied, after);
}

TEST_F(IncrementalBackup, OfNothingNewCarriesNothing) {
  const Bytes copy = Pages({0, 1, 2});
  ASSERT_TRUE(Make(copy, nullptr, kFirst));
  const auto made = MakeSince(copy);
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->content.empty());
  EXPECT_EQ(made->copy.octets, copy.size());
}

TEST_F(IncrementalBackup, SplitsARunThatIsLongerThanItsLimit) {
  ASSERT_TRUE(Make(Pages({}), nullptr, kFirst));
  const Bytes after((kMaxRunPages + 3) * kBackupPage, 7);
  const auto made = MakeSince(after, std::size_t{1} << 20);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->content.size(), after.size() + 2 * kRunHeader);
  const auto applied = Apply({}, made->content, std::size_t{1} << 20);
  ASSERT_TRUE(applied);
  EXPECT_EQ(*applied, after);
}

TEST_F(IncrementalBackup, IsMadeOfWholePagesOnly) {
  const auto made = Make(Bytes(kBackupPage + 1), nullptr, kFirst);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().reason, Reason::kStoreUnavailable);
}

TEST_F(IncrementalBackup, NeedsABackupThatThisBoxMade) {
  const auto made = MakeSince(Pages({1}));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().reason, Reason::kNotFound);
  EXPECT_THAT(made.error().explanation, HasSubstr("Make a full backup"));
}

TEST_F(IncrementalBackup, RefusesAnIndexWithOneOctetChangedOrMissing) {
  ASSERT_TRUE(Make(Pages({0, 1, 2}), nullptr, kFirst));
  const fs::path index = indexes_ / ToHex(kFirst);
  std::ifstream in(index, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), {});
  ASSERT_TRUE(PageIndexReader::Open(indexes_, kFirst));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    std::ofstream(index, std::ios::binary | std::ios::trunc) << changed;
    EXPECT_FALSE(PageIndexReader::Open(indexes_, kFirst)) << at;
  }
  for (const std::size_t size : {std::size_t{0}, whole.size() - 1, whole.size() - 16}) {
    std::ofstream(index, std::ios::binary | std::ios::trunc) << whole.substr(0, size);
    EXPECT_FALSE(PageIndexReader::Open(indexes_, kFirst)) << size;
  }
  // That of another backup under this one's name.
  std::ofstream(index, std::ios::binary | std::ios::trunc) << whole;
  fs::copy_file(index, indexes_ / ToHex(kSecond));
  EXPECT_FALSE(PageIndexReader::Open(indexes_, kSecond));
  EXPECT_TRUE(PageIndexReader::Open(indexes_, kFirst));
}

TEST_F(IncrementalBackup, KeepsTheNewestIndexesAndLeavesNothingOfOneThatWasGivenUp) {
  Sha256Digest name{};
  const auto now = fs::file_time_type::clock::now();
  for (std::uint8_t i = 0; i < kKeptPageIndexes + 2; ++i) {
    name[0] = i;
    ASSERT_TRUE(Make(Pages({i}), nullptr, name));
    fs::last_write_time(indexes_ / ToHex(name), now - std::chrono::hours(100 - i));
  }
  { ASSERT_TRUE(PageIndexWriter::Begin(indexes_)); }
  EXPECT_EQ(std::distance(fs::directory_iterator(indexes_), {}), kKeptPageIndexes);
  EXPECT_TRUE(PageIndexReader::Open(indexes_, name));
  name[0] = 1;
  EXPECT_FALSE(PageIndexReader::Open(indexes_, name));
  name[0] = 2;
  EXPECT_TRUE(PageIndexReader::Open(indexes_, name));
}

TEST_F(IncrementalBackup, RefusesRunsThatAreNone) {
  Bytes two = Run(1, 1, 1);
  const Bytes next = Run(2, 2, 2);
  two.insert(two.end(), next.begin(), next.end());
  EXPECT_TRUE(Apply({}, two)) << "runs that touch are runs";
  EXPECT_TRUE(Apply({}, {}));
  ExpectDamaged(Apply({}, Run(0, 0, 0)), "length");
  ExpectDamaged(Apply({}, Run(0, kMaxRunPages + 1, 1)), "length");
  ExpectDamaged(Apply({}, Run(kMaxBackupPages, 1, 0)), "beyond");
  ExpectDamaged(Apply({}, Run(~std::uint64_t{0}, 2, 0)), "beyond");
  ExpectDamaged(Apply({}, Run(0, 2, 1)), "middle");
  ExpectDamaged(Apply({}, BytesView(two).first(kRunHeader - 1)), "middle");
  Bytes overlapping = Run(1, 2, 2);
  overlapping.insert(overlapping.end(), next.begin(), next.end());
  ExpectDamaged(Apply({}, overlapping), "order");
}

BackupManifest MadeManifest() {
  BackupManifest manifest;
  manifest.octets = 8192;
  manifest.created = *UtcTime::FromIso("2026-11-22T00:30:00Z");
  manifest.checkpoint_key = {hsm::KeyAlgorithm::kEd25519, Bytes(32)};
  return manifest;
}

TEST(BackupManifest, SaysWhatItGoesOnFromWhenItIsIncremental) {
  BackupManifest manifest = MadeManifest();
  const auto full = ParseManifestChunk(ManifestChunk(ManifestJson(manifest), Bytes(64)));
  ASSERT_TRUE(full);
  EXPECT_FALSE(full->manifest.since);
  EXPECT_THAT(ManifestJson(manifest), HasSubstr("\"format\":\"1\"")) << "as it always was";
  manifest.since = {.sha256 = kFirst, .tree_size = 42};
  const auto more = ParseManifestChunk(ManifestChunk(ManifestJson(manifest), Bytes(64)));
  ASSERT_TRUE(more);
  ASSERT_TRUE(more->manifest.since);
  EXPECT_EQ(more->manifest.since->sha256, kFirst);
  EXPECT_EQ(more->manifest.since->tree_size, 42U);
  // Of a full one's form, or without its parent: none.
  for (const auto& [from, to] : std::map<std::string, std::string>{
           {"\"format\":\"2\"", "\"format\":\"3\""}, {"since_sha256", "since_sha255"}}) {
    std::string json = ManifestJson(manifest);
    json.replace(json.find(from), from.size(), to);
    EXPECT_FALSE(ParseManifestChunk(ManifestChunk(json, Bytes(64)))) << json;
  }
}

}  // namespace
}  // namespace acb::platform
