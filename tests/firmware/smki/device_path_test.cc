// R-SEC3-13, R-SEC3-19, R-SEC3-20: device, issuing device CA, device root.
#include "firmware/smki/device_path.h"

#include <gmock/gmock.h>

#include <iostream>

#include "tests/firmware/smki/device_pki.h"
#include "tests/support/cpu_time.h"

namespace acb::smki {
namespace {

using namespace testing;
using ::testing::HasSubstr;

const UtcTime kAt = *UtcTime::FromIso("2026-11-21T12:00:00Z");

class DevicePath : public ::testing::Test {
 protected:
  DevicePath() {
    issuing.IssuedBy(DeviceCaName("R1"), root_key.point());
    device.IssuedBy(DeviceCaName("I1"), issuing_key.point());
  }
  static CertificatePtr Parsed(const CertificateBuilder& builder, const TestKey& signer) {
    auto certificate = Certificate::Parse(builder.Build(signer));
    EXPECT_TRUE(certificate) << certificate.error().explanation;
    return *certificate;
  }
  // "good", or what is wrong.
  std::string Judge(UtcTime at = kAt) const {
    DevicePaths paths({Parsed(root, root_key)}, at);
    paths.AddAuthority(Parsed(issuing, root_key));
    return Judge(paths);
  }
  std::string Judge(DevicePaths& paths) const {
    const Status good = paths.Check(*Parsed(device, issuing_key));
    return good ? "good" : good.error().explanation;
  }

