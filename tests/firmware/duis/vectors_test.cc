// ../shared/vectors/xml-requests: 123 documents, at the level of parser and signature.
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "tests/firmware/duis/fixture.h"
#include "tests/support/cpu_time.h"
#include "tests/support/shared.h"

namespace acb::testing {
namespace {

namespace fs = std::filesystem;

// To be refused, but by what comes after the signature: what the certificates say.
const std::set<std::string> kLeftToLaterChecks = {
    "xml::key::revoked",             // of the signer: smki path
    "xml::key::netop-as-requester",  // checks/eligibility
    "xml::body::floor-2-62",         // configured limit, FLOOR_LIMIT
    "xml::body::ds-and-ka-swapped",  // checks/target_certificates from here on
    "xml::body::two-organisations",
    "xml::body::netop-cert-for-supplier",
    "xml::body::xmlsign-cert-in-cell",
    "xml::body::revoked-cpv-false",
    "xml::body::expired-cpv-false",
    "xml::body::forged-issuer-with-path",
    "xml::body::path-is-leaf",
    "xml::body::ds-pem",  // base64 of PEM text: octets, but no certificate
    "xml::body::ds-truncated",
};

// Extracted once, beside the test's other output.
fs::path Extracted() {
  const char* binary = std::getenv("ACB_BINARY_DIR");
  const fs::path into = fs::path(binary != nullptr ? binary : ".") / "Testing" / "xml-requests";
  fs::create_directories(into);
  const fs::path archive = SharedDir() / "vectors/xml-requests/xml-requests-open.tar.gz";
  const std::string command = "tar -xzf '" + archive.string() + "' -C '" + into.string() + "'";
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  return into;
}

std::vector<smki::CertificatePtr> Certificates(const fs::path& directory) {
  std::vector<smki::CertificatePtr> found;
  for (const auto& file : fs::directory_iterator(directory)) {
    const Bytes pem = ReadFile(file.path());
    const Handle<BIO, BIO_free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    const Handle<X509, X509_free> x(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!x) continue;  // a key or a revocation list
    unsigned char* der = nullptr;
    const int size = i2d_X509(x.get(), &der);
    const Handle<unsigned char, [](unsigned char* p) { OPENSSL_free(p); }> owned(der);
    auto certificate = smki::Certificate::Parse({der, static_cast<std::size_t>(size)});
    EXPECT_TRUE(certificate) << file.path() << certificate.error().explanation;
    if (certificate) found.push_back(*certificate);
  }
  return found;
}

smki::CertificatePtr Find(const std::vector<smki::CertificatePtr>& certificates,
                          const duis::SignerName& name) {
  for (const auto& certificate : certificates) {
    if (certificate->issuer() == name.issuer && Equal(certificate->serial(), name.serial)) {
      return certificate;
    }
  }
  return nullptr;
}

// But for the counter, which every document has its own of.
bool SameAsk(const duis::HandoverRequest& a, const duis::HandoverRequest& b) {
  return a.request_id.originator == b.request_id.originator &&
         a.request_id.target == b.request_id.target && a.schema_version == b.schema_version &&
         a.command_variant == b.command_variant && a.execution == b.execution && a.role == b.role &&
         a.floor == b.floor && a.prepayment_top_up_floor == b.prepayment_top_up_floor &&
         a.digital_signing_certificate == b.digital_signing_certificate &&
         a.key_agreement_certificate == b.key_agreement_certificate &&
         a.key_agreement_top_up_certificate == b.key_agreement_top_up_certificate &&
         a.certification_path == b.certification_path &&
         a.apply_time_based_cpv_checks == b.apply_time_based_cpv_checks;
}

class XmlRequestVectors : public ::testing::Test {
 protected:
  void SetUp() override {
    ACB_NEED_SHARED();
    directory_ = Extracted();
    certificates_ = Certificates(directory_ / "pki");
    manifest_ = boost::json::parse(ReadText(directory_ / "manifest.json"));
  }

