// The file of an export: one form, and every octet under the signature.
#include "platform/counter_file.h"

#include <gmock/gmock.h>
#include <openssl/evp.h>

#include <boost/json.hpp>

#include "tests/platform/test_pki.h"

namespace acb::platform {
namespace {

using ::testing::HasSubstr;
using Pkey = Handle<EVP_PKEY, EVP_PKEY_free>;
using DigestContext = Handle<EVP_MD_CTX, EVP_MD_CTX_free>;

class CounterFileTest : public ::testing::Test {
 protected:
  CounterFileTest() {
    key_.algorithm = hsm::KeyAlgorithm::kEd25519;
    key_.octets.resize(32);
    std::size_t size = 32;
    EXPECT_EQ(EVP_PKEY_get_raw_public_key(pkey_.get(), key_.octets.data(), &size), 1);
  }
  Bytes Sign(BytesView octets) const {
    Bytes signature(64);
    std::size_t size = signature.size();
    const DigestContext context(EVP_MD_CTX_new());
    EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, pkey_.get());
    EVP_DigestSign(context.get(), signature.data(), &size, octets.data(), octets.size());
    return signature;
  }
  static store::ExportedCounters Row(std::uint64_t device) {
    store::ExportedCounters row;
    row.device = Eui64(device);
    row.last_issued = device * 3;
    row.raise = 4;
    row.supplier.holder = CellState::Holder::kAcb;
    row.supplier.floor = FloorSeqNumber::From(kMaxSeqNumber);
    row.network_operator.holder = CellState::Holder::kParty;
    row.network_operator.party = Eui64(0x90B3D51F30010000);
    return row;
  }
  CounterFileHead Head() const {
    CounterFileHead head;
    head.store = {.store = {1, 2, 3},
                  .environment = store::Environment::kTest,
                  .epoch = 7,
                  .raise = 8192,
                  .base = 5,
                  .tree_size = 123,
                  .root = {9}};
    head.window = 4096;
    head.fenced = true;
    head.created = *UtcTime::FromIso("2026-11-21T12:00:00Z");
    head.key = key_;
    return head;
  }
  std::string Write(const std::vector<std::uint64_t>& devices) const {
    auto file = UnnamedFile::Create(directory_.path());
    EXPECT_TRUE(file);
    CounterFileWriter writer(*file);
    EXPECT_TRUE(writer.Begin(Head()));
    for (const std::uint64_t device : devices) EXPECT_TRUE(writer.Add(Row(device)));
    EXPECT_TRUE(writer.Finish([&](BytesView octets) { return Result<Bytes>(Sign(octets)); }));
    const auto body = HttpBody::Map(file->descriptor(), file->size());
    return std::string(body.value().Text());
  }
  Result<std::vector<store::ExportedCounters>> Read(const std::string& text) const {
    const HttpBody body(ToBytes(AsBytes(text)));
    const auto file = CounterFile::Verify(body, key_);
    if (!file) return file.error();
    std::vector<store::ExportedCounters> rows;
    const auto source = file->Source();
    while (true) {
      const auto row = source();
      if (!row) return row.error();
      if (!row->has_value()) return rows;
      rows.push_back(**row);
    }
  }

