// R-SEC3-44: a certificate is accepted for a key only when key, role, use, EUI-64 and path fit.
#include "firmware/keys/acceptance.h"

#include <gtest/gtest.h>

#include "tests/support/test_pki.h"

namespace acb::keys {
namespace {

class Acceptance : public ::testing::Test {
 protected:
  Acceptance() : pki_(acb::testing::TestPki::Get()) {
    key_.label = "acb-ds-2";
    key_.role = Role::kDigitalSigning;
    key_.point = *pki_.Certificate("acb-ds")->public_point();
  }
  Status Check(const std::string& certificate) const {
    return CheckCertificateFor(key_, pki_.Certificate(certificate), acb_, *pki_.Trust(),
                               *UtcTime::FromIso(acb::testing::TestPki::kNow));
  }
  void Refuses(const std::string& certificate, Reason reason, const std::string& says) const {
    const Status checked = Check(certificate);
    ASSERT_FALSE(checked) << certificate;
    EXPECT_EQ(checked.error().reason, reason) << checked.error().explanation;
    EXPECT_NE(checked.error().explanation.find(says), std::string::npos)
        << checked.error().explanation;
  }

  const acb::testing::TestPki& pki_;
  KeyRecord key_;
  Eui64 acb_{0x90B3D51F30000002};
};

TEST_F(Acceptance, TakesTheCertificateOfTheKey) {
  const Status checked = Check("acb-ds");
  EXPECT_TRUE(checked) << checked.error().explanation;
}

TEST_F(Acceptance, RefusesOneOfAnotherKey) {
  Refuses("acb-ka", Reason::kAcbCert, "of another key than acb-ds-2");
}

TEST_F(Acceptance, RefusesOneOfAnotherRole) {
  key_.point = *pki_.Certificate("supplier-ds")->public_point();
  Refuses("supplier-ds", Reason::kRole, "role ACB");
}

TEST_F(Acceptance, RefusesOneForAnotherUse) {
  key_.point = *pki_.Certificate("acb-ka")->public_point();
  Refuses("acb-ka", Reason::kAcbCert, "keyUsage");
  key_.role = Role::kKeyAgreement;
  EXPECT_TRUE(Check("acb-ka"));
}

TEST_F(Acceptance, RefusesOneOfAnotherEui64) {
  acb_ = Eui64(0x90B3D51F30000003);
  Refuses("acb-ds", Reason::kAcbCert, "another EUI-64");
}

TEST_F(Acceptance, RefusesOneWithoutAPathAndSaysWhy) {
  const Status checked = CheckCertificateFor(key_, pki_.Certificate("acb-ds"), acb_,
                                             *smki::Trust::Build(smki::TrustSettings(), 0, {}, {}),
                                             *UtcTime::FromIso(acb::testing::TestPki::kNow));
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().reason, Reason::kAcbCert);
  EXPECT_NE(checked.error().explanation.find("CHAIN"), std::string::npos)
      << checked.error().explanation;
}

}  // namespace
}  // namespace acb::keys
