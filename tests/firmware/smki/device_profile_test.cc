// gbcs-cs02b.md section 9.4, one field after the other. R-SEC3-4, R-SEC3-5, R-SEC3-8.
#include "firmware/smki/device_profile.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "firmware/smki/bundle.h"
#include "firmware/smki/device_identity.h"
#include "tests/firmware/smki/device_pki.h"
#include "tests/support/shared.h"

namespace acb::smki {
namespace {

using namespace testing;
using acb::testing::ReadFile;
using acb::testing::SharedDir;
using ::testing::HasSubstr;

class DeviceProfile : public ::testing::Test {
 protected:
  // "good", or what is wrong; the quick way says the same of it.
  std::string Judge() const {
    const CertificatePtr certificate = device.Parsed();
    const Status good = CheckDeviceProfile(*certificate);
    EXPECT_EQ(ReadDeviceKey(certificate->der()).has_value(), good.has_value());
    return good ? "good" : good.error().explanation;
  }
  std::string JudgeAuthority() const {
    const Status good = CheckDeviceAuthorityProfile(*authority.Parsed());
    if (good) return "good";
    EXPECT_EQ(good.error().reason, Reason::kProfile);
    return good.error().explanation;
  }

  TestKey key;
  CertificateBuilder device = DeviceCertificateBuilder(key);
  CertificateBuilder authority = DeviceCaBuilder(key, "D1", false);
};

TEST_F(DeviceProfile, IsThatOfTheDevicesOfThePublicTestData) {
  EXPECT_EQ(Judge(), "good");
  EXPECT_EQ(JudgeAuthority(), "good");
  ACB_NEED_SHARED();
  int devices = 0;
  for (const auto& file : std::filesystem::directory_iterator(SharedDir() / "rtds/certificates")) {
    const std::string name = file.path().filename();
    if (!name.starts_with("00db") || !name.ends_with(".pem")) continue;
    const auto certificate = Certificate::Parse(SplitCertificates(ReadFile(file.path()))->at(0));
    ASSERT_TRUE(certificate) << name;
    const Status good = CheckDeviceProfile(**certificate);
    EXPECT_TRUE(good) << name << ": " << good.error().explanation;
    ++devices;
  }
  EXPECT_EQ(devices, 8);
}

TEST_F(DeviceProfile, WantsVersion3) {
  device.version = {};
  device.more_extensions = {};
  EXPECT_THAT(Judge(), HasSubstr("version 3"));
  authority.version = Hex("a003020101");
  EXPECT_THAT(JudgeAuthority(), HasSubstr("version 3"));
}

TEST_F(DeviceProfile, WantsTheNameOfAnIssuer) {
  device.issuer = Seq({});
  EXPECT_THAT(Judge(), HasSubstr("the name of an issuer"));
}

TEST_F(DeviceProfile, WantsAPositiveSerialNumberOfAtMost20Octets) {
  for (const char* wrong : {"020100", "0201f9", "02150102030405060708091011121314151617181920aa"}) {
    device.serial = Hex(wrong);
    EXPECT_THAT(Judge(), HasSubstr("serial number")) << wrong;
  }
  device.serial = Hex("020101");
  EXPECT_EQ(Judge(), "good");
}

TEST_F(DeviceProfile, WantsEcdsaWithSha256AndP256) {
  const Bytes sha384 = Seq({Oid("1.2.840.10045.4.3.3")});
  device.inner_algorithm = sha384;
  EXPECT_THAT(Judge(), HasSubstr("ecdsa-with-SHA256"));
  device.outer_algorithm = sha384;
  EXPECT_THAT(Judge(), HasSubstr("ecdsa-with-SHA256"));
  authority.inner_algorithm = authority.outer_algorithm = Seq({Oid("1.2.840.10045.4.1")});
  EXPECT_THAT(JudgeAuthority(), HasSubstr("ecdsa-with-SHA256"));
  device = DeviceCertificateBuilder(key);
  device.spki.back() ^= 1;
  EXPECT_THAT(Judge(), HasSubstr("P-256"));
}

TEST_F(DeviceProfile, WantsAPeriodInOrder) {
  device.validity = Seq({Time("300101000000Z"), Time("220101000000Z")});
  EXPECT_THAT(Judge(), HasSubstr("notAfter lies before notBefore"));
  device.validity = Seq({Time("300101000000Z"), Time("20400101000000Z")});
  EXPECT_THAT(Judge(), HasSubstr("GeneralizedTime from 2050"));
  device.validity = Seq({Time("200101000000Z"), Time("99991231235959Z")});
  EXPECT_EQ(Judge(), "good") << "R-SEC3-19: life of device";
}

TEST_F(DeviceProfile, WantsNoSubjectButInACa) {
  device.subject = DeviceCaName("D1");
  EXPECT_THAT(Judge(), HasSubstr("an empty subject"));
  authority.subject = Seq({});
  EXPECT_THAT(JudgeAuthority(), HasSubstr("the subject of a CA"));
  device = DeviceCertificateBuilder(key);
  device.unique_ids = Hex("81020000");
  EXPECT_THAT(Judge(), HasSubstr("subjectUniqueID"));
}

TEST_F(DeviceProfile, WantsOneKeyUsageCritical) {
  device.key_usage = Ext("2.5.29.15", Hex("03020308"), false);
  EXPECT_THAT(Judge(), HasSubstr("keyUsage"));
  device.key_usage = Ext("2.5.29.15", Hex("03020388"), true);
  EXPECT_THAT(Judge(), HasSubstr("keyUsage"));
  device.key_usage = Ext("2.5.29.15", Hex("03020780"), true);
  EXPECT_EQ(Judge(), "good");
  authority.key_usage = Ext("2.5.29.15", Hex("03020186"), true);  // and digitalSignature
  EXPECT_THAT(JudgeAuthority(), HasSubstr("keyUsage"));
  authority.key_usage = Ext("2.5.29.15", Hex("03020106"), false);
  EXPECT_THAT(JudgeAuthority(), HasSubstr("keyUsage"));
}

TEST_F(DeviceProfile, WantsItsHardwareModuleNameCritical) {
  const Bytes good = device.more_extensions;
  const Bytes names = HardwareModuleNames(kTestDevice);
  device.more_extensions = Ext("2.5.29.17", names, false);
  EXPECT_THAT(Judge(), HasSubstr("subjectAltName: critical"));
  device.more_extensions = Join({good, Ext("2.5.29.17", names, false)});
  EXPECT_THAT(Judge(), HasSubstr("subjectAltName: critical")) << "a second one";
  device.more_extensions = {};
  EXPECT_THAT(Judge(), HasSubstr("subjectAltName: critical"));
}

TEST_F(DeviceProfile, WantsBasicConstraintsOfADeviceOrOfACa) {
  device.basic_constraints = authority.basic_constraints;
  EXPECT_THAT(Judge(), HasSubstr("basicConstraints"));
  device.basic_constraints = Ext("2.5.29.19", Hex("0500"), true);
  EXPECT_THAT(Judge(), HasSubstr("basicConstraints")) << "another reader may see a CA";
  device.basic_constraints = Ext("2.5.29.19", Seq({}), true);
  EXPECT_EQ(Judge(), "good");
  authority.basic_constraints = Ext("2.5.29.19", Hex("30030101ff"), false);
  EXPECT_THAT(JudgeAuthority(), HasSubstr("basicConstraints"));
}

TEST_F(DeviceProfile, WantsBothKeyIdentifiersNotCritical) {
  for (CertificateBuilder* builder : {&device, &authority}) {
    const auto judge = [&] { return builder == &device ? Judge() : JudgeAuthority(); };
    const Bytes ski = builder->ski;
    const Bytes aki = builder->aki;
    for (const Bytes& wrong : {Bytes{}, Ext("2.5.29.14", Hex("04084000000000000000"), false),
                               Ext("2.5.29.14", Hex("0414"), false)}) {
      builder->ski = wrong;
      EXPECT_THAT(judge(), HasSubstr("subjectKeyIdentifier"));
    }
    builder->ski = ski;
    for (const Bytes& wrong : {Bytes{}, Ext("2.5.29.35", Hex("300a80084f5688d7ec933be2"), true),
                               Ext("2.5.29.35", Hex("300480024f56"), false)}) {
      builder->aki = wrong;
      EXPECT_NE(judge(), "good");
    }
    builder->aki = aki;
    EXPECT_EQ(judge(), "good");
  }
}

TEST_F(DeviceProfile, WantsOnePolicyCritical) {
  for (CertificateBuilder* builder : {&device, &authority}) {
    const auto judge = [&] { return builder == &device ? Judge() : JudgeAuthority(); };
    const Bytes one = Seq({Oid("1.2.3")});
    for (const Bytes& wrong :
         {Bytes{}, Ext("2.5.29.32", Seq({one}), false), Ext("2.5.29.32", Seq({one, one}), true),
          Ext("2.5.29.32", Seq({Seq({Oid("1.2.3"), Seq({Seq({Oid("1.2.4")})})})}), true)}) {
      builder->policies = wrong;
      EXPECT_THAT(judge(), HasSubstr("certificatePolicies"));
    }
    builder->policies = Ext("2.5.29.32", Seq({one}), true);
    EXPECT_EQ(judge(), "good");
  }
}

TEST_F(DeviceProfile, RefusesExtensionsItDoesNotKnowOrHasNoUseFor) {
  for (CertificateBuilder* builder : {&device, &authority}) {
    const auto judge = [&] { return builder == &device ? Judge() : JudgeAuthority(); };
    const Bytes good = builder->more_extensions;
    builder->more_extensions = Join({good, Ext("1.2.3.4", Hex("0500"), true)});
    EXPECT_THAT(judge(), HasSubstr("a critical extension"));
    builder->more_extensions =
        Join({good, Ext("2.5.29.37", Seq({Oid("1.3.6.1.5.5.7.3.1")}), false)});
    EXPECT_THAT(judge(), HasSubstr("no use for"));
    const Bytes unknown = Ext("1.2.3.4", Hex("0500"), false);
    builder->more_extensions = Join({good, unknown, unknown});
    EXPECT_THAT(judge(), HasSubstr("occurs twice"));
    builder->more_extensions = Join({good, unknown});
    EXPECT_EQ(judge(), "good");
  }
}

}  // namespace
}  // namespace acb::smki
