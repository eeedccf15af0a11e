// R-SEC3-33: published test keys.
#include "firmware/smki/deny_list.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>

#include "firmware/smki/bundle.h"
#include "firmware/smki/certificate.h"
#include "tests/firmware/smki/builder.h"
#include "tests/support/shared.h"

namespace acb::smki {
namespace {

using acb::testing::ReadFile;
using acb::testing::ReadText;
using acb::testing::SharedDir;

void ExpectListed(BytesView pem, const std::string& what) {
  const auto blocks = SplitCertificates(pem);
  ASSERT_TRUE(blocks) << what << ": " << blocks.error().explanation;
  const auto certificate = Certificate::Parse(blocks->at(0));
  ASSERT_TRUE(certificate) << what << ": " << certificate.error().explanation;
  ASSERT_TRUE((*certificate)->public_point().has_value()) << what;
  EXPECT_TRUE(IsPublishedTestKey(*(*certificate)->public_point())) << what;
}

TEST(PublishedTestKeys, HoldEveryCertificateOfThePublicData) {
  ACB_NEED_SHARED();
  int seen = 0;
  for (const auto& file : std::filesystem::directory_iterator(SharedDir() / "rtds/certificates")) {
    if (file.path().extension() != ".pem") continue;
    ExpectListed(ReadFile(file.path()), file.path().string());
    ++seen;
  }
  EXPECT_EQ(seen, 24);
  const auto store = boost::json::parse(ReadText(SharedDir() / "rtds/keystore.json"));
  int in_store = 0;
  for (const auto& [eui, usages] : store.as_object()) {
    for (const auto& [usage, serials] : usages.as_object()) {
      for (const auto& [serial, entry] : serials.as_object()) {
        ExpectListed(AsBytes(entry.at("certificate").as_string()), std::string(serial));
        ++in_store;
      }
    }
  }
  EXPECT_EQ(in_store, 33);
}

TEST(PublishedTestKeys, HoldTheTestAuthorities) {
  // Z1 (gbcs-cs02b.md 9.2).
  const Bytes z1 = testing::Hex(
      "041a2b924097b58d70b0c2cf74eba1d2a6f1d6ab56955343f1329468c64327fcfe28876b560cb5c783a5722fd3b9"
      "ebd8f3a29441d9cff42554aca8778e34741cd5");
  PublicPoint point;
  std::copy(z1.begin(), z1.end(), point.begin());
  EXPECT_TRUE(IsPublishedTestKey(point));
  point[64] ^= 1;
  EXPECT_FALSE(IsPublishedTestKey(point));
}

TEST(PublishedTestKeys, DoNotHoldOtherKeys) {
  EXPECT_FALSE(IsPublishedTestKey(testing::TestKey().point()));
  EXPECT_GT(PublishedTestKeyCount(), 40u);
}

TEST(PublishedTestKeys, AreWhatTheScriptWrites) {
  ACB_NEED_SHARED();
  const char* source = std::getenv("ACB_SOURCE_DIR");
  ASSERT_NE(source, nullptr);
  const std::string root(source);
  const std::string command = "/usr/bin/python3 -W ignore -B '" + root +
                              "/tools/make_test_key_list.py' --check '" + SharedDir().string() +
                              "' '" + root + "/firmware/smki/published_test_keys.inc'";
  EXPECT_EQ(std::system(command.c_str()), 0);
}

}  // namespace
}  // namespace acb::smki