  TestKey root_key;
  TestKey issuing_key;
  TestKey device_key;
  CertificateBuilder root = DeviceCaBuilder(root_key, "R1", true);
  CertificateBuilder issuing = DeviceCaBuilder(issuing_key, "I1", false);
  CertificateBuilder device = DeviceCertificateBuilder(device_key);
};

TEST_F(DevicePath, OfRootIssuingCaAndDeviceIsGood) { EXPECT_EQ(Judge(), "good"); }

// R-SEC3-19: life-of-device validity, and no list is looked for.
TEST_F(DevicePath, TakesADeviceCertificateWithoutAnEnd) {
  device.validity = Seq({Time("200101000000Z"), Time("99991231235959Z")});
  EXPECT_EQ(Judge(), "good");
}

TEST_F(DevicePath, NeedsTheIssuingCa) {
  DevicePaths paths({Parsed(root, root_key)}, kAt);
  EXPECT_THAT(Judge(paths), HasSubstr("its issuing device CA CN=I1 is not held"));
  paths.AddAuthority(Parsed(issuing, root_key));
  EXPECT_EQ(Judge(paths), "good");
}

TEST_F(DevicePath, NeedsARootOfTheConfiguration) {
  DevicePaths none({}, kAt);
  none.AddAuthority(Parsed(root, root_key));
  none.AddAuthority(Parsed(issuing, root_key));
  EXPECT_THAT(Judge(none), HasSubstr("is not a device root of the configuration"));
  // Another root of the same name.
  const TestKey forged_key;
  DevicePaths other({Parsed(DeviceCaBuilder(forged_key, "R1", true), forged_key)}, kAt);
  other.AddAuthority(Parsed(issuing, root_key));
  EXPECT_THAT(Judge(other), HasSubstr("its signature is not by the device root of that name"));
}

TEST_F(DevicePath, NeedsEachSignature) {
  DevicePaths paths({Parsed(root, root_key)}, kAt);
  paths.AddAuthority(Parsed(issuing, TestKey()));
  EXPECT_THAT(Judge(paths), HasSubstr("its signature is not by the device root"));
  DevicePaths good({Parsed(root, root_key)}, kAt);
  good.AddAuthority(Parsed(issuing, root_key));
  EXPECT_FALSE(good.Check(*Parsed(device, TestKey())));
  EXPECT_TRUE(good.Check(*Parsed(device, issuing_key)));
}

TEST_F(DevicePath, TriesEveryIssuingCaOfThatName) {
  const TestKey forged_key;
  CertificateBuilder forged = DeviceCaBuilder(forged_key, "I1", false);
  forged.IssuedBy(DeviceCaName("R1"), root_key.point());
  DevicePaths paths({Parsed(root, root_key)}, kAt);
  paths.AddAuthority(Parsed(forged, forged_key));
  EXPECT_NE(Judge(paths), "good");
  paths.AddAuthority(Parsed(issuing, root_key));
  EXPECT_EQ(Judge(paths), "good");
}

// Exactly three certificates: the root may not be its own issuing CA.
TEST_F(DevicePath, IsNotGoodWhenTheRootIssuedTheDevice) {
  device.IssuedBy(DeviceCaName("R1"), root_key.point());
  DevicePaths paths({Parsed(root, root_key)}, kAt);
  paths.AddAuthority(Parsed(root, root_key));
  EXPECT_FALSE(paths.Check(*Parsed(device, root_key)));
}

TEST_F(DevicePath, WantsTheCaFlagAndKeyCertSign) {
  issuing.basic_constraints = Ext("2.5.29.19", Hex("3000"), true);
  EXPECT_THAT(Judge(), HasSubstr("is not held"));
  issuing.basic_constraints = Ext("2.5.29.19", Hex("30030101ff"), true);
  EXPECT_EQ(Judge(), "good");
  issuing.key_usage = Ext("2.5.29.15", Hex("03020102"), true);  // cRLSign alone
  EXPECT_THAT(Judge(), HasSubstr("is not held"));
  issuing.key_usage = Ext("2.5.29.15", Hex("03020204"), true);  // keyCertSign alone
  EXPECT_EQ(Judge(), "good");
}

TEST_F(DevicePath, WantsTheRootToAllowAnIssuingCa) {
  root.basic_constraints = Ext("2.5.29.19", Hex("30060101ff020100"), true);
  EXPECT_THAT(Judge(), HasSubstr("its path length allows no issuing CA"));
  root.basic_constraints = Ext("2.5.29.19", Hex("30060101ff020101"), true);
  EXPECT_EQ(Judge(), "good");
}

TEST_F(DevicePath, IsJudgedAtItsInstant) {
  const Bytes ended = Seq({Time("200101000000Z"), Time("261121115959Z")});
  const Bytes lasting = Seq({Time("200101000000Z"), Time("261121120000Z")});
  for (CertificateBuilder* each : {&root, &issuing, &device}) {
    const Bytes before = each->validity;
    each->validity = ended;
    EXPECT_THAT(Judge(), HasSubstr("judged at"));
    each->validity = lasting;
    EXPECT_EQ(Judge(), "good");
    each->validity = before;
  }
  EXPECT_THAT(Judge(*UtcTime::FromIso("2019-12-31T23:59:59Z")), HasSubstr("judged at"));
}

TEST_F(DevicePath, RefusesAnotherAlgorithmAndUnknownCriticalExtensions) {
  const Bytes good = device.inner_algorithm;
  device.inner_algorithm = device.outer_algorithm = Hex("300a06082a8648ce3d040303");  // SHA-384
  EXPECT_THAT(Judge(), HasSubstr("ecdsa-with-SHA256"));
  device.inner_algorithm = device.outer_algorithm = good;
  const Bytes name = device.more_extensions;
  device.more_extensions = Join({name, Ext("1.2.3.4", Hex("0500"), true)});
  EXPECT_THAT(Judge(), HasSubstr("critical extension"));
  device.more_extensions = Join({name, Ext("1.2.3.4", Hex("0500"), false)});
  EXPECT_EQ(Judge(), "good");
}

TEST_F(DevicePath, WantsTheKeyIdentifierOfTheCa) {
  device.IssuedBy(DeviceCaName("I1"), TestKey().point());
  EXPECT_NE(Judge(), "good");
  device.aki = {};
  EXPECT_EQ(Judge(), "good");
}

// R-SEC3-20: 100 million devices imply a thousand issuing CAs; the time of a path does not grow.
TEST_F(DevicePath, IsQuickAmong2000IssuingCas) {
  constexpr int kAuthorities = 2000;
  std::vector<CertificatePtr> authorities;
  for (int i = 0; i < kAuthorities; ++i) {
    CertificateBuilder other = DeviceCaBuilder(issuing_key, "CA " + std::to_string(i), false);
    other.IssuedBy(DeviceCaName("R1"), root_key.point());
    authorities.push_back(Parsed(other, root_key));
  }
  const CertificatePtr leaf = Parsed(device, issuing_key);
  DevicePaths paths({Parsed(root, root_key)}, kAt);
  const double start = acb::testing::CpuSeconds();
  for (const CertificatePtr& authority : authorities) paths.AddAuthority(authority);
  paths.AddAuthority(Parsed(issuing, root_key));
  const double built = acb::testing::CpuSeconds();
  ASSERT_TRUE(paths.Check(*leaf));
  const double first = acb::testing::CpuSeconds();
  ASSERT_TRUE(paths.Check(*leaf));
  const double second = acb::testing::CpuSeconds();
  const auto microseconds = [](double from, double to) { return (to - from) * 1e6; };
  std::cout << kAuthorities << " issuing CAs: indexed in " << microseconds(start, built)
            << " us; first path " << microseconds(built, first) << " us, next "
            << microseconds(first, second) << " us\n";
  // Two verifications take 0.2 ms; all 2,000 would take 140 ms, and more under a sanitizer.
  EXPECT_LT(microseconds(built, first), 50'000);
}

}  // namespace
}  // namespace acb::smki
