// The open cases of x509-limbo (C2SP): ../shared/vectors/x509-limbo.
//
// They are for a validator of the public web: names without OU and x500UniqueIdentifier, two to
// four levels, 20-octet key identifiers, no policy. So every case is refused here, the good ones
// too, and most for the leaf's name before anything else is looked at. Therefore three looks:
//   1. All cases through Trust, as the service does it: refused, the SUCCESS cases for the reason
//      that a table lists.
//   2. Each rule of the profile alone (profile_rules.h) over all certificates of one position: it
//      refuses the ones that the table lists and takes all others.
//   3. The cases with lists, and the signatures, through RevocationList and VerifyingKey with the
//      case's own verdict.
// Not looked at apart: building of paths with more than one intermediate, cross-signing, cycles and
// maximum depth (our path has exactly three levels by name and key: R-SEC3-11, and what it makes of
// loops, chains and clones is in smki-profile's chain cases); pathLenConstraint against the depth
// (an issuing CA must have 0: smki::chain::pathlen-*), only its decoding; validity, which is judged
// below the profile (smki::time::*), only the dates' decoding; names of CAs; key identifiers, which
// must have 8 octets here, so that the rules refuse all of limbo's.
#include "tests/support/limbo.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "firmware/smki/authority_profile.h"
#include "firmware/smki/certificate_fields.h"
#include "firmware/smki/profile_rules.h"
#include "firmware/smki/revocation_list.h"
#include "firmware/smki/trust.h"
#include "tests/support/shared.h"

