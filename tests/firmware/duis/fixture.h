// Signers with certificates of their own making, and what to expect of a refusal.
#pragma once

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "firmware/duis/request.h"
#include "firmware/duis/signature.h"
#include "firmware/smki/certificate.h"
#include "tests/support/duis_signer.h"

namespace acb::testing {

struct TestSigner {
  KeyHandle key;
  smki::CertificatePtr certificate;
  std::string issuer = "CN=Z1,OU=07";
  std::string serial;

  std::string Sign(const std::string& xml) const {
    return SignRequest(xml, key.get(), issuer, serial);
  }
};

inline void AddName(X509_NAME* name, int nid, int type, BytesView value) {
  X509_NAME_add_entry_by_NID(name, nid, type, value.data(), static_cast<int>(value.size()), -1, 0);
  // The copy that the name now holds has lost a BIT STRING's trailing zero bits.
  ASN1_STRING* held =
      X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, X509_NAME_entry_count(name) - 1));
  ASN1_STRING_set(held, value.data(), static_cast<int>(value.size()));
  held->flags |= ASN1_STRING_FLAG_BITS_LEFT;
}

inline void AddExtension(X509* certificate, int nid, const char* value) {
  const Handle<X509_EXTENSION, X509_EXTENSION_free> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, nid, value));
  ASSERT_TRUE(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

// An XML signing certificate (OU 87) as duis-6.21.md 4.2 describes it, signed by its own key:
// nobody looks at the path here. `curve` and `usage` are for signers that must be refused.
inline TestSigner MakeSigner(std::uint64_t eui64, const char* usage = "critical,digitalSignature",
                             const char* curve = "P-256") {
  TestSigner signer{KeyHandle(EVP_EC_gen(curve)), nullptr, "CN=Z1,OU=07", "27572613927499351639"};
  const Handle<X509, X509_free> certificate(X509_new());
  X509* x = certificate.get();
  X509_set_version(x, X509_VERSION_3);
  const Handle<BIGNUM, BN_free> number([&] {
    BIGNUM* made = nullptr;
    BN_dec2bn(&made, signer.serial.c_str());
    return made;
  }());
  BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(x));
  AddName(X509_get_issuer_name(x), NID_organizationalUnitName, MBSTRING_UTF8, AsBytes("07"));
  AddName(X509_get_issuer_name(x), NID_commonName, MBSTRING_UTF8, AsBytes("Z1"));
  AddName(X509_get_subject_name(x), NID_organizationalUnitName, MBSTRING_UTF8, AsBytes("87"));
  AddName(X509_get_subject_name(x), NID_x500UniqueIdentifier, V_ASN1_BIT_STRING,
          Eui64(eui64).Octets());
  ASN1_TIME_set_string_X509(X509_getm_notBefore(x), "20200101000000Z");
  ASN1_TIME_set_string_X509(X509_getm_notAfter(x), "20400101000000Z");
  X509_set_pubkey(x, signer.key.get());
  AddExtension(x, NID_key_usage, usage);
  X509_sign(x, signer.key.get(), EVP_sha256());
  unsigned char* der = nullptr;
  const int size = i2d_X509(x, &der);
  const Handle<unsigned char, [](unsigned char* p) { OPENSSL_free(p); }> owned(der);
  auto parsed = smki::Certificate::Parse({der, static_cast<std::size_t>(size)});
  EXPECT_TRUE(parsed) << parsed.error().explanation;
  if (parsed) signer.certificate = *parsed;
  return signer;
}

// The User of the test requests.
inline const TestSigner& Supplier() {
  static const TestSigner kSupplier = MakeSigner(0x90B3D51F30010000);
  return kSupplier;
}

inline Result<duis::VerifiedRequest> ParseAndVerify(std::string_view xml,
                                                    smki::CertificatePtr signer) {
  auto parsed = duis::Parse(AsBytes(xml));
  if (!parsed) return parsed.error();
  return duis::VerifySignature(*std::move(parsed), std::move(signer));
}

// `result` is refused for `reason`, and says why in words a requester can act on.
template <class T>
void ExpectRefused(const Result<T>& result, Reason reason, std::string_view says) {
  ASSERT_FALSE(result.has_value()) << "accepted";
  EXPECT_EQ(Describe(result.error().reason).name, Describe(reason).name)
      << result.error().explanation << " [" << result.error().detail << "]";
  EXPECT_NE(result.error().explanation.find(says), std::string::npos)
      << "'" << result.error().explanation << "' does not say '" << says << "'";
  EXPECT_FALSE(result.error().explanation.empty());
  for (const char c : result.error().explanation + result.error().detail) {
    EXPECT_TRUE(c >= 0x20 && c <= 0x7E) << "octet " << static_cast<int>(c);
  }
}

}  // namespace acb::testing
