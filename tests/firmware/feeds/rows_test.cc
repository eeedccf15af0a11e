#include <gtest/gtest.h>

#include "firmware/base/base64.h"
#include "firmware/feeds/devices.h"
#include "firmware/feeds/parties.h"
#include "firmware/feeds/registrations.h"
#include "tests/firmware/feeds/one_row.h"
#include "tests/firmware/smki/device_pki.h"
#include "tests/support/shared.h"

namespace acb::feeds {
namespace {

Result<PartyRecord> PartyRow(const std::string& line) {
  return One(&ParseParty, PartyColumns(), line);
}
Result<Registration> RegistrationRow(const std::string& line) {
  return One(&ParseRegistration, RegistrationColumns(), line);
}
Result<Device> DeviceRow(const std::string& line) {
  return One(&ParseDevice, DeviceColumns(), line);
}
// With the optional column.
Result<Device> DeviceRowWithHub(const std::string& hub) {
  std::vector<std::string> columns = DeviceColumns();
  columns.push_back("communications_hub");
  return One(&ParseDevice, columns, "00DB1234567890A3,GPF,SMETS2,m,Commissioned,,,,,,,," + hub);
}

TEST(PartiesFeed, ReadsARow) {
  const auto row =
      PartyRow("90-B3-D5-1F-30-01-00-00,SUPA,IS,active,2020-01-01,,yes,2026-01-31T12:00:00Z");
  ASSERT_TRUE(row) << row.error().explanation;
  EXPECT_EQ(row->user_id, Eui64(0x90B3D51F30010000));
  EXPECT_EQ(row->party, "SUPA");
  EXPECT_EQ(row->role, UserRole::kImportSupplier);
  EXPECT_TRUE(row->uept);
  EXPECT_FALSE(row->to);
  EXPECT_EQ(row->notice_to_cease->Iso(), "2026-01-31T12:00:00.000Z");
}

TEST(PartiesFeed, RefusesEachWrongFieldAndNamesIt) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"90B3D51F3001000,SUPA,IS,active,2020-01-01,,yes,", "user_id"},
      {"90B3D51F30010000,,IS,active,2020-01-01,,yes,", "party"},
      {"90B3D51F30010000,SUPA,XX,active,2020-01-01,,yes,", "role"},
      {"90B3D51F30010000,SUPA,IS,alive,2020-01-01,,yes,", "status"},
      {"90B3D51F30010000,SUPA,IS,active,2020-02-30,,yes,", "from"},
      {"90B3D51F30010000,SUPA,IS,active,2020-01-02,2020-01-02,yes,", "to"},
      {"90B3D51F30010000,SUPA,IS,active,2020-01-01,,maybe,", "uept"},
      {"90B3D51F30010000,SUPA,IS,active,2020-01-01,,yes,soon", "notice_to_cease"},
  };
  for (const auto& [line, column] : cases) {
    const auto row = PartyRow(line);
    ASSERT_FALSE(row) << line;
    EXPECT_EQ(row.error().reason, Reason::kFeedRejected);
    EXPECT_EQ(row.error().explanation.substr(0, column.size()), column);
  }
}

TEST(RegistrationsFeed, ReadsRowsWithAndWithoutAParty) {
  const auto row = RegistrationRow("1312345678111,SUPA,,2020-01-01,2021-01-01T00:00:00Z");
  ASSERT_TRUE(row);
  EXPECT_EQ(row->mpxn, "1312345678111");
  EXPECT_EQ(row->network_operator, "");
  EXPECT_TRUE(row->InForce(*UtcTime::FromIso("2020-12-31T23:59:59Z")));
  EXPECT_FALSE(row->InForce(*UtcTime::FromIso("2021-01-01T00:00:00Z")));
}

TEST(RegistrationsFeed, RefusesWhatIsNoMeterPoint) {
  for (const char* mpxn : {"", "12345678901", "13123456781a1", "131234567811111"}) {
    EXPECT_FALSE(RegistrationRow(std::string(mpxn) + ",SUPA,NOA,2020-01-01,")) << mpxn;
  }
}