namespace acb::smki {
namespace {

using acb::testing::AllFromPem;
using acb::testing::FromPem;
using acb::testing::ReadText;
using acb::testing::SharedDir;

constexpr std::size_t kFailureCases = 36;
constexpr std::size_t kSuccessCases = 14;

struct Case {
  std::string id;
  bool success = false;
  UtcTime at{0};
  CertificatePtr leaf;
  std::vector<CertificatePtr> roots;
  std::vector<CertificatePtr> intermediates;
  std::vector<Bytes> lists;
  std::vector<Bytes> intermediates_der;
};

std::vector<CertificatePtr> ParseAll(const std::vector<Bytes>& all, const std::string& id) {
  std::vector<CertificatePtr> parsed;
  for (const Bytes& der : all) {
    auto certificate = Certificate::Parse(der);
    EXPECT_TRUE(certificate) << id;  // no case is about DER
    if (certificate) parsed.push_back(*std::move(certificate));
  }
  return parsed;
}

// "2024-03-01T00:00:00.999+00:00"; absent means now, and the cases' certificates last to 2969.
UtcTime TimeOf(const boost::json::value& time) {
  if (time.is_null()) return *UtcTime::FromIso("2026-11-21T12:00:00Z");
  const std::string text(time.as_string());
  const auto parsed = UtcTime::FromIso(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed.value_or(UtcTime{0});
}

std::vector<Case> AllCases() {
  const auto file = SharedDir() / "vectors" / "x509-limbo" / "limbo-open.json";
  const boost::json::value all = boost::json::parse(ReadText(file));
  std::vector<Case> cases;
  for (const auto& entry : all.at("testcases").as_array()) {
    Case item;
    item.id = entry.at("id").as_string();
    item.success = entry.at("expected_result").as_string() == "SUCCESS";
    item.at = TimeOf(entry.at("validation_time"));
    item.leaf = ParseAll({FromPem(entry.at("peer_certificate").as_string())}, item.id).at(0);
    item.roots = ParseAll(AllFromPem(entry.at("trusted_certs")), item.id);
    item.intermediates_der = AllFromPem(entry.at("untrusted_intermediates"));
    item.intermediates = ParseAll(item.intermediates_der, item.id);
    item.lists = AllFromPem(entry.at("crls"));
    cases.push_back(std::move(item));
  }
  return cases;
}

struct Deviation {
  std::string_view id;
  Reason reason;
  std::string_view why;
};

constexpr std::string_view kSubject = "the leaf's subject has neither OU of a role nor EUI-64";
constexpr std::string_view kIssuer = "the issuing CA's OU is not of two hex digits";

// SUCCESS in limbo, refused here.
constexpr Deviation kDeviations[] = {
    {"crl::certificate-not-on-crl", Reason::kProfile, kSubject},
    {"crl::issuer-no-keyusage-extension", Reason::kProfile, kSubject},
    {"cve::cve-2024-0567", Reason::kNotOrganisationCert,
     "an empty subject is a device's, and a cross-signed path has more than three levels"},
    {"pathlen::ee-with-intermediate-pathlen-0", Reason::kProfile, kIssuer},
    {"pathlen::ee-with-intermediate-pathlen-2", Reason::kProfile, kIssuer},
    {"pathlen::intermediate-pathlen-may-increase", Reason::kProfile, kIssuer},
    {"pathlen::max-chain-depth-0", Reason::kProfile, kSubject},
    {"pathlen::max-chain-depth-1-self-issued", Reason::kProfile, kIssuer},
    {"pathological::multiple-chains-expired-intermediate", Reason::kProfile, kSubject},
    {"rfc5280::aki::self-signed-root-missing-aki", Reason::kProfile, kSubject},
    {"rfc5280::validity::notafter-exact", Reason::kProfile, kIssuer},
    {"rfc5280::unknown-critical-extension-unrelated-root", Reason::kProfile, kSubject},
    {"rfc5280::no-keyusage", Reason::kProfile, kSubject},
    {"rfc5280::ca-as-leaf", Reason::kNotOrganisationCert, "a CA's certificate is nobody's"},
};

Result<PathEvidence> Judge(const Case& item) {
  TrustSettings settings;
  settings.environment = Environment::kTest;
  settings.crl_max_age_seconds = std::int64_t{100 * 366} * 86400;  // not what they are about
  settings.roots = item.roots;
  const auto trust = Trust::Build(settings, 1, item.intermediates_der, item.lists);
  return trust->CheckPath(item.leaf, {}, item.at);
}

TEST(Limbo, RefusesEveryCaseAndTheGoodOnesForTheListedReason) {
  ACB_NEED_SHARED();
  std::map<std::string_view, const Deviation*> listed;
  for (const Deviation& deviation : kDeviations) listed[deviation.id] = &deviation;
  std::size_t failures = 0;
  std::size_t successes = 0;
  for (const Case& item : AllCases()) {
    SCOPED_TRACE(item.id);
    const auto path = Judge(item);
    ASSERT_FALSE(path);
    EXPECT_FALSE(path.error().explanation.empty());
    if (!item.success) {
      ++failures;
      EXPECT_FALSE(listed.contains(item.id));
      continue;
    }
    ++successes;
    ASSERT_TRUE(listed.contains(item.id)) << "not listed: " << path.error().explanation;
    const Deviation& deviation = *listed[item.id];
    EXPECT_EQ(Describe(path.error().reason).name, Describe(deviation.reason).name)
        << deviation.why << "; found: " << path.error().explanation;
    listed.erase(item.id);
  }
  EXPECT_EQ(failures, kFailureCases);
  EXPECT_EQ(successes, kSuccessCases);
  EXPECT_TRUE(listed.empty()) << "no such case: " << listed.begin()->first;
}

enum class Position { kLeaf, kIntermediate, kRoot };

struct Rule {
  std::string_view name;
  Position position;
  std::function<Status(const Certificate&)> check;
  std::set<std::string> refused;  // and nothing else
};

std::vector<CertificatePtr> At(const Case& item, Position position) {
  switch (position) {
    case Position::kLeaf:
      return {item.leaf};
    case Position::kIntermediate:
      return item.intermediates;
    case Position::kRoot:
      return item.roots;
  }
  return {};
}

Status CheckLeafExtensions(const Certificate& certificate) {
  return CheckCriticalExtensions(certificate, {oid::kKeyUsage, oid::kCertificatePolicies});
}
Status CheckAuthorityExtensions(const Certificate& certificate) {
  return CheckCriticalExtensions(
      certificate, {oid::kKeyUsage, oid::kCertificatePolicies, oid::kBasicConstraints});
}

// The chain of a real web site, RSA but for one certificate.
constexpr char kRealChain[] = "rfc5280::mismatching-signature-algorithm";
constexpr char kDsa[] = "webpki::forbidden-dsa-root";
constexpr char kRsa1024[] = "webpki::forbidden-weak-rsa-key-in-root";
constexpr char kRsa2052[] = "webpki::forbidden-rsa-not-divisible-by-8-in-root";

std::vector<Rule> Rules() {
  return {
      {"version of the leaf", Position::kLeaf, CheckVersion3, {"webpki::v1-cert"}},
      {"serial of the leaf", Position::kLeaf, CheckSerial, {"rfc5280::serial::zero"}},
      {"signature algorithm of the leaf",
       Position::kLeaf,
       CheckSignatureAlgorithms,
       {"invalid::invalid-issuer-key", kRealChain, kDsa, kRsa1024, kRsa2052}},
      {"key of the leaf", Position::kLeaf, CheckKey, {kRealChain}},
      // Beside the one that is about it: basicConstraints of a CA as leaf, and a critical
      // subjectAltName beside an empty subject.
      {"critical extensions of the leaf",
       Position::kLeaf,
       CheckLeafExtensions,
       {"rfc5280::ee-critical-aia-invalid", "rfc5280::ca-as-leaf", "webpki::ca-as-leaf",
        "cve::cve-2024-0567", kRealChain}},
      {"key of an intermediate",
       Position::kIntermediate,
       CheckKey,
       {"invalid::invalid-issuer-key", kRealChain}},
      {"signature algorithm of an intermediate",
       Position::kIntermediate,
       CheckSignatureAlgorithms,
       {kRealChain}},
      {"signature algorithm of the root",
       Position::kRoot,
       CheckSignatureAlgorithms,
       {kRealChain, kDsa, kRsa1024, kRsa2052}},
      {"key of the root",
       Position::kRoot,
       CheckKey,
       {kRealChain, kDsa, kRsa1024, kRsa2052, "webpki::forbidden-p192-root"}},
      // The unrelated root is not used: the path does not depend on it (limbo: SUCCESS).
      {"critical extensions of the root",
       Position::kRoot,
       CheckAuthorityExtensions,
       {"rfc5280::aki::critical-aki", "rfc5280::ski::critical-ski",
        "rfc5280::unknown-critical-extension-root",
        "rfc5280::unknown-critical-extension-unrelated-root"}},
  };
}

TEST(Limbo, EachRuleAloneRefusesWhatItIsAboutAndTakesTheRest) {
  ACB_NEED_SHARED();
  const auto cases = AllCases();
  for (const Rule& rule : Rules()) {
    std::set<std::string> refused;
    std::size_t taken = 0;
    for (const Case& item : cases) {
      for (const CertificatePtr& certificate : At(item, rule.position)) {
        if (rule.check(*certificate)) {
          ++taken;
        } else {
          refused.insert(item.id);
        }
      }
    }
    EXPECT_EQ(refused, rule.refused) << rule.name;
    EXPECT_GT(taken, 0U) << rule.name;
  }
}

// Whether any certificate of the case that has the issuer's name and a P-256 key signed the leaf.
bool IsSignedByItsIssuer(const Case& item) {
  std::vector<CertificatePtr> all = item.roots;
  all.insert(all.end(), item.intermediates.begin(), item.intermediates.end());
  for (const CertificatePtr& issuer : all) {
    const auto point = issuer->public_point();
    if (!point || issuer->subject() != item.leaf->issuer()) continue;
    const Certificate::Fields& fields = item.leaf->fields();
    if (VerifyingKey::From(*point)->VerifyDer(fields.tbs, fields.signature)) return true;
  }
  return false;
}

TEST(Limbo, SignaturesVerifyByTheIssuersKeyOnly) {
  ACB_NEED_SHARED();
  std::set<std::string> unsigned_cases;
  for (const Case& item : AllCases()) {
    if (!IsSignedByItsIssuer(item)) unsigned_cases.insert(item.id);
  }
  EXPECT_EQ(unsigned_cases, (std::set<std::string>{
                                "invalid::invalid-issuer-key",
                                // Not by a P-256 key.
                                kRealChain,
                                kDsa,
                                kRsa1024,
                                kRsa2052,
                                "webpki::forbidden-p192-root",
                                // The file does not bring the issuing CA.
                                "rfc5280::ica-ku-keycertsign",
                                "rfc5280::intermediate-ca-missing-basic-constraints",
                            }));
}

TEST(Limbo, ListsHaveTheVerdictOfTheirCase) {
  ACB_NEED_SHARED();
  std::map<std::string, std::string> verdicts;
  for (const Case& item : AllCases()) {
    for (const Bytes& der : item.lists) {
      const auto list = RevocationList::Parse(der);
      if (!list) {
        verdicts[item.id] = std::string(Describe(list.error().reason).name);
        EXPECT_NE(list.error().explanation.find("marked critical"), std::string::npos);
        continue;
      }
      const CertificatePtr root = item.roots.at(0);
      EXPECT_EQ((*list)->issuer(), root->subject()) << item.id;
      EXPECT_TRUE((*list)->VerifyBy(*root->public_point())) << item.id;
      EXPECT_FALSE((*list)->VerifyBy(*item.leaf->public_point())) << item.id;
      verdicts[item.id] = (*list)->Lists(item.leaf->serial()) ? "listed" : "not listed";
    }
  }
  EXPECT_EQ(verdicts, (std::map<std::string, std::string>{
                          {"crl::revoked-certificate-with-crl", "listed"},
                          {"crl::certificate-not-on-crl", "not listed"},
                          {"crl::crlnumber-critical", "CRL_STALE"},
                          // Its root lacks keyUsage: good in limbo, no CA of our profile.
                          {"crl::issuer-no-keyusage-extension", "not listed"},
                      }));
}

TEST(Limbo, PathLengthsAndDatesAreReadAsTheyAre) {
  ACB_NEED_SHARED();
  for (const Case& item : AllCases()) {
    SCOPED_TRACE(item.id);
    if (item.id.starts_with("pathlen::ee-with-intermediate-pathlen-")) {
      const Extension* extension =
          FindExtension(item.intermediates.at(0)->fields().extensions, oid::kBasicConstraints);
      ASSERT_NE(extension, nullptr);
      const auto constraints = DecodeBasicConstraints(extension->value);
      ASSERT_TRUE(constraints && constraints->ca);
      EXPECT_EQ(constraints->path_length, item.id.back() - '0');
    }
    if (item.id == "rfc5280::validity::notafter-exact") {
      EXPECT_EQ(item.leaf->not_after(), item.at);  // the last instant of the period
    }
    if (item.id == "rfc5280::validity::expired-5-seconds") {
      EXPECT_EQ(item.at.milliseconds() - item.leaf->not_after().milliseconds(), 5000);
    }
    if (item.id == "rfc5280::validity::notbefore-fractional") {
      EXPECT_EQ(item.leaf->not_before().milliseconds() - item.at.milliseconds(), 1);
    }
  }
}

}  // namespace
}  // namespace acb::smki