  acb::testing::TemporaryDirectory directory_;
  Pkey pkey_{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")};
  hsm::PublicKey key_;
};

TEST_F(CounterFileTest, IsOneJsonDocumentThatReadsBackAsItWasWritten) {
  const std::string text = Write({1, 2, 3});
  const auto json = boost::json::parse(text);
  EXPECT_EQ(json.at("format").as_string(), "acb-counters-1");
  EXPECT_EQ(json.at("devices").as_array().size(), 3u);
  EXPECT_EQ(json.at("count").as_string(), "3");
  EXPECT_EQ(std::ranges::count(text, '\n'), 5);
  const auto rows = Read(text);
  ASSERT_TRUE(rows) << rows.error().explanation;
  ASSERT_EQ(rows->size(), 3u);
  const auto& row = rows->at(1);
  EXPECT_EQ(row.device.value(), 2u);
  EXPECT_EQ(row.last_issued, 6u);
  EXPECT_EQ(row.raise, 4u);
  EXPECT_EQ(row.supplier.holder, CellState::Holder::kAcb);
  EXPECT_EQ(row.supplier.floor->value(), kMaxSeqNumber);
  EXPECT_EQ(row.network_operator.holder, CellState::Holder::kParty);
  EXPECT_EQ(row.network_operator.party.value(), 0x90B3D51F30010000u);
  EXPECT_FALSE(row.network_operator.floor);
  const HttpBody body(ToBytes(AsBytes(text)));
  const auto file = CounterFile::Verify(body, key_);
  EXPECT_EQ(file->head().store.raise, 8192u);
  EXPECT_EQ(file->head().store.base, 5u);
  EXPECT_EQ(file->head().window, 4096u);
  EXPECT_TRUE(file->head().fenced);
  EXPECT_TRUE(Read(Write({}))->empty());
}

TEST_F(CounterFileTest, RefusesEveryFlippedBitOfEveryOctet) {
  const std::string good = Write({1, 2});
  ASSERT_TRUE(Read(good));
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const int bit : {0x01, 0x20, 0x80}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ bit);
      ASSERT_FALSE(Read(bad)) << "octet " << i << " bit " << bit;
    }
  }
}

TEST_F(CounterFileTest, RefusesAFileThatIsCutOffOrHasMore) {
  const std::string good = Write({1, 2});
  for (std::size_t size = 0; size < good.size(); ++size) {
    ASSERT_FALSE(Read(good.substr(0, size))) << size;
  }
  EXPECT_FALSE(Read(good + "\n"));
  EXPECT_FALSE(Read(" " + good));
  EXPECT_FALSE(Read(good + good));
}

TEST_F(CounterFileTest, NamesTheLineThatIsDamaged) {
  std::string bad = Write({1, 2, 3});
  bad.replace(bad.find("\"last_issued\":\"6\""), 17, "\"last_issued\":\"06\"");
  const auto read = Read(bad);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().reason, Reason::kBackupDamaged);
  EXPECT_THAT(read.error().explanation, HasSubstr("line 3"));
}

TEST_F(CounterFileTest, RefusesAnotherKeyAndRowsThatDoNotRise) {
  const std::string good = Write({1, 2});
  hsm::PublicKey other = key_;
  other.octets[3] ^= 1;
  const HttpBody body(ToBytes(AsBytes(good)));
  const auto read = CounterFile::Verify(body, other);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().reason, Reason::kBackupDamaged);
  const auto falling = Read(Write({2, 1}));
  ASSERT_FALSE(falling);
  EXPECT_THAT(falling.error().explanation, HasSubstr("line 3"));
  EXPECT_FALSE(Read(Write({2, 2})));
}

TEST(SubjectPublicKeyInfo, IsThatOfOpenSsl) {
  for (const auto& [name, algorithm] :
       {std::pair{"ED25519", hsm::KeyAlgorithm::kEd25519}, {"EC", hsm::KeyAlgorithm::kP256}}) {
    const Pkey pkey(algorithm == hsm::KeyAlgorithm::kP256
                        ? EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")
                        : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    ASSERT_TRUE(pkey) << name;
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(pkey.get(), &der);
    ASSERT_GT(size, 0);
    Bytes octets(der, der + size);
    OPENSSL_free(der);
    const auto key = hsm::FromSpki(octets);
    ASSERT_TRUE(key) << name;
    EXPECT_EQ(key->algorithm, algorithm);
    EXPECT_EQ(hsm::ToSpki(*key), octets);
    octets.push_back(0);
    EXPECT_FALSE(hsm::FromSpki(octets));
    EXPECT_FALSE(hsm::FromSpki(BytesView(octets).first(octets.size() - 2)));
  }
}

}  // namespace
}  // namespace acb::platform
