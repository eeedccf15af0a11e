// Trust over the public RTDS data and over the tests' own PKI (tests/pki/make_pki.py).
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <set>

#include "firmware/base/base64.h"
#include "firmware/smki/bundle.h"
#include "firmware/smki/profile.h"
#include "firmware/smki/trust.h"
#include "tests/support/shared.h"

namespace acb::smki {
namespace {

using acb::testing::ReadFile;
using acb::testing::ReadText;
using acb::testing::SharedDir;

const std::string kRootKey =  // gbcs-cs02b.md 9.2, "ZA"
    "040691e68b45c57e2ec7974ef6d1360a50da01576e0ee0b3b4c67f64127120e63f"
    "31771cc9dcbd5ae007d0c6170951d7035bcefc8b1f81805e0fd0f7a555dcca78";

Name NameOf(const char* text) { return Name::FromText(text).value(); }

// What the public data needs (rtds/README.md): no root certificate, no lists.
TrustSettings RtdsSettings() {
  TrustSettings settings;
  settings.environment = Environment::kTest;
  NamedAnchor anchor{NameOf("CN=ZA,OU=00"), {}, {}};
  const Bytes key = FromHex(kRootKey).value();
  std::copy(key.begin(), key.end(), anchor.key.begin());
  settings.named_anchors = {anchor};
  settings.issuers_without_crl = {NameOf("CN=Z1,OU=07"), NameOf("CN=ZA,OU=00")};
  return settings;
}

// The certificates inside a DUIS template: text of the elements whose name ends with "Certificate".
std::vector<Bytes> CertificatesOf(const std::string& xml) {
  constexpr std::string_view kTagEnd = "Certificate>";
  std::vector<Bytes> all;
  for (std::size_t at = xml.find(kTagEnd); at != std::string::npos; at = xml.find(kTagEnd, at)) {
    at += kTagEnd.size();
    const auto octets = FromBase64(xml.substr(at, xml.find('<', at) - at));
    if (octets && octets->size() > 300) all.push_back(*octets);
  }
  return all;
}

class Rtds : public ::testing::Test {
 protected:
  void SetUp() override {
    ACB_NEED_SHARED();
    for (const char* name : {"CS02bNOByNOHandover_6.21_SUCCESS_REQUEST_DUIS.XML",
                             "CS02bSupplierBySupplierHandover_6.21_SUCCESS_REQUEST_DUIS.XML"}) {
      for (const Bytes& der : CertificatesOf(ReadText(SharedDir() / "rtds/duis" / name))) {
        auto parsed = Certificate::Parse(der);
        ASSERT_TRUE(parsed) << parsed.error().explanation;
        const bool is_authority = (*parsed)->subject() == NameOf("CN=Z1,OU=07");
        (is_authority ? authorities : templates).push_back(*std::move(parsed));
      }
    }
    ASSERT_FALSE(authorities.empty());
    trust = Trust::Build(RtdsSettings(), 1, {ToBytes(authorities[0]->der())}, {});
  }
  std::string Judge(const CertificatePtr& certificate) const {
    const auto path = trust->CheckPath(certificate, {}, at);
    if (!path) return std::string(Describe(path.error().reason).name);
    EXPECT_EQ(path->observations, std::vector<std::string>{"REVOCATION_NOT_CHECKED"});
    return "good";
  }

