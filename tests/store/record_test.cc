#include "store/record.h"

#include <gtest/gtest.h>

#include "store/check_value.h"
#include "store/rows.h"

namespace acb::store {
namespace {

TEST(CheckValue, IsCrc32cOfRfc3720) {
  EXPECT_EQ(Crc32c().Update(AsBytes("123456789")).value(), 0xE3069283u);
  EXPECT_EQ(Crc32c().Update(Bytes(32, 0)).value(), 0x8A9136AAu);
  EXPECT_EQ(Crc32c().Update(AsBytes("1234")).Update(AsBytes("56789")).value(), 0xE3069283u);
  Bytes ascending(32);
  for (std::size_t i = 0; i < ascending.size(); ++i) ascending[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(Crc32c().Update(ascending).value(), 0x46DD794Eu);
  // However it is cut.
  for (std::size_t cut = 0; cut <= ascending.size(); ++cut) {
    const BytesView whole(ascending);
    EXPECT_EQ(Crc32c().Update(whole.first(cut)).Update(whole.subspan(cut)).value(), 0x46DD794Eu);
  }
}

// A store goes from one machine to another.
TEST(CheckValue, IsTheSameWithAndWithoutTheInstruction) {
  Bytes octets(300);
  for (std::size_t i = 0; i < octets.size(); ++i) octets[i] = static_cast<std::uint8_t>(i * i + 7);
  for (std::size_t size = 0; size <= octets.size(); ++size) {
    const BytesView tail = BytesView(octets).last(size);
    ASSERT_EQ(Crc32c().Update(tail).value(), Crc32cByTables(tail)) << size;
  }
}

const Bytes kKey = {0x10, 0x20, 0x30};
const Bytes kPayload = {1, 2, 3, 4, 5, 6, 7};

TEST(Record, GivesBackWhatWasSealed) {
  const Bytes sealed = Seal(Table::kCounters, kKey, kPayload);
  EXPECT_EQ(sealed.size(), kPayload.size() + kRecordOverhead);
  const auto payload = Unseal(Table::kCounters, kKey, sealed);
  ASSERT_TRUE(payload);
  EXPECT_TRUE(Equal(*payload, kPayload));
}

TEST(Record, NoticesEveryFlippedBit) {
  const Bytes sealed = Seal(Table::kCounters, kKey, kPayload);
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    Bytes flipped = sealed;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ 1 << bit % 8);
    const auto payload = Unseal(Table::kCounters, kKey, flipped);
    ASSERT_FALSE(payload) << bit;
    EXPECT_EQ(payload.error().reason, Reason::kRecordDamaged);
  }
}

TEST(Record, NoticesThatItStandsUnderAnotherKeyOrTable) {
  const Bytes sealed = Seal(Table::kCounters, kKey, kPayload);
  for (std::size_t bit = 0; bit < kKey.size() * 8; ++bit) {
    Bytes key = kKey;
    key[bit / 8] = static_cast<std::uint8_t>(key[bit / 8] ^ 1 << bit % 8);
    EXPECT_FALSE(Unseal(Table::kCounters, key, sealed)) << bit;
  }
  EXPECT_FALSE(Unseal(Table::kDevices, kKey, sealed));
  EXPECT_TRUE(Unseal(Table::kCounters, kKey, sealed));
}

TEST(Record, NoticesThatItWasCut) {
  const Bytes sealed = Seal(Table::kCounters, kKey, kPayload);
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_FALSE(Unseal(Table::kCounters, kKey, BytesView(sealed).first(size))) << size;
  }
}

TEST(Record, NamesTableAndKeyForTheOperatorOnly) {
  const auto payload = Unseal(Table::kCounters, kKey, Bytes(9, 0));
  ASSERT_FALSE(payload);
  EXPECT_NE(payload.error().detail.find("counters"), std::string::npos);
  EXPECT_NE(payload.error().detail.find("102030"), std::string::npos);
  EXPECT_TRUE(payload.error().explanation.empty());
}

