// VerifySignature, and the profile that Parse demands of a signature (duis-6.21.md section 4).
#include "firmware/duis/signature.h"

#include <gtest/gtest.h>
#include <libxml/parser.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "firmware/duis/plain_form.h"
#include "tests/firmware/duis/cases.h"
#include "tests/firmware/duis/fixture.h"

namespace acb::testing {
namespace {

constexpr std::uint64_t kSupplierId = 0x90B3D51F30010000;

std::string Unsigned() { return MakeHandoverXml(FullFields()); }
std::string Good() { return Supplier().Sign(Unsigned()); }
std::string GoodDigest() { return ToBase64(Sha256(AsBytes(Canonical(Unsigned())))); }
std::string SupplierKeyInfo() { return KeyInfo(Supplier().issuer, Supplier().serial); }

// Signed by the supplier over a SignedInfo of its own making: only the profile can refuse it.
std::string SignedWith(const std::string& signed_info) {
  return WithLastChild(Unsigned(),
                       SignatureElement(signed_info, Supplier().key.get(), SupplierKeyInfo()));
}

TEST(DuisSignature, VerifiesARequestOfTheProfile) {
  const auto verified = ParseAndVerify(Good(), Supplier().certificate);
  ASSERT_TRUE(verified) << verified.error().explanation << verified.error().detail;
  EXPECT_EQ(verified->signer(), Supplier().certificate);
  EXPECT_EQ(verified->content().request_id.originator, Eui64(kSupplierId));
}

// The long way, by xmlsec1: what canonicalisation changes is not what was sent.
TEST(DuisSignature, VerifiesADocumentThatIsNotItsCanonicalForm) {
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{":1001<", ":100&#49;<"},
                                                        {"<sr:Header>", "<sr:Header >"},
                                                        {":1001<", ":<![CDATA[1001]]><"}}) {
    const std::string document = Supplier().Sign(Replaced(Unsigned(), from, to));
    ASSERT_FALSE(duis::FindPlainForm(document)) << to;
    const auto verified = ParseAndVerify(document, Supplier().certificate);
    ASSERT_TRUE(verified) << to << verified.error().explanation;
    EXPECT_EQ(verified->content().request_id.counter, 1001u);
    EXPECT_FALSE(
        ParseAndVerify(Replaced(document, "Variant>1<", "Variant>2<"), Supplier().certificate));
  }
}

// R-SEC3-3.
TEST(DuisSignature, RefusesAChangeOfAnyField) {
  const std::string good = Good();
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"\"5.4\"", "\"5.3\""},
           {":1001<", ":1002<"},
           {"00-DB-12", "00-DB-13"},
           {"90-B3-D5-1F-30-01-00-00:", "90-B3-D5-1F-30-02-00-00:"},
           {"90-B3", "90-b3"},
           {"Variant>1<", "Variant>2<"},
           {"2026-12-01", "2026-12-02"},
           {">Supplier<", "> Supplier<"},
           {"SeqNumber>5<", "SeqNumber>4<"},
           {"SeqNumber>5<", "SeqNumber>05<"},
           {"SeqNumber>6<", "SeqNumber>60<"},
           {"AQI=", "AQM="},
           {"AwQ=", "AwU="},
           {"BQY=", "BQc="},
           {"Bwg=", "Bwk="},
           {"Checks>true<", "Checks>false<"},
           {"<sr:Header>", "<sr:Header> "},
           {" schemaVersion", " xmlns:x=\"urn:x\" schemaVersion"},
           {"<sr:RemotePartyFloorSeqNumber>5</sr:RemotePartyFloorSeqNumber>", ""}}) {
    SCOPED_TRACE(to);
    ExpectRefused(ParseAndVerify(Replaced(good, from, to), Supplier().certificate),
                  Reason::kSignatureInvalid, "not the one that was signed");
  }
}

// R-SEC3-3: flip one bit anywhere. Nothing may be accepted with another meaning; what is not signed
// (quotes, prefixes of names in KeyInfo, the look-up key itself) may change.
TEST(DuisSignature, RefusesOrReadsTheSameAfterAnyBitFlip) {
  const std::string good = Good();
  const auto want = ParseAndVerify(good, Supplier().certificate);
  ASSERT_TRUE(want);
  const std::size_t key_info = good.find("<ds:KeyInfo>");
  int accepted_before_key_info = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const int bit : {1, 4, 32}) {
      std::string flipped = good;
      flipped[at] = static_cast<char>(flipped[at] ^ bit);
      const auto got = ParseAndVerify(flipped, Supplier().certificate);
      if (!got) continue;
      if (at < key_info) ++accepted_before_key_info;
      EXPECT_EQ(got->content().request_id, want->content().request_id) << at;
      EXPECT_EQ(got->content().floor, want->content().floor) << at;
      EXPECT_EQ(got->content().role, want->content().role) << at;
      EXPECT_EQ(got->content().digital_signing_certificate,
                want->content().digital_signing_certificate)
          << at;
    }
  }
  EXPECT_EQ(accepted_before_key_info, 0);
}

