#include "firmware/checks/target_certificates.h"

#include <gtest/gtest.h>
#include <openssl/x509.h>

#include "firmware/checks/signer.h"
#include "tests/fakes/fake_records.h"
#include "tests/support/test_pki.h"

namespace acb::checks {
namespace {

using testing::TestPki;

class TargetCertificates : public ::testing::Test {
 protected:
  static Bytes Der(const std::string& name) {
    return ToBytes(TestPki::Get().Certificate(name)->der());
  }
  static duis::HandoverRequest NetworkOperator() {
    duis::HandoverRequest request{.request_id = {testing::kSupplierUser, testing::kGpf, 1},
                                  .role = RemotePartyRole::kNetworkOperator,
                                  .apply_time_based_cpv_checks = true};
    request.digital_signing_certificate = Der("no-a-ds");
    request.key_agreement_certificate = Der("no-a-ka");
    request.certification_path = {Der("issuing-ca")};
    return request;
  }
  static duis::HandoverRequest Supplier() {
    duis::HandoverRequest request = NetworkOperator();
    request.role = RemotePartyRole::kSupplier;
    request.digital_signing_certificate = Der("supplier-ds");
    request.key_agreement_certificate = Der("supplier-ka");
    request.key_agreement_top_up_certificate = Der("supplier-ka-topup");
    return request;
  }
  Result<CheckedTarget> Check(const duis::HandoverRequest& request) {
    return CheckTargetCertificates(*trust_, request, testing::kAcb, testing::At(now_));
  }
  Reason Refusal(const duis::HandoverRequest& request) {
    const auto result = Check(request);
    EXPECT_FALSE(result);
    return result ? Reason::kBusy : result.error().reason;
  }
  // The root's certificate with another end.
  static smki::CertificatePtr RootUntil(const char* end) {
    const Bytes der = Der("root");
    const unsigned char* octets = der.data();
    const std::unique_ptr<X509, decltype(&X509_free)> root(
        d2i_X509(nullptr, &octets, static_cast<long>(der.size())), X509_free);
    ASN1_TIME_set_string(X509_getm_notAfter(root.get()), end);
    X509_sign(root.get(), TestPki::Get().Key("root").get(), EVP_sha256());
    unsigned char* made = nullptr;
    const int size = i2d_X509(root.get(), &made);
    const Bytes renewed(made, made + size);
    OPENSSL_free(made);
    return smki::Certificate::Parse(renewed).value();
  }
  // Refusal when the DS certificate of a good request is another.
  Reason WithDs(const std::string& name) {
    duis::HandoverRequest request = NetworkOperator();
    request.digital_signing_certificate = Der(name);
    return Refusal(request);
  }

