#include "firmware/feeds/device_certificates.h"

#include <gtest/gtest.h>

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
  for (const bool root : {true, false}) {
    const auto authority = SortDeviceCertificate(*DeviceCaBuilder(key, "D1", root).Parsed());
    ASSERT_TRUE(authority);
    EXPECT_EQ(authority->kind, Kind::kAuthority);
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

}  // namespace
}  // namespace acb::feeds