TEST(DuisSignature, RefusesAnotherKey) {
  const TestSigner other = MakeSigner(kSupplierId);
  ASSERT_TRUE(ParseAndVerify(other.Sign(Unsigned()), other.certificate));
  ExpectRefused(ParseAndVerify(other.Sign(Unsigned()), Supplier().certificate),
                Reason::kSignatureInvalid, "does not verify with the key");
}

// R-SEC3-2; duis-6.21.md 4.6.
TEST(DuisSignature, RefusesAGenuineSignatureOfAnotherUser) {
  const TestSigner other = MakeSigner(0x90B3D51F30030000);
  ExpectRefused(ParseAndVerify(other.Sign(Unsigned()), other.certificate), Reason::kSenderAuth,
                "90-B3-D5-1F-30-01-00-00");
  HandoverFields own = FullFields();
  own.request_id = "90-B3-D5-1F-30-03-00-00:00-DB-12-34-56-78-90-A3:1001";
  EXPECT_TRUE(ParseAndVerify(other.Sign(MakeHandoverXml(own)), other.certificate));
}

TEST(DuisSignature, RefusesAKeyThatIsNotForSigning) {
  const TestSigner agreement = MakeSigner(kSupplierId, "critical,keyAgreement");
  ExpectRefused(ParseAndVerify(agreement.Sign(Unsigned()), agreement.certificate),
                Reason::kSenderAuth, "key usage");
  const TestSigner both = MakeSigner(kSupplierId, "critical,digitalSignature,keyAgreement");
  ExpectRefused(ParseAndVerify(both.Sign(Unsigned()), both.certificate), Reason::kSenderAuth,
                "key usage");
}

TEST(DuisSignature, RefusesASignerThatIsNotKnown) {
  ExpectRefused(ParseAndVerify(Good(), nullptr), Reason::kSenderAuth, "no certificate");
}

TEST(DuisSignature, RefusesAKeyOnAnotherCurve) {
  const TestSigner other = MakeSigner(kSupplierId, "critical,digitalSignature", "secp256k1");
  ASSERT_NE(other.certificate, nullptr);
  ExpectRefused(ParseAndVerify(Good(), other.certificate), Reason::kSenderAuth, "P-256");
}

TEST(DuisSignature, RefusesARequestWithoutSignature) {
  ExpectRefused(duis::Parse(AsBytes(Unsigned())), Reason::kSignatureInvalid,
                "expected ds:Signature");
}

