// R-SEC3-43: a certificate request proves the possession of its key.
#include "firmware/keys/certificate_request.h"

#include <gtest/gtest.h>
#include <openssl/ecdsa.h>
#include <openssl/x509.h>

#include "firmware/base/handle.h"
#include "tests/firmware/smki/builder.h"

namespace acb::keys {
namespace {

using smki::testing::TestKey;

// r || s of a key that signs as ECDSA-Sig-Value.
Bytes Raw(const Bytes& der) {
  const unsigned char* at = der.data();
  const Handle<ECDSA_SIG, ECDSA_SIG_free> signature(
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  Bytes raw(64);
  BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), raw.data(), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), raw.data() + 32, 32);
  return raw;
}

SignRequest By(const TestKey& key) {
  return [&key](BytesView request) -> Result<Bytes> { return Raw(key.Sign(request)); };
}

// Its last octets are zero bits: OpenSSL would cut them.
const RequestSubject kSubject{.common_name = "Access Control Broker",
                              .eui64 = Eui64(0x90B3D51F30000000)};

TEST(CertificateRequest, IsSignedByItsKeyForEitherUse) {
  const TestKey key;
  for (const KeyUsage usage : {KeyUsage::kDigitalSignature, KeyUsage::kKeyAgreement}) {
    const auto der = BuildCertificateRequest(kSubject, usage, key.point(), By(key));
    ASSERT_TRUE(der) << der.error().detail;
    EXPECT_TRUE(VerifyCertificateRequest(*der, key.point()));
  }
}

TEST(CertificateRequest, NamesTheRoleAcbAndTheWholeEui64) {
  const TestKey key;
  const auto der =
      BuildCertificateRequest(kSubject, KeyUsage::kDigitalSignature, key.point(), By(key));
  ASSERT_TRUE(der);
  const unsigned char* at = der->data();
  const Handle<X509_REQ, X509_REQ_free> request(
      d2i_X509_REQ(nullptr, &at, static_cast<long>(der->size())));
  const X509_NAME* name = X509_REQ_get_subject_name(request.get());
  ASSERT_EQ(X509_NAME_entry_count(name), 3);
  const ASN1_STRING* role = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, 1));
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(role)), 2), "04");
  const ASN1_STRING* eui = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, 2));
  EXPECT_EQ(ASN1_STRING_type(eui), V_ASN1_BIT_STRING);
  EXPECT_EQ(ToHex(BytesView(ASN1_STRING_get0_data(eui), 8)), "90b3d51f30000000");
  EXPECT_EQ(ASN1_STRING_length(eui), 8) << "also where it ends with zeros";
}

TEST(CertificateRequest, OneThatWasTamperedWithIsRefused) {
  const TestKey key;
  const auto der =
      BuildCertificateRequest(kSubject, KeyUsage::kDigitalSignature, key.point(), By(key));
  ASSERT_TRUE(der);
  Bytes changed = *der;
  changed[40] ^= 0x01;
  EXPECT_FALSE(VerifyCertificateRequest(changed, key.point()));
  Bytes longer = *der;
  longer.push_back(0);
  EXPECT_FALSE(VerifyCertificateRequest(longer, key.point()));
  EXPECT_FALSE(VerifyCertificateRequest(*der, TestKey().point())) << "of another key";
}

TEST(CertificateRequest, ASignatureByAnotherKeyIsNoRequest) {
  const TestKey key;
  const TestKey other;
  const auto der =
      BuildCertificateRequest(kSubject, KeyUsage::kDigitalSignature, key.point(), By(other));
  ASSERT_FALSE(der);
  EXPECT_EQ(der.error().reason, Reason::kHsmUnavailable);
}

TEST(CertificateRequest, WhatTheTokenFailsWithIsWhatItFailsWith) {
  const auto fails = [](BytesView) -> Result<Bytes> { return Failure(Reason::kHsmPin); };
  const auto der =
      BuildCertificateRequest(kSubject, KeyUsage::kDigitalSignature, TestKey().point(), fails);
  ASSERT_FALSE(der);
  EXPECT_EQ(der.error().reason, Reason::kHsmPin);
}

}  // namespace
}  // namespace acb::keys
