#include "tools/acb-verify/retired_keys.h"

#include <gtest/gtest.h>

namespace acb::verify {
namespace {

audit::Object Ceremony(std::string_view act, const std::string& sha256, bool complete = true) {
  const audit::Object key{{"label", "acb-ds"}, {"certificate", audit::Object{{"sha256", sha256}}}};
  return {{"kind", "ceremony"},
          {"act", act},
          {"complete", complete},
          {"keys", audit::List{audit::Value(key)}}};
}

audit::Object Signed(const std::string& sha256) {
  return {{"kind", "signed"}, {"acb_certificate", audit::Object{{"sha256", sha256}}}};
}

TEST(RetiredKeys, SignNothingAfterTheirCeremony) {
  for (const char* act : {"retire", "destroy"}) {
    RetiredKeys keys;
    EXPECT_TRUE(keys.CheckSigned(Signed("aa")));
    keys.SeeCeremony(7, Ceremony(act, "aa"));
    const Status found = keys.CheckSigned(Signed("aa"));
    ASSERT_FALSE(found) << act;
    EXPECT_EQ(found.error().reason, Reason::kAcbCert);
    EXPECT_NE(found.error().explanation.find("ceremony 7"), std::string::npos);
    EXPECT_TRUE(keys.CheckSigned(Signed("bb")));
  }
}

TEST(RetiredKeys, OtherCeremoniesAndThoseThatFailedTakeNothingOutOfUse) {
  RetiredKeys keys;
  for (const char* act : {"generate", "csr", "accept", "activate"}) {
    keys.SeeCeremony(1, Ceremony(act, "aa"));
  }
  keys.SeeCeremony(2, Ceremony("retire", "aa", false));
  EXPECT_TRUE(keys.CheckSigned(Signed("aa")));
}

TEST(RetiredKeys, ARecordOfAnotherFormIsPassedOver) {
  RetiredKeys keys;
  keys.SeeCeremony(1, {{"act", "retire"}, {"complete", true}});
  keys.SeeCeremony(2, {{"act", "retire"}, {"complete", true}, {"keys", "none"}});
  keys.SeeCeremony(
      3, {{"act", "retire"}, {"complete", true}, {"keys", audit::List{audit::Value("x")}}});
  EXPECT_TRUE(keys.CheckSigned(Signed("")));
  EXPECT_TRUE(keys.CheckSigned({{"kind", "signed"}}));
}

}  // namespace
}  // namespace acb::verify
