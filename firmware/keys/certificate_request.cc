#include "firmware/keys/certificate_request.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <utility>

#include "firmware/base/handle.h"
#include "firmware/base/spki.h"
#include "firmware/base/utf8.h"

namespace acb::keys {
namespace {

using Request = Handle<X509_REQ, X509_REQ_free>;
using PublicKey = Handle<EVP_PKEY, EVP_PKEY_free>;
using Algorithm = Handle<X509_ALGOR, X509_ALGOR_free>;
using BitString = Handle<ASN1_BIT_STRING, ASN1_BIT_STRING_free>;
using EcdsaSignature = Handle<ECDSA_SIG, ECDSA_SIG_free>;
using Extension = Handle<X509_EXTENSION, X509_EXTENSION_free>;
using Number = Handle<BIGNUM, BN_free>;

constexpr std::size_t kScalar = 32;
constexpr long kUnusedBits = 0x07;  // of ASN1_STRING's flags, beside ASN1_STRING_FLAG_BITS_LEFT
constexpr std::size_t kMaxCommonName = 64;  // X.520 ub-common-name
constexpr const char* kAcbRole = "04";      // subject OU: RemotePartyRole in two hex digits

Failure Wrong(std::string what) { return Failure(Reason::kConfiguration, std::move(what)); }

PublicKey KeyOf(const PublicPoint& point) {
  const Bytes spki = SpkiOfP256(point);
  const unsigned char* at = spki.data();
  return PublicKey(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
}

bool SetSubject(X509_REQ& request, const RequestSubject& subject) {
  X509_NAME* name = X509_REQ_get_subject_name(&request);
  const auto text = [&](int nid, const std::string& value) {
    return X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(value.data()),
                                      static_cast<int>(value.size()), -1, 0) == 1;
  };
  if (!subject.common_name.empty() && !text(NID_commonName, subject.common_name)) return false;
  if (!text(NID_organizationalUnitName, kAcbRole)) return false;
  const Bytes eui = ByteWriter().U64(subject.eui64.value()).bytes();
  if (X509_NAME_add_entry_by_NID(name, NID_x500UniqueIdentifier, V_ASN1_BIT_STRING, eui.data(),
                                 static_cast<int>(eui.size()), -1, 0) != 1) {
    return false;
  }
  // All 64 bits: what adds an entry copies it, and leaves out trailing zero bits.
  ASN1_STRING* value =
      X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, X509_NAME_entry_count(name) - 1));
  if (ASN1_STRING_set(value, eui.data(), static_cast<int>(eui.size())) != 1) return false;
  value->flags &= ~kUnusedBits;
  value->flags |= ASN1_STRING_FLAG_BITS_LEFT;
  return true;
}

bool AskForUsage(X509_REQ& request, KeyUsage usage) {
  const char* value =
      usage == KeyUsage::kKeyAgreement ? "critical,keyAgreement" : "critical,digitalSignature";
  const Extension extension(X509V3_EXT_nconf_nid(nullptr, nullptr, NID_key_usage, value));
  STACK_OF(X509_EXTENSION)* list = sk_X509_EXTENSION_new_null();
  const bool added = extension && list != nullptr &&
                     sk_X509_EXTENSION_push(list, extension.get()) > 0 &&
                     X509_REQ_add_extensions(&request, list) == 1;
  sk_X509_EXTENSION_free(list);  // the list, not what is in it
  return added;
}

// r || s as a certificate has it: SEQUENCE of two INTEGERs (RFC 3279 section 2.2.3).
Bytes ToDer(BytesView raw) {
  EcdsaSignature signature(ECDSA_SIG_new());
  Number r(BN_bin2bn(raw.data(), kScalar, nullptr));
  Number s(BN_bin2bn(raw.data() + kScalar, kScalar, nullptr));
  if (!signature || !r || !s || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) return {};
  (void)r.release();
  (void)s.release();
  unsigned char* octets = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &octets);
  Bytes der(octets, octets + std::max(size, 0));
  OPENSSL_free(octets);
  return der;
}

bool SetSignature(X509_REQ& request, BytesView raw) {
  const Bytes der = ToDer(raw);
  BitString bits(ASN1_BIT_STRING_new());
  if (der.empty() || !bits ||
      ASN1_STRING_set(bits.get(), der.data(), static_cast<int>(der.size())) != 1) {
    return false;
  }
  bits->flags |= ASN1_STRING_FLAG_BITS_LEFT;
  X509_REQ_set0_signature(&request, bits.release());
  return true;
}

Bytes ToBeSigned(X509_REQ& request) {
  unsigned char* octets = nullptr;
  const int size = i2d_re_X509_REQ_tbs(&request, &octets);
  Bytes tbs(octets, octets + std::max(size, 0));
  OPENSSL_free(octets);
  return tbs;
}

Result<Request> Unsigned(const RequestSubject& subject, KeyUsage usage, const PublicPoint& key) {
  Request request(X509_REQ_new());
  const PublicKey subject_key = KeyOf(key);
  const Algorithm algorithm(X509_ALGOR_new());
  const bool made =
      request && subject_key && algorithm && X509_REQ_set_version(request.get(), 0) == 1 &&
      SetSubject(*request, subject) && X509_REQ_set_pubkey(request.get(), subject_key.get()) == 1 &&
      AskForUsage(*request, usage) &&
      X509_ALGOR_set0(algorithm.get(), OBJ_nid2obj(NID_ecdsa_with_SHA256), V_ASN1_UNDEF, nullptr) ==
          1 &&
      X509_REQ_set1_signature_algo(request.get(), algorithm.get()) == 1;
  if (!made) return Wrong("a certificate request cannot be made of this name and key");
  return request;
}

}  // namespace

Result<Bytes> BuildCertificateRequest(const RequestSubject& subject, KeyUsage usage,
                                      const PublicPoint& key, const SignRequest& sign) {
  if (subject.common_name.size() > kMaxCommonName) {
    return Wrong("a common name has 64 octets at most");
  }
  if (HasControl(subject.common_name)) return Wrong("a common name has no control characters");
  auto request = Unsigned(subject, usage, key);
  if (!request) return std::move(request).error();
  const Bytes tbs = ToBeSigned(**request);
  const auto signature = sign(tbs);
  if (!signature) return signature.error();
  if (signature->size() != 2 * kScalar || !SetSignature(**request, *signature)) {
    return Failure(Reason::kHsmUnavailable, {}, "a signature of another form");
  }
  unsigned char* octets = nullptr;
  const int size = i2d_X509_REQ(request->get(), &octets);
  Bytes der(octets, octets + std::max(size, 0));
  OPENSSL_free(octets);
  if (Status own = VerifyCertificateRequest(der, key); !own) {
    return Failure(Reason::kHsmUnavailable, {}, "the request: " + own.error().explanation);
  }
  return der;
}

Status VerifyCertificateRequest(BytesView der, const PublicPoint& key) {
  const unsigned char* at = der.data();
  const Request request(d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size())));
  if (!request || at != der.data() + der.size()) {
    return Failure(Reason::kMalformed, "it is no PKCS#10 certificate request");
  }
  const PublicKey expected = KeyOf(key);
  EVP_PKEY* named = X509_REQ_get0_pubkey(request.get());
  if (!expected || named == nullptr || EVP_PKEY_eq(named, expected.get()) != 1) {
    return Failure(Reason::kSignatureInvalid, "it is of another key");
  }
  if (X509_REQ_verify(request.get(), expected.get()) != 1) {
    return Failure(Reason::kSignatureInvalid, "its signature is not its key's");
  }
  return Done{};
}

}  // namespace acb::keys