  Result<duis::VerifiedRequest> Handle(const std::string& file) {
    const Bytes octets = ReadFile(directory_ / file);
    const double start = CpuSeconds();
    auto parsed = duis::Parse(octets);
    auto result = [&]() -> Result<duis::VerifiedRequest> {
      if (!parsed) return parsed.error();
      const auto signer = Find(certificates_, parsed->signer());
      return duis::VerifySignature(*std::move(parsed), signer);
    }();
    EXPECT_LT(CpuSeconds() - start, 1.0);
    return result;
  }

  fs::path directory_;
  std::vector<smki::CertificatePtr> certificates_;
  boost::json::value manifest_;
};

TEST_F(XmlRequestVectors, EachIsTreatedAsItsManifestSays) {
  if (IsSkipped()) return;
  const auto plain = Handle("cases/000-ok-handover-network-operator.xml");
  ASSERT_TRUE(plain) << plain.error().explanation;
  std::set<std::string> left;
  int cases = 0;
  for (const auto& value : manifest_.at("cases").as_array()) {
    const std::string id(value.at("id").as_string());
    const std::string expect(value.at("expect").as_string());
    SCOPED_TRACE(id + ": " + std::string(value.at("note").as_string()));
    ++cases;
    const auto result = Handle(std::string(value.at("file").as_string()));
    if (!result) {
      EXPECT_NE(expect, "accept") << result.error().explanation;
      EXPECT_FALSE(result.error().explanation.empty());
      RecordProperty(id, std::string(Describe(result.error().reason).name) + ": " +
                             result.error().explanation);
    } else if (expect == "reject") {
      left.insert(id);
    } else if (expect == "reject-or-identical") {
      EXPECT_TRUE(SameAsk(result->content(), plain->content()));
    }
  }
  EXPECT_EQ(left, kLeftToLaterChecks);
  EXPECT_EQ(cases, 123);
}

TEST_F(XmlRequestVectors, BoundaryCountersAreThatExactValue) {
  if (IsSkipped()) return;
  const auto zero = Handle("cases/112-counter-zero.xml");
  ASSERT_TRUE(zero) << zero.error().explanation;
  EXPECT_EQ(zero->content().request_id.counter, 0u);
  const auto large = Handle("cases/118-counter-int63-plus-1.xml");
  ASSERT_TRUE(large) << large.error().explanation;
  EXPECT_EQ(large->content().request_id.counter, 9223372036854775808u);
}

// The reasons that a requester must be able to tell apart.
TEST_F(XmlRequestVectors, RefusalsHaveTheirReason) {
  if (IsSkipped()) return;
  const std::vector<std::pair<const char*, Reason>> kReasons = {
      {"cases/005-tamper-counter.xml", Reason::kSignatureInvalid},
      {"cases/009-tamper-no-signature.xml", Reason::kSignatureInvalid},
      {"cases/011-key-other-users-key.xml", Reason::kSignatureInvalid},
      {"cases/013-key-ka-certificate.xml", Reason::kSenderAuth},
      {"cases/017-key-issuer-other.xml", Reason::kSenderAuth},
      {"cases/021-alg-hmac-with-public-key.xml", Reason::kSignatureInvalid},
      {"cases/029-ref-xpath-excludes-all.xml", Reason::kSignatureInvalid},
      {"cases/035-ref-2000-references.xml", Reason::kTooLarge},
      {"cases/036-xsw-object-second-request.xml", Reason::kSignatureInvalid},
      {"cases/038-xsw-signature-in-header.xml", Reason::kSignatureInvalid},
      {"cases/050-dtd-billion-laughs.xml", Reason::kMalformed},
      {"cases/054-size-depth-20000.xml", Reason::kMalformed},
      {"cases/072-struct-unknown-service.xml", Reason::kSrvNotSignedHere},
      {"cases/073-struct-schema-version-unknown.xml", Reason::kDuisVersion},
      {"cases/085-body-variant-4.xml", Reason::kCommandVariant},
      {"cases/099-body-ds-not-base64.xml", Reason::kMalformed},
  };
  for (const auto& [file, reason] : kReasons) {
    SCOPED_TRACE(file);
    ExpectRefused(Handle(file), reason, "");
  }
}

}  // namespace
}  // namespace acb::testing