// 0123456789 and 123456789 are one meter point; an MPAN keeps its 13 digits.
TEST(RegistrationsFeed, FoldsTheLeadingZerosOfAnMprn) {
  for (const auto& [written, read] : {std::pair{"0123456789", "123456789"},
                                      {"123456789", "123456789"},
                                      {"0000000001", "1"},
                                      {"1234567890", "1234567890"},
                                      {"0012345678111", "0012345678111"}}) {
    const auto row = RegistrationRow(std::string(written) + ",SUPA,NOA,2020-01-01,");
    ASSERT_TRUE(row) << written;
    EXPECT_EQ(row->mpxn, read);
  }
  for (const char* zero : {"0", "0000000000"}) {
    EXPECT_FALSE(RegistrationRow(std::string(zero) + ",SUPA,NOA,2020-01-01,")) << zero;
  }
}

TEST(DevicesFeed, FoldsTheLeadingZerosOfAnMprn) {
  const auto row = DeviceRow("00DB1234567890A3,GPF,SMETS2,m,Commissioned,,0123456789,,,,,");
  ASSERT_TRUE(row);
  EXPECT_EQ(row->mpxn, "123456789");
}

// R-SEC3-71.
TEST(DevicesFeed, ReadsTheCommunicationsHubWhereItIsGiven) {
  const auto row = DeviceRowWithHub("00-DB-12-34-56-78-90-A9");
  ASSERT_TRUE(row) << row.error().explanation;
  EXPECT_EQ(row->communications_hub, Eui64(0x00DB1234567890A9));
  const auto none = DeviceRowWithHub("");
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->communications_hub);
  const auto wrong = DeviceRowWithHub("hub");
  ASSERT_FALSE(wrong);
  EXPECT_TRUE(wrong.error().explanation.starts_with("communications_hub"));
}

// Which of the ACB's key pairs a cell holds, where the file says it.
TEST(DevicesFeed, ReadsTheAcbsKeyInACellOfTheAcb) {
  const auto read = [](const std::string& cell, const std::string& key) {
    std::vector<std::string> columns = DeviceColumns();
    columns.push_back("supplier_acb_key");
    return One(&ParseDevice, columns,
               "00DB1234567890A3,GPF,SMETS2,m,Commissioned,,,," + cell + ",,,," + key);
  };
  const auto row = read("acb", "40a1b2c3d4e5f607");
  ASSERT_TRUE(row) << row.error().explanation;
  EXPECT_EQ(row->supplier.acb_key, AcbKeyId{0x40A1B2C3D4E5F607});
  EXPECT_FALSE(row->network_operator.acb_key);
  const auto none = read("acb", "");
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->supplier.acb_key);
  for (const auto& [cell, key] : {std::pair("acb", "40a1b2c3d4e5f6"), std::pair("acb", "key"),
                                  std::pair("90B3D51F30020000", "40a1b2c3d4e5f607")}) {
    const auto wrong = read(cell, key);
    ASSERT_FALSE(wrong) << cell << key;
    EXPECT_TRUE(wrong.error().explanation.starts_with("supplier_acb_key"));
  }
}

TEST(DevicesFeed, ReadsCellsAndFloorsAndKeepsUnknownApartFromZero) {
  const auto row = DeviceRow(
      "00DB1234567890A3,GPF,SMETS2,model "
      "1,Commissioned,2025-12-19,1234567890,,acb,0,90B3D51F30020000,");
  ASSERT_TRUE(row) << row.error().explanation;
  EXPECT_EQ(row->supplier.holder, CellState::Holder::kAcb);
  EXPECT_EQ(row->supplier.floor->value(), 0u);
  EXPECT_EQ(row->network_operator.holder, CellState::Holder::kParty);
  EXPECT_EQ(row->network_operator.party, Eui64(0x90B3D51F30020000));
  EXPECT_FALSE(row->network_operator.floor);
  EXPECT_FALSE(row->key_agreement);
}

