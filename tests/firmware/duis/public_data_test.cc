// The public DCC data: known answers of duis-6.21.md section 4.4 and the RTDS templates.
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <boost/json.hpp>
#include <filesystem>
#include <string>

#include "tests/firmware/duis/fixture.h"
#include "tests/support/duis_signer.h"
#include "tests/support/shared.h"

namespace acb::testing {
namespace {

constexpr char kIssuer[] = "CN=Z1,OU=07";
constexpr char kSerial[] = "27572613927499351639968579586655397031";
constexpr char kNetworkOperator[] = "CS02bNOByNOHandover_6.21_SUCCESS_REQUEST_DUIS.XML";
constexpr char kSupplier[] = "CS02bSupplierBySupplierHandover_6.21_SUCCESS_REQUEST_DUIS.XML";

std::string Template(const std::string& name) { return ReadText(SharedDir() / "rtds/duis" / name); }

// The published test supplier's XML signing certificate and key.
TestSigner RtdsSupplier() {
  const auto store = boost::json::parse(ReadText(SharedDir() / "rtds/keystore.json"));
  const auto& entry = store.at("90b3d51f30010000").at("digitalSignature").at(kSerial).as_object();
  const std::string pem(entry.at("certificate").as_string());
  const Handle<BIO, BIO_free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const Handle<X509, X509_free> x(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  unsigned char* der = nullptr;
  const int size = i2d_X509(x.get(), &der);
  const Handle<unsigned char, [](unsigned char* p) { OPENSSL_free(p); }> owned(der);
  auto certificate = smki::Certificate::Parse({der, static_cast<std::size_t>(size)});
  EXPECT_TRUE(certificate) << certificate.error().explanation;
  return {KeyFromPem(std::string_view(entry.at("privateKey").as_string())), *certificate, kIssuer,
          kSerial};
}

std::string WithoutSignature(const std::string& xml) {
  return Without(xml, "<ds:Signature ", "</ds:Signature>");
}

std::string DigestOf(const std::string& xml) {
  return ToBase64(Sha256(AsBytes(Canonical(WithoutSignature(xml)))));
}

TEST(DuisKnownAnswers, VerifiesThePublishedSignature) {
  ACB_NEED_SHARED();
  const std::string original = Template(kNetworkOperator);
  EXPECT_EQ(ToHex(Sha256(AsBytes(original))),
            "0bced1158e6784816a14a593b0c45eed8a3364aa1c834eb8c43d0efc3de9f6fb");
  const std::string compact = Compact(original);
  EXPECT_EQ(Canonical(WithoutSignature(compact)).size(), 2659u);
  const std::string digest = "7VVU0wMhMg6N/ut0Gqudw3bDnWW5rks87WHHg5DWjyY=";
  EXPECT_EQ(DigestOf(compact), digest);
  EXPECT_EQ(SignedInfo(digest).size(), 615u);
  EXPECT_EQ(ToHex(Sha256(AsBytes(SignedInfo(digest)))),
            "d8dfaef14711003206c24a3ee20cf6fc606eb1659343030e070ddaf6ca6a794f");

  const TestSigner supplier = RtdsSupplier();
  EXPECT_EQ(ToHex(*supplier.certificate->public_point()),
            "049f88abd2205c4415e1e11b32d61220657e2d38e7143f9b884bfacd7e48a9637b455bfff2d1cc655a5286"
            "e86c025a54de5c45de376628a80d8fb47134f0bd472e");
  const std::string value =
      "KCWrNWzgKYCBu8G6lOrFAcg34/Ocw09nSJ7rFGibjYrmxpswN2no0eCix//aI0i8GjoH+EiaDOuKu0GHpCvaSg==";
  const std::string signature = "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">" +
                                SignedInfo(digest) + "<ds:SignatureValue>" + value +
                                "</ds:SignatureValue>" + KeyInfo(kIssuer, kSerial) +
                                "</ds:Signature>";
  const std::string xml = WithLastChild(WithoutSignature(compact), signature);
  const auto verified = ParseAndVerify(xml, supplier.certificate);
  ASSERT_TRUE(verified) << verified.error().explanation << verified.error().detail;
  EXPECT_EQ(verified->content().request_id.Text(),
            "90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1001");

  // The next value of s is another signature.
  const auto other = Replaced(xml, "pCvaSg==", "pCvaSw==");
  ExpectRefused(ParseAndVerify(other, supplier.certificate), Reason::kSignatureInvalid,
                "does not verify");
}

TEST(DuisKnownAnswers, HasTheDigestsOfTheOtherTemplates) {
  ACB_NEED_SHARED();
  const auto compact = [](const char* name) { return DigestOf(Compact(Template(name))); };
  EXPECT_EQ(compact(kSupplier), "JgkzHO3SyjySNiXiqmFSnoY+KJ1JQiH/RX7TFqDULE4=");
  EXPECT_EQ(compact("CS02bNOByNO_6.15.1_SUCCESS_REQUEST_DUIS.XML"),
            "MaDLOUG5rou2PfMS7panLIW5MVIE/wuzEbR+SDprto8=");
}

TEST(DuisTemplates, SignedNetworkOperatorRequestGivesItsContent) {
  ACB_NEED_SHARED();
  const TestSigner supplier = RtdsSupplier();
  const auto verified =
      ParseAndVerify(supplier.Sign(Compact(Template(kNetworkOperator))), supplier.certificate);
  ASSERT_TRUE(verified) << verified.error().explanation;
  const duis::HandoverRequest& content = verified->content();
  EXPECT_EQ(content.request_id.target.Plain(), "00DB1234567890A3");
  EXPECT_EQ(content.role, RemotePartyRole::kNetworkOperator);
  EXPECT_EQ(content.command_variant, 1);
  EXPECT_EQ(content.execution, std::nullopt);
  EXPECT_EQ(content.floor, FloorSeqNumber::From(0));
  EXPECT_EQ(content.prepayment_top_up_floor, std::nullopt);
  ASSERT_TRUE(content.key_agreement_certificate.has_value());
  EXPECT_EQ(content.key_agreement_top_up_certificate, std::nullopt);
  EXPECT_TRUE(content.apply_time_based_cpv_checks);
  ASSERT_EQ(content.certification_path.size(), 1u);
  const auto certificate = smki::Certificate::Parse(content.digital_signing_certificate);
  ASSERT_TRUE(certificate) << certificate.error().explanation;
  EXPECT_EQ((*certificate)->eui64()->Plain(), "90B3D51F30020000");
}

TEST(DuisTemplates, SignedSupplierRequestGivesItsContent) {
  ACB_NEED_SHARED();
  const TestSigner supplier = RtdsSupplier();
  const auto verified =
      ParseAndVerify(supplier.Sign(Compact(Template(kSupplier))), supplier.certificate);
  ASSERT_TRUE(verified) << verified.error().explanation;
  const duis::HandoverRequest& content = verified->content();
  EXPECT_EQ(content.request_id.counter, 1000u);
  EXPECT_EQ(content.role, RemotePartyRole::kSupplier);
  EXPECT_EQ(content.floor, FloorSeqNumber::From(0));
  EXPECT_EQ(content.prepayment_top_up_floor, FloorSeqNumber::From(0));
  EXPECT_TRUE(content.key_agreement_certificate.has_value());
  EXPECT_TRUE(content.key_agreement_top_up_certificate.has_value());
}

// Trap 2: the public tool would not look at the signature; here it counts, and the values are the
// same.
TEST(DuisTemplates, IndentedRequestIsAcceptedWithItsOwnDigest) {
  ACB_NEED_SHARED();
  const TestSigner supplier = RtdsSupplier();
  const std::string indented = WithoutSignature(Template(kNetworkOperator));
  const auto verified = ParseAndVerify(supplier.Sign(indented), supplier.certificate);
  ASSERT_TRUE(verified) << verified.error().explanation;
  EXPECT_EQ(verified->content().request_id.counter, 1001u);
  const std::string reindented = Replaced(supplier.Sign(indented), "\n  <sr:Body>", "<sr:Body>");
  ExpectRefused(ParseAndVerify(reindented, supplier.certificate), Reason::kSignatureInvalid,
                "not the one that was signed");
}

TEST(DuisTemplates, AnUnsignedTemplateIsRefused) {
  ACB_NEED_SHARED();
  ExpectRefused(duis::Parse(AsBytes(Compact(Template(kNetworkOperator)))),
                Reason::kSignatureInvalid, "32 octets");
}

TEST(DuisTemplates, OtherServicesAreNotSignedHere) {
  ACB_NEED_SHARED();
  const TestSigner supplier = RtdsSupplier();
  int others = 0;
  for (const auto& file : std::filesystem::directory_iterator(SharedDir() / "rtds/duis")) {
    const std::string name = file.path().filename();
    if (name.find("_6.21_") != std::string::npos) continue;
    SCOPED_TRACE(name);
    ++others;
    ExpectRefused(duis::Parse(AsBytes(supplier.Sign(Compact(Template(name))))),
                  Reason::kSrvNotSignedHere, "6.21");
  }
  EXPECT_GE(others, 10);
}

}  // namespace
}  // namespace acb::testing