TEST(Rows, CountersKeepEveryNumberUpToTheGreatest) {
  for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{255},
                                     std::uint64_t{256}, std::uint64_t{1} << 48, kMaxSeqNumber}) {
    CountersRow row;
    row.last_issued = number;
    row.raise = number / 2;
    row.supplier.holder = CellState::Holder::kAcb;
    row.supplier.floor = FloorSeqNumber::From(number);
    row.network_operator.holder = CellState::Holder::kParty;
    row.network_operator.party = Eui64(number);
    const auto read = DecodeCounters(EncodeCounters(row));
    ASSERT_TRUE(read) << number;
    EXPECT_EQ(read->last_issued, number);
    EXPECT_EQ(read->raise, number / 2);
    EXPECT_EQ(read->supplier.floor, FloorSeqNumber::From(number));
    EXPECT_EQ(read->network_operator.party, Eui64(number));
    EXPECT_FALSE(read->network_operator.floor);
  }
}

// FORMAT.md, table counters: the octets themselves.
TEST(Rows, CountersHaveTheOctetsOfTheFormat) {
  CountersRow row;
  row.last_issued = 1302;
  row.supplier.holder = CellState::Holder::kAcb;
  row.supplier.floor = FloorSeqNumber::From(1200);
  row.network_operator.holder = CellState::Holder::kParty;
  row.network_operator.party = Eui64(0x90B3D51F30020000);
  EXPECT_EQ(ToHex(EncodeCounters(row)),
            "020516"
            "00"
            "02110204b0"
            "030290b3d51f30020000");
}

// With the key of the ACB that the cell holds; kept while the holder is not known, never beside a
// party.
TEST(Rows, CountersHaveTheAcbsKeyWhereItIsKnown) {
  CountersRow row;
  row.supplier.holder = CellState::Holder::kAcb;
  row.supplier.floor = FloorSeqNumber::From(1200);
  row.supplier.acb_key = AcbKeyId{0x40A1B2C3D4E5F607};
  row.network_operator.acb_key = AcbKeyId{0x4000000000000001};
  const Bytes octets = EncodeCounters(row);
  EXPECT_EQ(ToHex(octets),
            "0000"
            "02310204b040a1b2c3d4e5f607"
            "03204000000000000001");
  const auto read = DecodeCounters(octets);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->supplier.acb_key, row.supplier.acb_key);
  EXPECT_EQ(read->network_operator.acb_key, row.network_operator.acb_key);

  row.network_operator.holder = CellState::Holder::kParty;
  const auto given_away = DecodeCounters(EncodeCounters(row));
  ASSERT_TRUE(given_away);
  EXPECT_FALSE(given_away->network_operator.acb_key);
  EXPECT_FALSE(
      DecodeCounters(*FromHex("0000"
                              "0222"
                              "90b3d51f300200004000000000000001"
                              "0300")));
}

TEST(Rows, RefuseCountersOfAnotherForm) {
  const Bytes good = EncodeCounters({});
  ASSERT_TRUE(DecodeCounters(good));
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_FALSE(DecodeCounters(longer));
  EXPECT_FALSE(DecodeCounters(BytesView(good).first(good.size() - 1)));
  EXPECT_FALSE(
      DecodeCounters(*FromHex("0100"
                              "00"
                              "0200"
                              "0300")));  // a leading zero octet
  EXPECT_FALSE(
      DecodeCounters(*FromHex("088000000000000000"
                              "00"
                              "0200"
                              "0300")));  // 2^63
  EXPECT_FALSE(
      DecodeCounters(*FromHex("00"
                              "00"
                              "0203"
                              "0300")));  // holder 3
  EXPECT_FALSE(
      DecodeCounters(*FromHex("00"
                              "00"
                              "0300"
                              "0200")));  // roles swapped
}

TEST(Rows, TimesSortAsOctetsAlsoBefore1970) {
  Registration before{"1312345678111", "", "", UtcTime(-1), {}};
  Registration after{"1312345678111", "", "", UtcTime(1), {}};
  EXPECT_LT(KeyOf(before), KeyOf(after));
  const auto read = DecodeRegistration(KeyOf(before), EncodeRegistration(before));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->from, UtcTime(-1));
}

TEST(Rows, NoMeterPointsKeyStartsAnothers) {
  const Bytes shorter = PrefixOf("1312345678");
  const Bytes longer = PrefixOf("1312345678111");
  EXPECT_FALSE(std::equal(shorter.begin(), shorter.end(), longer.begin()));
}

}  // namespace
}  // namespace acb::store
