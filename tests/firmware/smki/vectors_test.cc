// The open path and profile cases: ../shared/vectors/smki-profile.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <iostream>

#include "firmware/smki/trust.h"
#include "tests/support/limbo.h"
#include "tests/support/shared.h"

namespace acb::smki {
namespace {

using acb::testing::AllFromPem;
using acb::testing::FromPem;
using acb::testing::ReadText;
using acb::testing::SharedDir;

constexpr int kGoodCases = 13;
constexpr int kBadCases = 83;

struct Verdict {
  bool good = false;
  std::string why;
  Reason reason = Reason::kMalformed;
};

Verdict Judge(const boost::json::object& item) {
  TrustSettings settings;
  settings.environment = Environment::kTest;
  // The cases' lists were issued in September 2026 and are judged in November: their age is not
  // what they are about.
  settings.crl_max_age_seconds = std::int64_t{366} * 86400;
  for (const Bytes& root : AllFromPem(item.at("trusted_certs"))) {
    if (auto parsed = Certificate::Parse(root)) settings.roots.push_back(*parsed);
  }
  const auto trust = Trust::Build(settings, 1, AllFromPem(item.at("untrusted_intermediates")),
                                  AllFromPem(item.at("crls")));
  const auto at = UtcTime::FromIso(item.at("validation_time").as_string());
  const auto leaf = Certificate::Parse(FromPem(item.at("peer_certificate").as_string()));
  if (!leaf) return {false, leaf.error().explanation, leaf.error().reason};
  const auto path = trust->CheckPath(*leaf, {}, at.value());
  if (!path) return {false, path.error().explanation, path.error().reason};
  // What is good says who it is.
  const auto& expect = item.at("expect").as_object();
  if (const auto* eui = expect.if_contains("eui64")) {
    EXPECT_EQ(ToHex((*leaf)->eui64()->Octets()), eui->as_string());
  }
  if (const auto* role = expect.if_contains("role")) {
    EXPECT_EQ(Bytes{*(*leaf)->ou_role()}, FromHex(role->as_string()).value());
  }
  EXPECT_TRUE(path->observations.empty());
  return {true, "", {}};
}

TEST(SmkiVectors, EveryOpenCaseHasItsVerdict) {
  ACB_NEED_SHARED();
  const auto file = SharedDir() / "vectors" / "smki-profile" / "smki-open.json";
  const boost::json::value all = boost::json::parse(ReadText(file));
  int good = 0;
  int bad = 0;
  for (const auto& entry : all.at("testcases").as_array()) {
    const auto& item = entry.as_object();
    const std::string id(item.at("id").as_string());
    const bool expected = item.at("expected_result").as_string() == "SUCCESS";
    const Verdict verdict = Judge(item);
    EXPECT_EQ(verdict.good, expected) << id << ": " << verdict.why;
    (expected ? good : bad) += 1;
    if (!verdict.good) {
      std::cout << id << ": " << Describe(verdict.reason).name << ": " << verdict.why << "\n";
      EXPECT_FALSE(verdict.why.empty()) << id;
    }
  }
  EXPECT_EQ(good, kGoodCases);
  EXPECT_EQ(bad, kBadCases);
}

// The reason is part of the verdict (reliability.md section 2): by group, and case by case where it
// matters.
TEST(SmkiVectors, EveryRefusalHasTheReasonOfItsGroup) {
  ACB_NEED_SHARED();
  const auto file = SharedDir() / "vectors" / "smki-profile" / "smki-open.json";
  const boost::json::value all = boost::json::parse(ReadText(file));
  const std::map<std::string, Reason> expected = {
      {"smki::alg::p384-key", Reason::kAlgorithm},
      {"smki::alg::rsa-key", Reason::kAlgorithm},
      {"smki::alg::ecdsa-sha1", Reason::kAlgorithm},
      {"smki::alg::inner-outer-mismatch", Reason::kAlgorithm},
      {"smki::alg::explicit-curve", Reason::kAlgorithm},
      {"smki::key::not-on-curve", Reason::kAlgorithm},
      {"smki::key::hybrid", Reason::kAlgorithm},
      {"smki::sig::other-key", Reason::kChain},
      {"smki::sig::padded-integer", Reason::kChain},
      {"smki::ver::v1-no-ext", Reason::kProfile},
      {"smki::time::expired-1s", Reason::kCertExpired},
      {"smki::time::issuing-ca-expired", Reason::kCertExpired},
      {"smki::time::root-expired", Reason::kCertExpired},
      {"smki::time::gentime-before-2050", Reason::kProfile},
      {"smki::ext::unknown-critical", Reason::kProfile},
      {"smki::ext::ku-empty", Reason::kProfile},
      {"smki::ext::cp-wrong", Reason::kProfile},
      {"smki::subj::empty", Reason::kNotOrganisationCert},
      {"smki::subj::two-uid", Reason::kProfile},
      {"smki::subj::ou-fullwidth", Reason::kProfile},
      {"smki::chain::no-intermediate", Reason::kChain},
      {"smki::chain::forged-clone-in-intermediates", Reason::kChain},
      {"smki::chain::ca-bit-missing", Reason::kChain},
      {"smki::chain::pathlen-0-exceeded", Reason::kChain},
      {"smki::chain::leaf-from-root", Reason::kChain},
      {"smki::chain::loop", Reason::kChain},
      {"smki::crl::revoked", Reason::kCertRevoked},
      {"smki::crl::revoked-in-second-current-crl", Reason::kCertRevoked},
      {"smki::crl::revoked-serial-padded", Reason::kCertRevoked},
      {"smki::crl::expired-crl", Reason::kCrlStale},
      {"smki::crl::future-crl", Reason::kCrlStale},
      {"smki::crl::no-arl", Reason::kArlStale},
      {"smki::crl::signed-by-stranger", Reason::kCrlStale},
      {"smki::crl::delta-only", Reason::kCrlStale},
      {"smki::crl::empty-revoked-sequence", Reason::kCrlStale},
      {"smki::der::trailing-bytes", Reason::kProfile},
      {"smki::der::serial-21", Reason::kProfile},
      {"smki::der::deep-nesting", Reason::kProfile},
  };
  std::size_t seen = 0;
  for (const auto& entry : all.at("testcases").as_array()) {
    const std::string id(entry.at("id").as_string());
    const auto found = expected.find(id);
    if (found == expected.end()) continue;
    ++seen;
    EXPECT_EQ(Describe(Judge(entry.as_object()).reason).name, Describe(found->second).name) << id;
  }
  EXPECT_EQ(seen, expected.size());
}

}  // namespace
}  // namespace acb::smki