// Every one of these is signed as it stands: a verifier without the profile would accept most.
TEST(DuisSignature, RefusesAnotherSignedInfo) {
  const std::string info = SignedInfo(GoodDigest());
  {
    const auto verified = ParseAndVerify(SignedWith(info), Supplier().certificate);
    ASSERT_TRUE(verified) << verified.error().explanation;
  }
  const std::string transform =
      "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\">"
      "</ds:Transform>";
  const std::string reference = info.substr(
      info.find("<ds:Reference"), info.find("</ds:SignedInfo>") - info.find("<ds:Reference"));
  const std::string exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#";
  struct Change {
    std::string from, to, says;
  };
  for (const Change& change : std::vector<Change>{
           {exclusive, exclusive + "WithComments", "CanonicalizationMethod"},
           {exclusive, "http://www.w3.org/TR/2001/REC-xml-c14n-20010315", "CanonicalizationMethod"},
           {"</ds:CanonicalizationMethod>",
            "<ec:InclusiveNamespaces xmlns:ec=\"" + exclusive +
                "\" PrefixList=\"sr\"></ec:InclusiveNamespaces></ds:CanonicalizationMethod>",
            "no further element"},
           {"ecdsa-sha256", "ecdsa-sha1", "SignatureMethod"},
           {"ecdsa-sha256", "ecdsa-sha512", "SignatureMethod"},
           {"ecdsa-sha256", "hmac-sha256", "SignatureMethod"},
           {"ecdsa-sha256", "rsa-sha256", "SignatureMethod"},
           {"</ds:SignatureMethod>",
            "<ds:HMACOutputLength>8</ds:HMACOutputLength></ds:SignatureMethod>",
            "no further element"},
           {"URI=\"\"", "URI=\"#a\"", "URI"},
           {"URI=\"\"", "URI=\"#xpointer(/)\"", "URI"},
           {"URI=\"\"", "URI=\"http://127.0.0.1/a\"", "URI"},
           {"URI=\"\"", "URI=\"file:///etc/passwd\"", "URI"},
           {" URI=\"\"", "", "URI"},
           {"URI=\"\"", "Id=\"a\" URI=\"\"", "attribute Id"},
           {"URI=\"\"", "Type=\"http://www.w3.org/2000/09/xmldsig#Manifest\" URI=\"\"",
            "attribute Type"},
           {transform, transform + transform, "no further element"},
           {transform, "", "expected ds:Transform"},
           {transform,
            transform + Replaced(transform, "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
                                 exclusive),
            "no further element"},
           {"http://www.w3.org/2000/09/xmldsig#enveloped-signature",
            "http://www.w3.org/TR/1999/REC-xslt-19991116", "Transform"},
           {"</ds:Transform>", "<ds:XPath>false()</ds:XPath></ds:Transform>", "no further element"},
           {"<ds:Transforms>" + transform + "</ds:Transforms>", "", "expected ds:Transforms"},
           {"xmlenc#sha256", "xmlenc#sha512", "DigestMethod"},
           {"http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2000/09/xmldsig#sha1",
            "DigestMethod"},
           {"<ds:DigestValue>", "<ds:DigestValue>AA==", "32 octets"},
           {GoodDigest(), "", "32 octets"},
           {reference, "", "expected ds:Reference"},
           {reference, reference + reference, "no further element"},
           {"<ds:SignedInfo ", "<ds:SignedInfo Id=\"a\" ", "attribute Id"},
       }) {
    SCOPED_TRACE(change.to);
    ExpectRefused(duis::Parse(AsBytes(SignedWith(Replaced(info, change.from, change.to)))),
                  Reason::kSignatureInvalid, change.says);
  }
}

TEST(DuisSignature, RefusesAnotherDigestUnderAGoodSignature) {
  const std::string other = ToBase64(Sha256(AsBytes("another document")));
  ExpectRefused(ParseAndVerify(SignedWith(SignedInfo(other)), Supplier().certificate),
                Reason::kSignatureInvalid, "not the one that was signed");
}

// Trap 1: the Reference is inclusive, SignedInfo exclusive.
TEST(DuisSignature, DigestsTheInclusiveForm) {
  const std::string xml =
      Replaced(Unsigned(), " schemaVersion", " xmlns:zz=\"urn:unused\" schemaVersion");
  EXPECT_TRUE(ParseAndVerify(Supplier().Sign(xml), Supplier().certificate));
  const std::string exclusive_digest = GoodDigest();  // without the declaration nobody uses
  const std::string wrong = WithLastChild(
      xml, SignatureElement(SignedInfo(exclusive_digest), Supplier().key.get(), SupplierKeyInfo()));
  ExpectRefused(ParseAndVerify(wrong, Supplier().certificate), Reason::kSignatureInvalid,
                "not the one that was signed");
}