  const UtcTime at = UtcTime::FromIso("2025-10-01T12:00:00Z").value();
  std::vector<CertificatePtr> templates;
  std::vector<CertificatePtr> authorities;
  std::shared_ptr<const Trust> trust;
};

TEST_F(Rtds, TheFiveLeavesOfTheHandoverTemplatesAreGood) {
  EXPECT_EQ(templates.size(), 5u);
  for (const CertificatePtr& certificate : templates) {
    EXPECT_EQ(Judge(certificate), "good") << certificate->Label();
  }
}

TEST_F(Rtds, EveryCertificateFileHasItsVerdict) {
  std::map<std::string, int> verdicts;
  for (const auto& file : std::filesystem::directory_iterator(SharedDir() / "rtds/certificates")) {
    if (file.path().extension() != ".pem") continue;
    const std::string name = file.path().filename();
    const auto blocks = SplitCertificates(ReadFile(file.path()));
    ASSERT_TRUE(blocks) << name << blocks.error().explanation;
    const auto parsed = Certificate::Parse(blocks->at(0));
    ASSERT_TRUE(parsed) << name << parsed.error().explanation;
    // README.md: those of ...010008 do not verify under Z1; devices are another PKI (R-SEC3-13).
    const std::string verdict = Judge(*parsed);
    if (name.starts_with("00db")) {
      EXPECT_EQ(verdict, "NOT_ORGANISATION_CERT") << name;
    } else if (name.starts_with("90b3d51f30010008")) {
      EXPECT_NE(verdict, "good") << name;
    } else {
      EXPECT_EQ(verdict, "good") << name;
    }
    ++verdicts[verdict];
  }
  EXPECT_EQ(verdicts["NOT_ORGANISATION_CERT"], 8);
  EXPECT_EQ(verdicts["good"], 14);
}

TEST_F(Rtds, EveryCertificateOfTheKeyStoreHasItsVerdict) {
  int good = 0;
  int refused = 0;
  const auto store = boost::json::parse(ReadText(SharedDir() / "rtds/keystore.json"));
  for (const auto& [eui, usages] : store.as_object()) {
    for (const auto& [usage, serials] : usages.as_object()) {
      for (const auto& [serial, entry] : serials.as_object()) {
        const auto blocks = SplitCertificates(AsBytes(entry.at("certificate").as_string()));
        ASSERT_TRUE(blocks) << std::string(serial);
        const auto parsed = Certificate::Parse(blocks->at(0));
        ASSERT_TRUE(parsed) << std::string(serial) << parsed.error().explanation;
        const Certificate& certificate = **parsed;
        EXPECT_EQ(certificate.SerialDecimal(), serial);
        EXPECT_EQ(certificate.ou_role(), entry.at("role").as_int64());
        EXPECT_EQ(certificate.eui64(), Eui64::FromPlain(eui));
        EXPECT_EQ(certificate.key_usage(), usage == "digitalSignature" ? KeyUsage::kDigitalSignature
                                                                       : KeyUsage::kKeyAgreement);
        // rtds/README.md: XML signing certificates carry no AKI and are not Z1's; OB and Z99 are
        // not here.
        const bool xml_signing = certificate.ou_role() == 0x87 || certificate.ou_role() == 0x89;
        const bool of_z1 = certificate.issuer() == NameOf("CN=Z1,OU=07");
        const std::string verdict = Judge(*parsed);
        EXPECT_EQ(verdict == "good", of_z1 && !xml_signing) << certificate.Label() << verdict;
        (verdict == "good" ? good : refused) += 1;
      }
    }
  }
  EXPECT_EQ(good, 25);
  EXPECT_EQ(refused, 8);
}

TEST_F(Rtds, NothingOfItIsTakenInLive) {  // R-SEC3-31, R-SEC3-33
  TrustSettings live = RtdsSettings();
  live.environment = Environment::kLive;
  const auto in_live = Trust::Build(live, 1, {ToBytes(authorities[0]->der())}, {});
  for (const CertificatePtr& certificate : templates) {
    const auto path = in_live->CheckPath(certificate, authorities, at);
    ASSERT_FALSE(path);
    EXPECT_EQ(path.error().reason, Reason::kEnvironment) << path.error().explanation;
  }
}

// The tests' own PKI, made anew.
class OwnPki : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const char* source = std::getenv("ACB_SOURCE_DIR");
    const char* binary = std::getenv("ACB_BINARY_DIR");
    ASSERT_TRUE(source != nullptr && binary != nullptr) << "run by ctest";
    directory = std::filesystem::path(binary) / "tests" / "smki-pki";
    std::filesystem::remove_all(directory);
    std::filesystem::create_directories(directory);
    script = std::string("/usr/bin/python3 -B '") + source + "/tests/pki/make_pki.py' ";
    ASSERT_EQ(std::system((script + "'" + directory.string() + "'").c_str()), 0);
  }
  void SetUp() override {
    manifest = boost::json::parse(ReadText(directory / "manifest.json")).as_object();
    at = UtcTime::FromIso(manifest.at("now").as_string()).value();
    Load("organisation-certificates.pem", "revocation-lists.pem");
  }
  void Load(const std::string& certificates, const std::string& lists) {
    TrustSettings settings;  // live, nothing relaxed
    settings.roots = {Read("root.pem").value()};
    trust = Trust::Build(settings, 1, *SplitCertificates(ReadFile(directory / certificates)),
                         *SplitRevocationLists(ReadFile(directory / lists)));
  }
  static Result<CertificatePtr> Read(const std::string& file) {
    return Certificate::Parse(SplitCertificates(ReadFile(directory / file))->at(0));
  }
  std::string Judge(const std::string& name) const {
    const auto parsed = Read(name + ".pem");
    if (!parsed) return std::string(Describe(parsed.error().reason).name);
    const auto path = trust->CheckPath(*parsed, {}, at);
    if (!path) return std::string(Describe(path.error().reason).name);
    EXPECT_TRUE(path->observations.empty());
    return "good";
  }

