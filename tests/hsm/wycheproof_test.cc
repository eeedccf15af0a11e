// Project Wycheproof's vectors through what the service itself uses around the HSM: the check of
// each signature, the points of device certificates, the agreement in the token and the one in
// software that it is tested with.
#include "tests/support/wycheproof.h"

#include <gtest/gtest.h>

#include <map>

#include "firmware/smki/certificate.h"
#include "hsm/opened.h"
#include "hsm/operations.h"
#include "hsm/public_key.h"
#include "hsm/software_key.h"
#include "tests/firmware/smki/builder.h"
#include "tests/hsm/test_token.h"

namespace acb::hsm {
namespace {

using acb::testing::ForEachWycheproof;
using acb::testing::HexOf;
using acb::testing::ReadWycheproof;
using testing::Why;

constexpr char kEcdsa[] = "ecdsa_secp256r1_sha256_test.json";
constexpr char kEcdh[] = "ecdh_secp256r1_test.json";
constexpr int kAgreements = 330;
constexpr int kInvalid = 52;
constexpr int kAcceptable = 230;

TEST(WycheproofHsm, TheCheckOfSignaturesSaysWhatTheFileSays) {
  ACB_NEED_SHARED();
  int valid = 0;
  int invalid = 0;
  ForEachWycheproof(ReadWycheproof(kEcdsa), [&](const auto& group, const auto& test) {
    const auto raw = ReadSigValue(HexOf(test, "sig"));
    if (!raw) return;  // no strict DER: tests/firmware/wycheproof_test.cc
    const PublicKey key{KeyAlgorithm::kP256, HexOf(group.at("publicKey"), "uncompressed")};
    const bool expected = test.at("result").as_string() == "valid";
    (expected ? valid : invalid) += 1;
    const Bytes message = HexOf(test, "msg");
    EXPECT_EQ(Verify(key, message, *raw), expected);
    EXPECT_FALSE(Verify(key, message, BytesView(*raw).first(63)));
  });
  EXPECT_EQ(valid, 174);
  EXPECT_GT(invalid, 0);
}

// The point in a SubjectPublicKeyInfo, as the devices feed reads it: inside a certificate.
std::optional<PublicPoint> PointIn(const Bytes& spki) {
  static const smki::testing::TestKey signer;
  smki::testing::CertificateBuilder builder(signer);
  builder.spki = spki;
  const auto certificate = smki::Certificate::Parse(builder.Build(signer));
  return certificate ? (*certificate)->public_point() : std::nullopt;
}

// RFC 5915 ECPrivateKey with P-256 named.
Secret KeyFile(const Bytes& integer) {
  Bytes scalar(kP256ScalarOctets);
  const BytesView value =
      integer.size() > scalar.size() ? BytesView(integer).last(scalar.size()) : BytesView(integer);
  std::copy(value.begin(), value.end(), scalar.end() - static_cast<std::ptrdiff_t>(value.size()));
  const Bytes head = *FromHex("30310201010420");
  const Bytes tail = *FromHex("a00a06082a8648ce3d030107");
  Secret file(head.size() + scalar.size() + tail.size());
  auto at = std::ranges::copy(head, file.Writable().begin()).out;
  at = std::ranges::copy(scalar, at).out;
  std::ranges::copy(tail, at);
  return file;
}

// R-SEC3-5: only a named curve and the uncompressed form. So all that Wycheproof calls acceptable
// is refused, too: other BER of the SPKI, compressed points, curves by their parameters.
TEST(WycheproofEcdh, OnlyGoodPointsPassAndAgreeOnTheSecret) {
  ACB_NEED_SHARED();
  std::map<std::string, int> judged;
  ForEachWycheproof(ReadWycheproof(kEcdh), [&](const auto&, const auto& test) {
    const std::string result(test.at("result").as_string());
    ++judged[result];
    const auto point = PointIn(HexOf(test, "public"));
    EXPECT_EQ(point.has_value(), result == "valid");
    if (!point || result != "valid") return;
    const auto key = SoftwareKey::FromFile(KeyFile(HexOf(test, "private")));
    ASSERT_TRUE(key) << Why(key);
    const auto secret = key->Agree(*point);
    ASSERT_TRUE(secret) << Why(secret);
    EXPECT_EQ(ToHex(secret->View()), ToHex(HexOf(test, "shared")));
  });
  EXPECT_EQ(judged,
            (std::map<std::string, int>{
                {"valid", kAgreements}, {"invalid", kInvalid}, {"acceptable", kAcceptable}}));
}

// No certificate in between: the agreement itself looks at the point before it computes.
TEST(WycheproofEcdh, NoAgreementWithAPointThatIsNotOnTheCurve) {
  ACB_NEED_SHARED();
  const auto key = SoftwareKey::Generate();
  ASSERT_TRUE(key);
  int off_curve = 0;
  ForEachWycheproof(ReadWycheproof(kEcdh), [&](const auto&, const auto& test) {
    const Bytes spki = HexOf(test, "public");
    PublicPoint point;
    if (spki.size() < point.size()) return;
    std::copy(spki.end() - static_cast<std::ptrdiff_t>(point.size()), spki.end(), point.begin());
    if (point[0] != 0x04 || IsOnP256(point)) return;
    ++off_curve;
    EXPECT_FALSE(key->Agree(point));
    EXPECT_FALSE(VerifyingKey::From(point));
  });
  EXPECT_GT(off_curve, 0);
}

class WycheproofToken : public testing::TokenTest {};

// The module that the tests have, SoftHSM, with keys as the service holds them. One key for each of
// the file's private keys that has most vectors; the others are in software above.
TEST_F(WycheproofToken, AgreesOnTheSecretsOfItsKeys) {
  ACB_NEED_SHARED();
  const auto file = ReadWycheproof(kEcdh);
  std::map<Bytes, std::vector<std::pair<PublicPoint, Bytes>>> by_key;
  ForEachWycheproof(file, [&](const auto&, const auto& test) {
    if (test.at("result").as_string() != "valid") return;
    const auto point = PointIn(HexOf(test, "public"));
    if (point) by_key[HexOf(test, "private")].push_back({*point, HexOf(test, "shared")});
  });
  ASSERT_TRUE(MakeToken("acb"));
  constexpr std::size_t kKeys = 4;
  constexpr std::size_t kFewest = 10;
  std::size_t keys = 0;
  std::size_t agreements = 0;
  for (const auto& [integer, vectors] : by_key) {
    if (vectors.size() < kFewest || keys == kKeys) continue;
    const std::string label = "key-" + std::to_string(keys++);
    {
      const auto provisioning = StartProvisioning();
      ASSERT_TRUE(provisioning);
      const auto imported =
          provisioning->ImportPrivateKey(label, KeyPurpose::kAgreement, KeyFile(integer));
      ASSERT_TRUE(imported) << Why(imported);
    }
    HsmSettings settings = Settings();
    auto opened = OpenToken(settings, SessionAccess::kReadOnly);
    ASSERT_TRUE(opened) << Why(opened);
    Session& session = opened->login->session();
    const auto key = Key::Find(session, label, KeyPurpose::kAgreement);
    ASSERT_TRUE(key) << Why(key);
    for (const auto& [point, shared] : vectors) {
      const auto secret = Agree(session, **key, point);
      ASSERT_TRUE(secret) << Why(secret);
      EXPECT_EQ(ToHex(secret->View()), ToHex(shared));
      ++agreements;
    }
  }
  EXPECT_GT(keys, 0U);
  EXPECT_GE(agreements, kFewest);
}

}  // namespace
}  // namespace acb::hsm
