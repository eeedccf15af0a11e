// NIST PKITS: ../shared/vectors/pkits. All of it is RSA, so all of it is refused; what is tested
// here is that nothing crashes, nothing is taken, and that the refusal says why.
//
// What PKITS means is made again for P-256 and the SMKI profile in smki-profile (vectors_test.cc):
//   4.1 signature verification      smki::sig::*, smki::alg::*
//   4.2 validity periods            smki::time::*
//   4.3 name chaining               smki::chain::*, smki::subj::*
//   4.4 basic revocation            smki::crl::* (missing, expired, future, foreign, revoked,
//   padded) 4.5 self-issued                 smki::chain::loop 4.6, 4.7 basicConstraints, keyUsage
//   smki::chain::ca-bit-missing, pathlen-*, smki::ext::ku-* 4.8 to 4.12 policies smki::ext::cp-*:
//   one policy, no mapping and no constraint 4.14, 4.15 distribution points, deltas
//   smki::crl::delta-only, and the lists' own tests 4.16 critical extensions
//   smki::ext::unknown-critical
// Not made again: 4.13 name constraints (a critical one is refused as unknown: smki::ext).
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "firmware/smki/authority_profile.h"
#include "firmware/smki/profile.h"
#include "firmware/smki/revocation_list.h"
#include "firmware/smki/trust.h"
#include "tests/support/shared.h"
#include "tests/support/tar.h"

namespace acb::smki {
namespace {

using acb::testing::ReadTarGz;
using acb::testing::SharedDir;
using acb::testing::TarMember;

constexpr std::size_t kCertificates = 405;
constexpr std::size_t kLists = 173;

std::vector<TarMember> Members(std::string_view ending) {
  std::vector<TarMember> members;
  for (TarMember& member :
       ReadTarGz(SharedDir() / "vectors" / "pkits" / "pkits-certs-crls.tar.gz")) {
    if (member.name.ends_with(ending)) members.push_back(std::move(member));
  }
  return members;
}

// With every PKITS certificate as a CA at hand, its trust anchor trusted, and every list.
std::shared_ptr<const Trust> TrustInAll(const std::vector<TarMember>& certificates) {
  TrustSettings settings;
  settings.environment = Environment::kTest;
  std::vector<Bytes> all;
  for (const TarMember& member : certificates) {
    all.push_back(member.octets);
    const auto parsed = Certificate::Parse(member.octets);
    if (member.name.find("TrustAnchor") != std::string::npos && parsed) {
      settings.roots.push_back(*parsed);
    }
  }
  EXPECT_FALSE(settings.roots.empty());
  std::vector<Bytes> lists;
  for (const TarMember& member : Members(".crl")) lists.push_back(member.octets);
  return Trust::Build(settings, 1, all, lists);
}

// Their signatures were spoilt so that the BIT STRING ends inside an octet.
const std::set<std::string> kNotDer = {"certs/BadSignedCACert.crt",
                                       "certs/InvalidDSASignatureTest6EE.crt"};

TEST(Pkits, EveryCertificateIsRefusedForAListedReason) {
  ACB_NEED_SHARED();
  const auto certificates = Members(".crt");
  EXPECT_EQ(certificates.size(), kCertificates);
  const auto trust = TrustInAll(certificates);
  const UtcTime at = *UtcTime::FromIso("2012-01-01T00:00:00Z");  // in PKITS's time
  std::map<std::string_view, std::size_t> reasons;
  for (const TarMember& member : certificates) {
    const auto certificate = Certificate::Parse(member.octets);
    if (!certificate) {
      EXPECT_TRUE(kNotDer.contains(member.name)) << member.name << certificate.error().explanation;
      ++reasons[Describe(certificate.error().reason).name];
      continue;
    }
    const auto path = trust->CheckPath(*certificate, {}, at);
    ASSERT_FALSE(path) << member.name;
    ++reasons[Describe(path.error().reason).name];
    EXPECT_FALSE(CheckIssuingAuthorityProfile(**certificate, trust->settings())) << member.name;
    EXPECT_FALSE(CheckRootProfile(**certificate, trust->settings())) << member.name;
    // The leaves are refused for RSA, the CAs as what they are (R-SEC3-13), which is looked at
    // first.
  }
  // The leaves for RSA or DSA; the CAs as what they are (R-SEC3-13), which is looked at first.
  EXPECT_EQ(reasons,
            (std::map<std::string_view, std::size_t>{
                {"ALGORITHM", 210}, {"NOT_ORGANISATION_CERT", 193}, {"PROFILE", kNotDer.size()}}));
}

TEST(Pkits, EveryListIsRefused) {
  ACB_NEED_SHARED();
  const auto lists = Members(".crl");
  EXPECT_EQ(lists.size(), kLists);
  std::map<std::string, std::size_t> whys;
  for (const TarMember& member : lists) {
    const auto list = RevocationList::Parse(member.octets);
    ASSERT_FALSE(list) << member.name;
    EXPECT_EQ(list.error().reason, Reason::kCrlStale);
    ++whys[list.error().explanation.substr(list.error().explanation.find(": ") + 2)];
  }
  // One was spoilt so that its signature ends inside an octet.
  EXPECT_EQ(whys, (std::map<std::string, std::size_t>{
                      {"ecdsa-with-SHA256 without parameters expected", kLists - 1},
                      {"tbsCertList, signatureAlgorithm, signatureValue expected", 1}}));
}

}  // namespace
}  // namespace acb::smki