  static inline std::filesystem::path directory;
  static inline std::string script;
  boost::json::object manifest;
  UtcTime at{0};
  std::shared_ptr<const Trust> trust;
};

TEST_F(OwnPki, PassesEveryCheckInLiveWithNothingRelaxed) {
  const std::set<std::string> needed = {"acb-ds",
                                        "acb-ka",
                                        "acb-xml",
                                        "supplier-ds",
                                        "supplier-ka",
                                        "supplier-xml",
                                        "supplier-ka-topup",
                                        "supplier2-ds",
                                        "supplier2-ka",
                                        "supplier2-xml",
                                        "no-a-ds",
                                        "no-a-ka",
                                        "no-a-xml",
                                        "no-b-ds",
                                        "no-b-ka",
                                        "no-b-xml",
                                        "supplier2-ka-topup",
                                        "supplier-ds-named"};
  for (const std::string& name : needed) {
    EXPECT_EQ(manifest.at("certificates").at(name).at("path").as_string(), "good") << name;
    EXPECT_EQ(Judge(name), "good") << name;
  }
}

TEST_F(OwnPki, RefusesEachBadOneForItsReason) {
  int bad = 0;
  for (const auto& [name, about] : manifest.at("certificates").as_object()) {
    const std::string path(about.at("path").as_string());
    if (path == "authority") continue;
    // The CAs are here to be above others; offered themselves they are not organisations'.
    const bool authority = name.ends_with("issuing-ca") || name.starts_with("issuing-ca");
    EXPECT_EQ(Judge(name), authority ? "NOT_ORGANISATION_CERT" : path) << std::string(name);
    bad += path == "good" ? 0 : 1;
  }
  EXPECT_GE(bad, 20);
}

TEST_F(OwnPki, ManifestSaysWhatTheCertificatesSay) {
  for (const auto& [name, about] : manifest.at("certificates").as_object()) {
    const auto parsed = Read(std::string(about.at("file").as_string()));
    if (!parsed) continue;  // trailing octets
    EXPECT_EQ((*parsed)->SerialDecimal(), about.at("serial").as_string()) << std::string(name);
    EXPECT_EQ(ToHex((*parsed)->sha256()), about.at("sha256").as_string()) << std::string(name);
  }
}

TEST_F(OwnPki, EachListHasItsEffect) {
  const auto with_crl = [&](const std::string& name) {
    TrustSettings settings;
    settings.roots = {Read("root.pem").value()};
    std::vector<Bytes> lists;
    for (const std::string& file : {name, std::string("arl")}) {
      lists.push_back(SplitRevocationLists(ReadFile(directory / (file + ".pem")))->at(0));
    }
    trust = Trust::Build(settings, 1,
                         *SplitCertificates(ReadFile(directory / "organisation-certificates.pem")),
                         lists);
    return Judge("supplier2-ds");
  };
  EXPECT_EQ(with_crl("crl"), "good");
  EXPECT_EQ(with_crl("crl-lower"), "good");
  EXPECT_EQ(with_crl("crl-next"), "CERT_REVOKED");
  EXPECT_EQ(with_crl("crl-stale"), "CRL_STALE");
  EXPECT_EQ(with_crl("crl-future"), "CRL_STALE");
  EXPECT_EQ(with_crl("crl-stranger"), "CRL_STALE");
}

TEST_F(OwnPki, TheScriptIssuesTheNextList) {
  const std::filesystem::path out = directory / "next.pem";
  ASSERT_EQ(std::system((script + "--crl '" + directory.string() +
                         "' --number 200 --revoke no-b-ds --out '" + out.string() + "'")
                            .c_str()),
            0);
  EXPECT_EQ(Judge("no-b-ds"), "good");
  const std::string both = ReadText(directory / "revocation-lists.pem") + ReadText(out);
  std::ofstream(directory / "both.pem") << both;
  Load("organisation-certificates.pem", "both.pem");
  EXPECT_EQ(Judge("no-b-ds"), "CERT_REVOKED");
  EXPECT_EQ(Judge("revoked-ds"), "CERT_REVOKED");  // stays revoked
  EXPECT_EQ(Judge("no-a-ds"), "good");
}

}  // namespace
}  // namespace acb::smki