TEST(DuisSignature, RefusesAnotherSignatureElement) {
  const std::string good = Good();
  const std::string begin = "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">";
  const std::string signature =
      good.substr(good.find(begin), good.find("</ds:Signature>") + 15 - good.find(begin));
  const std::string key_info = SupplierKeyInfo();
  const std::string object = "<ds:Object>" + Unsigned() + "</ds:Object>";
  const std::string serial = ">" + Supplier().serial + "<";
  struct Change {
    std::string from, to, says;
  };
  for (const Change& change : std::vector<Change>{
           {begin, Replaced(begin, ">", " Id=\"a\">"), "attribute Id"},
           {begin, begin + object, "expected ds:SignedInfo"},
           {"</ds:Signature>", object + "</ds:Signature>", "no further element"},
           {begin, begin + "<ds:SignedInfo/>", "expected ds:CanonicalizationMethod"},
           {"</ds:SignedInfo>", "</ds:SignedInfo><ds:SignedInfo/>", "expected ds:SignatureValue"},
           {"<ds:SignatureValue>", "<ds:SignatureValue>x</ds:SignatureValue><ds:SignatureValue>",
            "64 octets"},
           {"<ds:SignatureValue>", "<ds:SignatureValue Id=\"a\">", "attribute Id"},
           {"</ds:SignatureValue>", "!</ds:SignatureValue>", "not the base64 of 64 octets"},
           {key_info, "", "expected ds:KeyInfo"},
           {key_info, key_info + key_info, "no further element"},
           {"<ds:X509Data>", "<ds:KeyName>a</ds:KeyName><ds:X509Data>", "expected ds:X509Data"},
           {"</ds:X509Data>", "</ds:X509Data><ds:X509Data/>", "no further element"},
           {"<ds:X509Data>", "<ds:KeyValue/><ds:X509Data>", "expected ds:X509Data"},
           {"<ds:X509Data>", "<ds:RetrievalMethod URI=\"http://127.0.0.1/\"/><ds:X509Data>",
            "expected ds:X509Data"},
           {"</ds:X509IssuerSerial>",
            "</ds:X509IssuerSerial><ds:X509Certificate>AQI=</ds:X509Certificate>",
            "no further element"},
           {">CN=Z1,OU=07<", ">Z1<", "X509IssuerName"},
           {serial, ">0x14be<", "X509SerialNumber"},
           {serial, "><", "X509SerialNumber"},
           {serial, ">++7<", "X509SerialNumber"},
           {serial, ">+<", "X509SerialNumber"},
           {serial, ">-7<", "X509SerialNumber"},
           {serial, ">" + std::string(49, '9') + "<", "48 digits"},
           {signature, signature + signature, "no further element"},
           {signature, signature + "<sr:x/>", "no further element"},
       }) {
    SCOPED_TRACE(change.to.substr(0, 60));
    const bool foreign = change.to.ends_with("<sr:x/>");
    ExpectRefused(duis::Parse(AsBytes(Replaced(good, change.from, change.to))),
                  foreign ? Reason::kMalformed : Reason::kSignatureInvalid, change.says);
  }
  // The signature in another place than the last of Request.
  const std::string bare = Replaced(good, signature, "");
  for (const char* before : {"<sr:Header>", "<sr:Body>", "<sr:RequestID>", "</sr:Body>"}) {
    SCOPED_TRACE(before);
    ExpectRefused(duis::Parse(AsBytes(Replaced(bare, before, signature + before))),
                  Reason::kSignatureInvalid, "found ds:Signature");
  }
}

TEST(DuisSignature, AcceptsSerialNumbersOfUpTo48Digits) {
  const auto serial = [](const std::string& decimal) {
    auto parsed = duis::Parse(
        AsBytes(SignRequest(Unsigned(), Supplier().key.get(), "CN=Z1, OU=07", decimal)));
    return parsed ? ToHex(parsed->signer().serial) : parsed.error().explanation;
  };
  EXPECT_EQ(serial("0"), "00");
  EXPECT_EQ(serial("127"), "7f");
  EXPECT_EQ(serial("+7"), "07") << "xs:integer";
  EXPECT_EQ(serial("007"), "07");
  EXPECT_EQ(serial("+000"), "00");
  EXPECT_EQ(serial(std::string(60, '0') + "127"), "7f");
  EXPECT_EQ(serial("128"), "0080");
  EXPECT_EQ(serial("256"), "0100");
  EXPECT_EQ(serial(" 65536\n"), "010000");
  EXPECT_EQ(serial("27572613927499351639968579586655397031"), "14be4ad2ea1d0e4ec7f7156bd24624a7");
  EXPECT_EQ(serial("340282366920938463463374607431768211455"),
            "00ffffffffffffffffffffffffffffffff");
  EXPECT_EQ(serial(std::string(48, '9')), "00af298d050e4395d69670b12b7f40ffffffffffff");
}

// r || s, and nothing that means the same to a looser reader.
TEST(DuisSignature, RefusesOtherFormsOfTheSignatureValue) {
  const std::string info = SignedInfo(GoodDigest());
  const Bytes raw = EcdsaRaw(Supplier().key.get(), info);
  const auto with = [&](const Bytes& value) {
    return ParseAndVerify(
        WithLastChild(Unsigned(), "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">" +
                                      info + "<ds:SignatureValue>" + ToBase64(value) +
                                      "</ds:SignatureValue>" + SupplierKeyInfo() +
                                      "</ds:Signature>"),
        Supplier().certificate);
  };
  ASSERT_TRUE(with(raw));
  const Bytes r(raw.begin(), raw.begin() + 32), s(raw.begin() + 32, raw.end());
  Bytes shorter(raw.begin(), raw.end() - 1), longer = raw, padded{0}, der{0x30, 68, 2, 32},
                                             swapped = s;
  longer.push_back(0);
  padded.insert(padded.end(), r.begin(), r.end());
  padded.push_back(0);
  padded.insert(padded.end(), s.begin(), s.end());
  der.insert(der.end(), r.begin(), r.end());
  der.insert(der.end(), {2, 32});
  der.insert(der.end(), s.begin(), s.end());
  for (const Bytes& value : {shorter, longer, padded, der, Bytes{}}) {
    ExpectRefused(with(value), Reason::kSignatureInvalid, "64 octets");
  }
  swapped.insert(swapped.end(), r.begin(), r.end());
  const Bytes zeros(64);
  Bytes r_zero = zeros, ones(64, 0xFF);
  std::copy(s.begin(), s.end(), r_zero.begin() + 32);
  for (const Bytes& value : {swapped, zeros, r_zero, ones}) {
    ExpectRefused(with(value), Reason::kSignatureInvalid, "does not verify");
  }
}