  std::shared_ptr<const smki::Trust> trust_ = TestPki::Get().Trust();
  std::string now_ = TestPki::kNow;
};

TEST_F(TargetCertificates, AcceptsBothRolesAndCarriesTheOctetsUnchanged) {
  const auto target = Check(NetworkOperator());
  ASSERT_TRUE(target) << target.error().explanation;
  EXPECT_EQ(target->holder(), testing::kNetworkOperatorUser);
  EXPECT_EQ(target->content().digital_signing_certificate, Der("no-a-ds"));
  EXPECT_TRUE(target->observations().empty());
  EXPECT_TRUE(Check(Supplier()));
}

TEST_F(TargetCertificates, RefusesHalfASetAndATopUpForANetworkOperator) {
  duis::HandoverRequest half = NetworkOperator();
  half.key_agreement_certificate.reset();
  EXPECT_EQ(Refusal(half), Reason::kCertSetIncomplete);
  duis::HandoverRequest more = NetworkOperator();
  more.key_agreement_top_up_certificate = Der("no-a-ka");
  EXPECT_EQ(Refusal(more), Reason::kCertSetIncomplete);
}

TEST_F(TargetCertificates, RefusesCertificatesOfTwoOrganisations) {
  duis::HandoverRequest mixed = NetworkOperator();
  mixed.key_agreement_certificate = Der("no-b-ka");
  EXPECT_EQ(Refusal(mixed), Reason::kCertSetMixed);
}

TEST_F(TargetCertificates, RefusesAnotherRole) {
  duis::HandoverRequest request = NetworkOperator();
  request.role = RemotePartyRole::kSupplier;
  EXPECT_EQ(Refusal(request), Reason::kRole);
  EXPECT_EQ(WithDs("supplier-ds"), Reason::kRole);
  EXPECT_EQ(WithDs("supplier-xml"), Reason::kRole);
}

TEST_F(TargetCertificates, RefusesTheAcbsOwn) {
  duis::HandoverRequest request = NetworkOperator();
  request.digital_signing_certificate = Der("acb-ds");
  request.key_agreement_certificate = Der("acb-ka");
  EXPECT_EQ(Refusal(request), Reason::kReplacementIsAcb);
}

TEST_F(TargetCertificates, RefusesSwappedKeyUsages) {
  duis::HandoverRequest request = NetworkOperator();
  std::swap(request.digital_signing_certificate, *request.key_agreement_certificate);
  EXPECT_EQ(Refusal(request), Reason::kProfile);
}

TEST_F(TargetCertificates, RefusesWhatIsRevokedExpiredForeignOrMalformed) {
  EXPECT_EQ(WithDs("revoked-no-ds"), Reason::kCertRevoked);
  EXPECT_EQ(WithDs("foreign-ds"), Reason::kChain);
  EXPECT_EQ(WithDs("p384"), Reason::kAlgorithm);
  duis::HandoverRequest trailing = NetworkOperator();
  trailing.digital_signing_certificate.push_back(0);
  EXPECT_EQ(Refusal(trailing), Reason::kProfile);
  now_ = "2046-01-01T00:00:00Z";
  EXPECT_FALSE(Check(NetworkOperator()));
}

// R-SEC3-7, gbcs-cs02b.md section 10, rule 11; found by an attack on this code.
TEST_F(TargetCertificates, AreInDateAtTheExecutionTimeToo) {
  duis::HandoverRequest request = NetworkOperator();
  const auto at = [&](const char* time) {
    request.execution = testing::At(time);
    return Check(request);
  };
  EXPECT_TRUE(at("2044-12-31T23:59:59Z")) << "the last instant of the authority's certificate";
  const auto late = at("2045-01-01T00:00:00Z");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().reason, Reason::kCertExpired);
  EXPECT_NE(late.error().explanation.find("executed at 2045-01-01T00:00:00"), std::string::npos);
  EXPECT_TRUE(at("2001-01-01T00:00:00Z")) << "a time that is past does not stand for now";
}

// The root renews its certificate, and until it has the device will not take what comes later.
TEST_F(TargetCertificates, AreBelowARootThatIsInDateAtTheExecutionTimeToo) {
  duis::HandoverRequest request = NetworkOperator();
  const auto at = [&](const char* time) {
    request.execution = testing::At(time);
    return Check(request);
  };
  trust_ = TestPki::Get().TrustIn({RootUntil("350101000000Z")});
  EXPECT_TRUE(at("2035-01-01T00:00:00Z")) << "the last instant of the root's certificate";
  const auto late = at("2035-01-01T00:00:01Z");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().reason, Reason::kCertExpired);
  EXPECT_NE(late.error().explanation.find("TR"), std::string::npos) << late.error().explanation;
  trust_ = TestPki::Get().TrustIn({RootUntil("350101000000Z"), RootUntil("370101000000Z")});
  EXPECT_TRUE(at("2036-01-01T00:00:00Z"));
}

TEST_F(TargetCertificates, RefusesCaAndDeviceCertificates) {
  EXPECT_EQ(WithDs("issuing-ca"), Reason::kNotOrganisationCert);
  EXPECT_EQ(WithDs("gpf-ds"), Reason::kNotOrganisationCert);
}

TEST_F(TargetCertificates, DemandsThePathThatWasCheckedAndNothingElse) {
  duis::HandoverRequest leaf = NetworkOperator();
  leaf.certification_path = {Der("no-a-ka")};
  EXPECT_EQ(Refusal(leaf), Reason::kChain);
  duis::HandoverRequest more = NetworkOperator();
  more.certification_path.push_back(Der("root"));
  EXPECT_EQ(Refusal(more), Reason::kChain);
  duis::HandoverRequest twice = NetworkOperator();
  twice.certification_path.push_back(twice.certification_path.front());
  EXPECT_EQ(Refusal(twice), Reason::kChain);
}

TEST_F(TargetCertificates, SaysThatAListIsMissingOrOldAsAFaultOfTheBox) {
  trust_ = smki::Trust::Build(TestPki::Get().Settings(smki::Environment::kTest), 1,
                              {Der("issuing-ca")}, {});
  const Reason missing = Refusal(NetworkOperator());
  EXPECT_TRUE(missing == Reason::kCrlStale || missing == Reason::kArlStale);
  trust_ = TestPki::Get().Trust();
  now_ = "2026-11-22T12:00:01Z";
  EXPECT_EQ(Refusal(NetworkOperator()), Reason::kCrlStale);
}

