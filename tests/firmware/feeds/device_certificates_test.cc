#include "firmware/feeds/device_certificates.h"

#include <gtest/gtest.h>

#include "firmware/smki/device_identity.h"
#include "firmware/smki/device_profile.h"
#include "tests/firmware/smki/device_pki.h"

namespace acb::feeds {
namespace {

using namespace smki::testing;
using Kind = DeviceCertificate::Kind;

TEST(DeviceCertificatesFeed, SortsWhatTheDevicePkiIssues) {
  const TestKey key;
  CertificateBuilder builder = DeviceCertificateBuilder(key);
  const auto agreement = SortDeviceCertificate(*builder.Parsed());
  ASSERT_TRUE(agreement) << agreement.error().explanation;
  EXPECT_EQ(agreement->kind, Kind::kKeyAgreement);
  EXPECT_EQ(agreement->device, kTestDevice);
  EXPECT_EQ(agreement->key, key.point());
  builder.key_usage = Ext("2.5.29.15", Hex("03020780"), true);
  const auto signing = SortDeviceCertificate(*builder.Parsed());
  ASSERT_TRUE(signing);
  EXPECT_EQ(signing->kind, Kind::kDigitalSigning);
  const auto authority = SortDeviceCertificate(*DeviceCaBuilder(key, "D1", false).Parsed());
  ASSERT_TRUE(authority);
  EXPECT_EQ(authority->kind, Kind::kAuthority);
}

// R-SEC3-8.
TEST(DeviceCertificatesFeed, RefusesWhatDoesNotFollowTheProfile) {
  const TestKey key;
  for (CertificateBuilder builder :
       {DeviceCertificateBuilder(key), DeviceCaBuilder(key, "D1", false)}) {
    builder.policies = {};
    const auto refused = SortDeviceCertificate(*builder.Parsed());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, Reason::kFeedRejected);
    EXPECT_NE(refused.error().explanation.find("certificatePolicies"), std::string::npos);
  }
}

TEST(DeviceCertificatesFeed, RefusesAnythingElse) {
  const TestKey key;
  // An organisation certificate: no hardwareModuleName.
  EXPECT_FALSE(SortDeviceCertificate(*CertificateBuilder(key).Parsed()));
  CertificateBuilder both = DeviceCertificateBuilder(key);
  both.key_usage = Ext("2.5.29.15", Hex("03020388"), true);  // both usages
  EXPECT_FALSE(SortDeviceCertificate(*both.Parsed()));
  CertificateBuilder flagless = DeviceCaBuilder(key, "D1", false);
  flagless.basic_constraints = {};
  EXPECT_FALSE(SortDeviceCertificate(*flagless.Parsed()));
  CertificateBuilder no_signer = DeviceCaBuilder(key, "D1", false);
  no_signer.key_usage = Ext("2.5.29.15", Hex("03020308"), true);
  EXPECT_FALSE(SortDeviceCertificate(*no_signer.Parsed())) << "a CA that may not sign";
  CertificateBuilder off_curve = DeviceCertificateBuilder(key);
  off_curve.spki[off_curve.spki.size() - 1] ^= 1;
  EXPECT_FALSE(SortDeviceCertificate(*off_curve.Parsed()));
}

// What ReadDeviceKey says must be what the long way says, of every neighbour of a good certificate.
TEST(ReadDeviceKey, AgreesWithTheCertificateWhicheverOctetIsChanged) {
  const TestKey key;
  const Bytes good = DeviceCertificateBuilder(key).Build(key);
  std::size_t accepted = 0;
  for (std::size_t at = 0; at <= good.size(); ++at) {
    for (const int change : {0x01, 0x20, 0x80, 0xff}) {
      Bytes der = good;
      if (at < der.size()) der[at] = static_cast<std::uint8_t>(der[at] ^ change);
      const auto facts = smki::ReadDeviceKey(der);
      const auto parsed = smki::Certificate::Parse(der);
      const bool all = parsed && (*parsed)->public_point() && (*parsed)->key_usage() &&
                       smki::DeviceEui64(**parsed) && smki::CheckDeviceProfile(**parsed);
      ASSERT_EQ(facts.has_value(), all) << at;
      if (!facts) continue;
      ++accepted;
      EXPECT_EQ(facts->device, smki::DeviceEui64(**parsed));
      EXPECT_EQ(facts->point, (*parsed)->public_point());
      EXPECT_EQ(facts->usage, (*parsed)->key_usage());
      EXPECT_EQ(facts->sha256, (*parsed)->sha256());
    }
  }
  EXPECT_GT(accepted, 4u) << "the signature's octets, for one, are not looked at";
}

TEST(ReadDeviceKey, SaysNothingOfWhatIsCutOrLonger) {
  const TestKey key;
  Bytes der = DeviceCertificateBuilder(key).Build(key);
  ASSERT_TRUE(smki::ReadDeviceKey(der));
  EXPECT_FALSE(smki::ReadDeviceKey(BytesView(der).first(der.size() - 1)));
  der.push_back(0);
  EXPECT_FALSE(smki::ReadDeviceKey(der));
  EXPECT_FALSE(smki::ReadDeviceKey({}));
}

}  // namespace
}  // namespace acb::feeds