TEST(DuisSignature, ReadsBase64WithLineBreaksAsJavaWritesThem) {
  const std::string good = Good();
  const std::size_t at = good.find("<ds:SignatureValue>") + 19 + 40;
  EXPECT_TRUE(
      ParseAndVerify(good.substr(0, at) + "&#13;\n" + good.substr(at), Supplier().certificate));
}

TEST(DuisSignature, AcceptsCrLfAndWhiteSpaceThatWasSigned) {
  std::string xml = Unsigned();
  for (const char* before : {"<sr:Header>", "<sr:Body>", "<sr:RemotePartyRole>", "</sr:Request>"}) {
    xml = Replaced(xml, before, std::string("\r\n  ") + before);
  }
  const auto verified = ParseAndVerify(Supplier().Sign(xml), Supplier().certificate);
  ASSERT_TRUE(verified) << verified.error().explanation;
  EXPECT_EQ(verified->content().floor, FloorSeqNumber::From(5));
}

TEST(DuisXmlLibraries, OpenNothingByName) {
  ASSERT_TRUE(duis::InitialiseXml());
  ASSERT_TRUE(duis::InitialiseXml()) << "a second time";
  EXPECT_EQ(xmlReadFile("/etc/hostname", nullptr, 0), nullptr);
  EXPECT_EQ(xmlParserInputBufferCreateFilename("/etc/hostname", XML_CHAR_ENCODING_NONE), nullptr);
  EXPECT_EQ(xmlLoadExternalEntity("file:///etc/hostname", nullptr, nullptr), nullptr);
}

TEST(DuisXmlLibraries, PrintNothing) {
  ::testing::internal::CaptureStderr();
  ::testing::internal::CaptureStdout();
  EXPECT_FALSE(ParseAndVerify(Replaced(Good(), ":1001<", ":&x;<"), Supplier().certificate));
  EXPECT_FALSE(ParseAndVerify(Replaced(Good(), ":1001<", ":1002<"), Supplier().certificate));
  EXPECT_FALSE(ParseAndVerify(MakeSigner(kSupplierId).Sign(Unsigned()), Supplier().certificate));
  std::thread([] {
    EXPECT_FALSE(ParseAndVerify(Replaced(Good(), ":1001<", ":1002<"), Supplier().certificate));
  }).join();
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
}

TEST(DuisThreads, ManyThreadsParseAndVerifyAtOnce) {
  const std::string good = Good();
  const std::string tampered = Replaced(good, ":1001<", ":1002<");
  const std::string broken = Replaced(good, "</sr:Header>", "");
  std::vector<int> right(8);
  std::vector<std::thread> threads;
  for (int& count : right) {
    threads.emplace_back([&] {
      for (int i = 0; i < 25; ++i) {
        const bool accepted = ParseAndVerify(good, Supplier().certificate).has_value();
        const auto changed = ParseAndVerify(tampered, Supplier().certificate);
        const auto malformed = ParseAndVerify(broken, Supplier().certificate);
        if (accepted && !changed && changed.error().reason == Reason::kSignatureInvalid &&
            !malformed && malformed.error().reason == Reason::kMalformed) {
          ++count;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, std::vector<int>(8, 25));
}

TEST(DuisThreads, VerifiesWhatAnotherThreadParsed) {
  auto parsed = duis::Parse(AsBytes(Good()));
  ASSERT_TRUE(parsed);
  bool accepted = false;
  std::thread([&] {
    accepted = duis::VerifySignature(*std::move(parsed), Supplier().certificate).has_value();
  }).join();
  EXPECT_TRUE(accepted);
}

}  // namespace
}  // namespace acb::testing