// Found by an attack on this code: a newer list that has run out may name what an older one, still
// in its time, does not.
TEST_F(TargetCertificates, TrustsNoOlderListWhenANewerOneHasRunOut) {
  const TestPki& pki = TestPki::Get();
  std::vector<Bytes> lists = *smki::SplitRevocationLists(pki.File("revocation-lists.pem"));
  lists.push_back(
      pki.MakeCrl("--number 200 --revoke no-a-ds --now 2026-11-21T12:00:00Z "
                  "--this 2026-11-21T11:30:00Z --next 2026-11-21T11:59:00Z"));
  trust_ =
      smki::Trust::Build(pki.Settings(smki::Environment::kTest), 1, {Der("issuing-ca")}, lists);
  EXPECT_EQ(Refusal(NetworkOperator()), Reason::kCrlStale);
}

TEST_F(TargetCertificates, NamesTheElementTheCertificateAndWhatWasExpected) {
  duis::HandoverRequest request = NetworkOperator();
  request.key_agreement_certificate = Der("supplier-ka");
  const auto result = Check(request);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().explanation.find("KeyAgreementCertificate"), std::string::npos);
  EXPECT_NE(
      result.error().explanation.find(TestPki::Get().Certificate("supplier-ka")->SerialDecimal()),
      std::string::npos);
}

class Signer : public ::testing::Test {
 protected:
  Result<FoundSigner> Find(const std::string& name, const smki::Trust& trust) {
    const auto certificate = TestPki::Get().Certificate(name);
    return FindSigner(trust, {certificate->issuer(), ToBytes(certificate->serial())},
                      testing::At(TestPki::kNow));
  }
  Reason Refusal(const std::string& name, const smki::Trust& trust) {
    const auto result = Find(name, trust);
    EXPECT_FALSE(result) << name;
    return result ? Reason::kBusy : result.error().reason;
  }
};

TEST_F(Signer, IsAnXmlSigningCertificateThatIsHeldAndInForce) {
  const auto trust = TestPki::Get().Trust();
  EXPECT_TRUE(Find("supplier-xml", *trust));
  EXPECT_EQ(Refusal("supplier-ds", *trust), Reason::kSenderAuth);
  EXPECT_EQ(Refusal("acb-xml", *trust), Reason::kSenderAuth);
  EXPECT_EQ(Refusal("revoked-xml", *trust), Reason::kCertRevoked);
  EXPECT_EQ(Refusal("expired-xml", *trust), Reason::kCertExpired);
}

TEST_F(Signer, IsUnknownWhenTheBoxDoesNotHoldIt) {
  const auto empty =
      smki::Trust::Build(TestPki::Get().Settings(smki::Environment::kTest), 1, {}, {});
  EXPECT_EQ(Refusal("supplier-xml", *empty), Reason::kSenderAuth);
}

TEST_F(Signer, MayBePinnedInTheTestEnvironmentOnlyAndThatIsRecorded) {
  const auto certificate = TestPki::Get().Certificate("supplier-ds");
  for (const auto environment : {smki::Environment::kTest, smki::Environment::kLive}) {
    smki::TrustSettings settings = TestPki::Get().Settings(environment);
    settings.pinned_signers.insert(certificate->sha256());
    const auto trust = smki::Trust::Build(settings, 1, {ToBytes(certificate->der())}, {});
    const auto found = Find("supplier-ds", *trust);
    if (environment == smki::Environment::kTest) {
      ASSERT_TRUE(found);
      EXPECT_EQ(found->observations, std::vector<std::string>{"REVOCATION_NOT_CHECKED"});
    } else {
      EXPECT_FALSE(found);
    }
  }
}

// R-128-13.
TEST_F(TargetCertificates, HoldNoKeyOfTheAcbUnderAnotherName) {
  const auto target = Check(Supplier());
  ASSERT_TRUE(target) << target.error().explanation;
  const auto key_of = [](const std::string& name) {
    return *TestPki::Get().Certificate(name)->public_point();
  };
  EXPECT_TRUE(CheckNoAcbKey(*target, {key_of("acb-ds"), key_of("acb-ka")}));
  for (const auto& [name, element] :
       {std::pair("supplier-ds", "DigitalSigningCertificate ("),
        std::pair("supplier-ka", "KeyAgreementCertificate ("),
        std::pair("supplier-ka-topup", "KeyAgreementTopUpCertificate (")}) {
    const Status refused = CheckNoAcbKey(*target, {key_of("acb-ds"), key_of(name)});
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().reason, Reason::kReplacementIsAcb);
    EXPECT_TRUE(refused.error().explanation.starts_with(element)) << refused.error().explanation;
  }
}

}  // namespace
}  // namespace acb::checks