TEST(DevicesFeed, RefusesEachWrongFieldAndNamesIt) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"x,GPF,SMETS2,m,Commissioned,,,,,,,", "device_id"},
      {"00DB1234567890A3,GAS,SMETS2,m,Commissioned,,,,,,,", "type"},
      {"00DB1234567890A3,GPF,2,m,Commissioned,,,,,,,", "smets"},
      {"00DB1234567890A3,GPF,SMETS2,m,Alive,,,,,,,", "smi_status"},
      {"00DB1234567890A3,GPF,SMETS2,m,Commissioned,x,,,,,,", "commissioned"},
      {"00DB1234567890A3,GPF,SMETS2,m,Commissioned,,12a,,,,,", "mpxn"},
      {"00DB1234567890A3,GPF,SMETS2,m,Commissioned,,,!!!,,,,", "key_agreement_certificate"},
      {"00DB1234567890A3,GPF,SMETS2,m,Commissioned,,,,me,,,", "supplier_cell"},
      {"00DB1234567890A3,GPF,SMETS2,m,Commissioned,,,,acb,-1,,", "supplier_floor"},
      {"00DB1234567890A3,GPF,SMETS2,m,Commissioned,,,,,,acb,9223372036854775808",
       "network_operator_floor"},
  };
  for (const auto& [line, column] : cases) {
    const auto row = DeviceRow(line);
    ASSERT_FALSE(row) << line;
    EXPECT_EQ(row.error().explanation.substr(0, column.size()), column);
  }
}

// The PEM body of a file is base64 of the DER.
std::string Base64OfPem(const std::filesystem::path& path) {
  std::string body;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("-----")) body += line;
  }
  return body;
}

// R-SEC3-8: whether a path is asked for or not.
TEST(DevicesFeed, TakesNoKeyOfACertificateThatDoesNotFollowTheProfile) {
  const smki::testing::TestKey key;
  auto builder = smki::testing::DeviceCertificateBuilder(key);
  const auto parse = [&](const feeds::KeyCheck& key_alone) {
    return One<Device>(
        [&](const CsvRow& read) {
          return ParseDeviceWith(
              read, [](const smki::Certificate&) -> Status { return Done{}; }, key_alone);
        },
        DeviceColumns(),
        "00DB1234567890A0,GPF,SMETS2,m,Commissioned,,," + ToBase64(builder.Build(key)) + ",,,,");
  };
  const auto good_key = [](const smki::DeviceKeyFacts&) { return true; };
  EXPECT_TRUE(parse({}));
  EXPECT_TRUE(parse(good_key));
  builder.more_extensions = smki::testing::Join(
      {builder.more_extensions, smki::testing::Ext("1.2.3.4", smki::testing::Hex("0500"), true)});
  for (const auto& refused : {parse({}), parse(good_key)}) {
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().explanation.find("a critical extension"), std::string::npos);
  }
}

TEST(DevicesFeed, TakesTheKeyOfAKeyAgreementCertificateOnly) {
  ACB_NEED_SHARED();
  const auto certificates = testing::SharedDir() / "rtds" / "certificates";
  const std::string before = "00DB1234567890A3,GPF,SMETS2,m,Commissioned,,,";
  const auto row =
      DeviceRow(before + Base64OfPem(certificates / "00db1234567890a3-ka.pem") + ",,,,");
  ASSERT_TRUE(row) << row.error().explanation;
  EXPECT_EQ(ToHex(*row->key_agreement).substr(0, 18), "0417a20e4bdb317453");
  EXPECT_FALSE(DeviceRow(before + Base64OfPem(certificates / "00db1234567890a3-ds.pem") + ",,,,"));
  // The answer of who knows the paths counts.
  const auto with = [&](const Status& answer) {
    return One<Device>(
        [&](const CsvRow& read) {
          return ParseDeviceWith(read, [&](const smki::Certificate&) { return answer; });
        },
        DeviceColumns(), before + Base64OfPem(certificates / "00db1234567890a3-ka.pem") + ",,,,");
  };
  EXPECT_TRUE(with(Done{}));
  const auto refused = with(Failure(Reason::kChain, "no path"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::kFeedRejected);
  EXPECT_NE(refused.error().explanation.find("no path"), std::string::npos);
  // Another device's.
  EXPECT_FALSE(DeviceRow(before + Base64OfPem(certificates / "00db1234567890a0-ka.pem") + ",,,,"));
}

}  // namespace
}  // namespace acb::feeds
