#include "firmware/base/p256.h"

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include "firmware/base/handle.h"

namespace acb {
namespace {

Bytes Hex(std::string_view hex) { return FromHex(hex).value(); }

// The base point of FIPS 186-4, D.1.2.3.
PublicPoint BasePoint() {
  PublicPoint point;
  const Bytes octets =
      Hex("046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
          "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5");
  std::copy(octets.begin(), octets.end(), point.begin());
  return point;
}

// r || s of the two numbers.
EcdsaSignature Raw(std::string_view r, std::string_view s) {
  EcdsaSignature raw{};
  const Bytes first = Hex(r);
  const Bytes second = Hex(s);
  std::copy(first.rbegin(), first.rend(), raw.rbegin() + 32);
  std::copy(second.rbegin(), second.rend(), raw.rbegin());
  return raw;
}

TEST(P256SigValue, StrictDerIsReadAndWrittenAsTheSameOctets) {
  const std::string high = "ff" + std::string(62, '1');
  EXPECT_EQ(ReadSigValue(Hex("3006020101020102")), Raw("01", "02"));
  EXPECT_EQ(ReadSigValue(Hex("300702020080020100")), Raw("80", "00"));
  EXPECT_EQ(ReadSigValue(Hex("3026022100" + high + "020101")), Raw(high, "01"));
  for (const EcdsaSignature& raw : {Raw("01", "02"), Raw("80", "00"), Raw(high, high)}) {
    EXPECT_EQ(ReadSigValue(WriteSigValue(raw)), raw);
  }
}

TEST(P256SigValue, RefusesEveryOtherEncoding) {
  for (const char* bad : {
           "", "30", "3000",
           "3106020101020102",    // SET
           "308106020101020102",  // long length
           "3080020101020102"
           "0000",                // indefinite
           "300602010102010200",  // octets behind
           "30070201010201"
           "0200",                // and inside
           "3005020101020102",    // length too short
           "3007020101020102",    // and too long
           "3003020101",          // one integer
           "300702020001020102",  // padded
           "3006020181020101",    // negative
           "30050200020101",      // without octets
           "3006030101020102",    // BIT STRING
       }) {
    EXPECT_FALSE(ReadSigValue(Hex(bad))) << bad;
  }
  // 33 octets of value.
  EXPECT_FALSE(ReadSigValue(Hex("30260221" + ("01" + std::string(64, '0')) + "020101")));
}

TEST(P256Signature, RefusesNumbersOutsideTheGroupsOrder) {
  const auto key = VerifyingKey::From(BasePoint());
  ASSERT_TRUE(key);
  const char* order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
  for (const EcdsaSignature& raw :
       {Raw("00", "01"), Raw("01", "00"), Raw(order, "01"), Raw("01", order), Raw("00", "00")}) {
    EXPECT_FALSE(key->VerifyRaw({}, raw));
    EXPECT_FALSE(key->VerifyDer({}, WriteSigValue(raw)));
  }
}

TEST(P256Agreement, IsTheSameFromBothSidesAndRefusesAPointOffTheCurve) {
  const auto make = [] { return Handle<EVP_PKEY, EVP_PKEY_free>(EVP_EC_gen("P-256")); };
  const auto point = [](const EVP_PKEY& key) {
    PublicPoint octets{};
    std::size_t size = 0;
    EXPECT_EQ(EVP_PKEY_get_octet_string_param(&key, "pub", octets.data(), octets.size(), &size), 1);
    return octets;
  };
  const auto mine = make();
  const auto other = make();
  const auto here = AgreeP256(*mine, point(*other));
  const auto there = AgreeP256(*other, point(*mine));
  ASSERT_TRUE(here && there);
  EXPECT_TRUE(Equal(here->View(), there->View()));
  PublicPoint off_curve = point(*other);
  off_curve[64] ^= 1;
  EXPECT_FALSE(AgreeP256(*mine, off_curve));
  EXPECT_FALSE(AgreeP256(*mine, PublicPoint{}));
}

}  // namespace
}  // namespace acb
