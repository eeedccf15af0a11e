// Project Wycheproof's ECDSA P-256 / SHA-256 vectors through both encodings: DER as certificates
// and lists have it (VerifyingKey::VerifyDer), r || s as GBCS has it (gbcs::VerifySignature). The
// HSM's own check and the ECDH vectors: tests/hsm/wycheproof_test.cc. XML signatures use
// VerifyingKey's key, but xmlsec1 reads r || s itself; its edge cases are in
// tests/firmware/duis/signature_test.cc.
#include "tests/support/wycheproof.h"

#include <gtest/gtest.h>

#include "firmware/base/p256.h"
#include "firmware/gbcs/mac.h"

namespace acb {
namespace {

using testing::ForEachWycheproof;
using testing::HexOf;
using testing::ReadWycheproof;

constexpr char kFile[] = "ecdsa_secp256r1_sha256_test.json";
constexpr int kValid = 174;
constexpr int kInvalid = 310;  // the file has no "acceptable"

PublicPoint KeyOf(const boost::json::value& group) {
  const Bytes octets = HexOf(group.at("publicKey"), "uncompressed");
  PublicPoint point{};
  EXPECT_EQ(octets.size(), point.size());
  std::copy_n(octets.begin(), std::min(octets.size(), point.size()), point.begin());
  return point;
}

TEST(WycheproofEcdsa, DerSignaturesAreJudgedAsTheFileSays) {
  ACB_NEED_SHARED();
  int valid = 0;
  int invalid = 0;
  ForEachWycheproof(ReadWycheproof(kFile), [&](const auto& group, const auto& test) {
    const auto key = VerifyingKey::From(KeyOf(group));
    ASSERT_TRUE(key);
    const bool expected = test.at("result").as_string() == "valid";
    (expected ? valid : invalid) += 1;
    EXPECT_EQ(key->VerifyDer(HexOf(test, "msg"), HexOf(test, "sig")), expected);
  });
  EXPECT_EQ(valid, kValid);
  EXPECT_EQ(invalid, kInvalid);
}

// What is no strict DER has no r || s: it is refused above and never gets here.
TEST(WycheproofEcdsa, RawSignaturesAreJudgedAsTheFileSays) {
  ACB_NEED_SHARED();
  int valid = 0;
  int invalid = 0;
  int not_der = 0;
  ForEachWycheproof(ReadWycheproof(kFile), [&](const auto& group, const auto& test) {
    const bool expected = test.at("result").as_string() == "valid";
    const Bytes der = HexOf(test, "sig");
    const auto raw = ReadSigValue(der);
    if (!raw) {
      EXPECT_FALSE(expected);
      ++not_der;
      return;
    }
    EXPECT_EQ(WriteSigValue(*raw), der);
    (expected ? valid : invalid) += 1;
    EXPECT_EQ(gbcs::VerifySignature(HexOf(test, "msg"), *raw, KeyOf(group)), expected);
  });
  EXPECT_EQ(valid, kValid);
  EXPECT_EQ(invalid + not_der, kInvalid);
  EXPECT_GT(invalid, 0);
  EXPECT_GT(not_der, 0);
}

}  // namespace
}  // namespace acb
