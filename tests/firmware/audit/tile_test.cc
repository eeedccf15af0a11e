#include "firmware/audit/tile.h"

#include <gtest/gtest.h>

namespace acb::audit {
namespace {

// The example of C2SP tlog-tiles: "1234067 will be encoded as x001/x234/067".
TEST(TilePath, IsThatOfTheSpecification) {
  EXPECT_EQ(PathOf({.entries = false, .level = 0, .index = 1234067}), "tile/0/x001/x234/067");
  EXPECT_EQ(PathOf({.entries = true, .level = 0, .index = 0}), "tile/entries/000");
  EXPECT_EQ(PathOf({.entries = false, .level = 1, .index = 0, .width = 5}), "tile/1/000.p/5");
  EXPECT_EQ(PathOf({.entries = true, .level = 0, .index = 273, .width = 112}),
            "tile/entries/273.p/112");
}

TEST(TilePath, ReadsWhatItWrites) {
  for (const std::uint64_t index : std::initializer_list<std::uint64_t>{
           0, 7, 999, 1000, 1000000, 1234067, 999999999, ~std::uint64_t{0}}) {
    for (const unsigned width : {1u, 255u, 256u}) {
      for (const unsigned level : {0u, 7u}) {
        const Tile tile{.entries = false, .level = level, .index = index, .width = width};
        EXPECT_EQ(ParseTilePath(PathOf(tile)), tile) << PathOf(tile);
      }
      const Tile bundle{.entries = true, .level = 0, .index = index, .width = width};
      EXPECT_EQ(ParseTilePath(PathOf(bundle)), bundle) << PathOf(bundle);
    }
  }
}

TEST(TilePath, RefusesEveryOtherText) {
  ASSERT_TRUE(ParseTilePath("tile/0/x001/000"));
  for (const std::string_view path : {"",
                                      "tile",
                                      "tile/",
                                      "tile/0",
                                      "tile/0/",
                                      "tile/0/0",
                                      "tile/0/00",
                                      "tile/0/0000",
                                      "tile/0/001/000",
                                      "tile/0/x001/x000",
                                      "tile/0/x000/001",
                                      "tile/0/x1/000",
                                      "tile/00/000",
                                      "tile/8/000",
                                      "tile/-1/000",
                                      "tile/a/000",
                                      "tile/0/000/",
                                      "/tile/0/000",
                                      "tile/0/000.p",
                                      "tile/0/000.p/",
                                      "tile/0/000.p/0",
                                      "tile/0/000.p/256",
                                      "tile/0/000.p/01",
                                      "tile/0/000.p/1/2",
                                      "tile/0/000.p/1.p/1",
                                      "tile/Entries/000",
                                      "tile/entries",
                                      "tile/0/0x0",
                                      "tile/0/x",
                                      "tile/0/x/",
                                      "tile/0/ 00",
                                      "tile/0/x018/x446/x744/x073/x709/x551/616",
                                      "tile/0/x001/x018/x446/x744/x073/x709/x551/615"}) {
    EXPECT_FALSE(ParseTilePath(path)) << path;
  }
}

TEST(TileWidth, IsWhatATreeOfThatSizeHas) {
  EXPECT_EQ(TileWidthAt(0, 0, 0), 0u);
  EXPECT_EQ(TileWidthAt(1, 0, 0), 1u);
  EXPECT_EQ(TileWidthAt(256, 0, 0), 256u);
  EXPECT_EQ(TileWidthAt(256, 0, 1), 0u);
  EXPECT_EQ(TileWidthAt(256, 1, 0), 1u);
  EXPECT_EQ(TileWidthAt(70000, 0, 273), 112u);  // the example of tlog-tiles
  EXPECT_EQ(TileWidthAt(70000, 1, 0), 256u);
  EXPECT_EQ(TileWidthAt(70000, 1, 1), 17u);
  EXPECT_EQ(TileWidthAt(70000, 2, 0), 1u);
  EXPECT_EQ(TileWidthAt(70000, 3, 0), 0u);
  EXPECT_EQ(TileWidthAt(~std::uint64_t{0}, 7, 0), 255u);
  EXPECT_EQ(TileWidthAt(~std::uint64_t{0}, 8, 0), 0u);
  EXPECT_EQ(TileWidthAt(~std::uint64_t{0}, 0, ~std::uint64_t{0}), 0u);
}

TEST(EntryBundle, PutsTheLengthBeforeEachEntry) {
  const std::vector<std::string> entries = {"ab", "", std::string(258, 'x')};
  const auto octets = EncodeBundle(entries);
  ASSERT_TRUE(octets.has_value());
  EXPECT_EQ(ToHex(BytesView(*octets).first(8)), "0002616200000102");
  EXPECT_EQ(DecodeBundle(*octets, 3), entries);
}

TEST(EntryBundle, TakesTheLongestEntryAndNoLonger) {
  const std::string longest(kMaxEntryOctets, 'x');
  EXPECT_TRUE(EncodeBundle(std::vector<std::string>{longest}));
  EXPECT_FALSE(EncodeBundle(std::vector<std::string>{longest + "x"}));
}

TEST(EntryBundle, RefusesOctetsThatAreNotAllOfTheEntries) {
  Bytes octets = *EncodeBundle(std::vector<std::string>{"ab", "c"});
  EXPECT_TRUE(DecodeBundle(octets, 2));
  EXPECT_FALSE(DecodeBundle(octets, 1));
  EXPECT_FALSE(DecodeBundle(octets, 3));
  EXPECT_FALSE(DecodeBundle(octets, 0));
  EXPECT_FALSE(DecodeBundle(octets, 257));
  EXPECT_FALSE(DecodeBundle(BytesView(octets).first(octets.size() - 1), 2));
}

TEST(HashTile, RefusesOctetsThatAreNotItsHashes) {
  const Bytes octets(64, 7);
  ASSERT_TRUE(DecodeTile(octets, 2));
  EXPECT_EQ(DecodeTile(octets, 2)->size(), 2u);
  EXPECT_FALSE(DecodeTile(octets, 1));
  EXPECT_FALSE(DecodeTile(octets, 3));
  EXPECT_FALSE(DecodeTile({}, 0));
}

}  // namespace
}  // namespace acb::audit
