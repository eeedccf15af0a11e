#include "firmware/gbcs/mac.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <cstdlib>

#include "firmware/base/handle.h"
#include "firmware/base/sha256.h"

namespace acb::gbcs {
namespace {

// AES-GCM-128 as GBCS names it in OtherInfo (section 5.2).
constexpr std::array<std::uint8_t, 7> kAlgorithmId = {0x60, 0x85, 0x74, 0x06, 0x08, 0x03, 0x00};
constexpr std::uint8_t kTransactionIdOctets = 9;  // CRA Flag and counter
constexpr std::array<std::uint8_t, 4> kFirstRound = {0, 0, 0, 1};
// Security control byte, then five empty octet strings of the general-ciphering header.
constexpr std::array<std::uint8_t, 6> kAadPrefix = {0x11, 0, 0, 0, 0, 0};
constexpr std::uint8_t kSignatureOctets = 64;
constexpr std::size_t kScalarOctets = 32;
constexpr std::uint8_t kUncompressed = 0x04;

// The order n of P-256 (FIPS 186-4 D.1.2.3), big-endian.
constexpr std::array<std::uint8_t, kScalarOctets> kOrder = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};

using Key = Handle<EVP_PKEY, EVP_PKEY_free>;
using KeyContext = Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using DigestContext = Handle<EVP_MD_CTX, EVP_MD_CTX_free>;
using CipherContext = Handle<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;

void Require(bool condition) {
  if (!condition) std::abort();
}

template <std::size_t N>
std::array<std::uint8_t, N> ToArray(const Bytes& bytes) {
  Require(bytes.size() == N);
  std::array<std::uint8_t, N> array;
  std::ranges::copy(bytes, array.begin());
  return array;
}

// 1 .. n-1. Public values: comparing in variable time gives nothing away.
bool IsScalar(BytesView value) {
  const bool zero = std::ranges::all_of(value, [](std::uint8_t octet) { return octet == 0; });
  return !zero && std::ranges::lexicographical_compare(value, kOrder);
}

// One INTEGER of an Ecdsa-Sig-Value: at most 33 octets of content, so every length has one octet.
void AppendScalar(BytesView value, Bytes& out) {
  while (value.size() > 1 && value[0] == 0) value = value.subspan(1);
  const bool sign = value[0] >= 0x80;
  out.push_back(0x02);
  out.push_back(static_cast<std::uint8_t>(value.size() + (sign ? 1 : 0)));
  if (sign) out.push_back(0);
  out.insert(out.end(), value.begin(), value.end());
}

// What OpenSSL takes instead of r || s.
Bytes ToSigValue(BytesView r, BytesView s) {
  Bytes scalars;
  AppendScalar(r, scalars);
  AppendScalar(s, scalars);
  static_assert(2 * (2 + kScalarOctets + 1) < 0x80);  // the SEQUENCE's length has one octet, too
  Bytes value = {0x30, static_cast<std::uint8_t>(scalars.size())};
  value.insert(value.end(), scalars.begin(), scalars.end());
  return value;
}

// Nothing when the point is not on the curve: OpenSSL checks the curve equation as it reads the
// point, and P-256 has cofactor 1, so a point on it is in the group.
Key ToKey(const PublicPoint& point) {
  // OpenSSL also reads the hybrid form 06 / 07 || x || y, which no certificate of GBCS may use.
  if (point[0] != kUncompressed) return nullptr;
  char group[] = "prime256v1";
  PublicPoint copy = point;
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy.data(), copy.size()),
      OSSL_PARAM_construct_end()};
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  Require(context && EVP_PKEY_fromdata_init(context.get()) == 1);
  EVP_PKEY* key = nullptr;
  // EVP_PKEY_fromdata does not write to the parameters; it takes them as non-const.
  if (EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY,
                        const_cast<OSSL_PARAM*>(parameters)) != 1) {
    return nullptr;
  }
  return Key(key);
}

}  // namespace

OtherInfo MakeOtherInfo(Eui64 originator, CraFlag cra, std::uint64_t counter, Eui64 target) {
  return ToArray<kOtherInfoOctets>(ByteWriter()
                                       .Raw(kAlgorithmId)
                                       .U64(originator.value())
                                       .U8(kTransactionIdOctets)
                                       .U8(static_cast<std::uint8_t>(cra))
                                       .U64(counter)
                                       .U64(target.value())
                                       .bytes());
}

Secret DeriveMacKey(const Secret& z, BytesView other_info) {
  Require(z.size() == kEcdhSecretOctets);
  Sha256Digest digest = Sha256({kFirstRound, z.View(), other_info});
  Secret key(kMacKeyOctets);
  std::copy_n(digest.begin(), kMacKeyOctets, key.Writable().begin());
  OPENSSL_cleanse(digest.data(), digest.size());
  return key;
}

MacIv MakeMacIv(Eui64 originator) {
  return ToArray<sizeof(MacIv)>(ByteWriter().U64(originator.value()).U32(0).bytes());
}

Bytes MacAad(BytesView body) { return ByteWriter().Raw(kAadPrefix).Raw(body).bytes(); }

Bytes MacAad(const UnsignedCommand& command, const Signature& signature) {
  static_assert(std::tuple_size_v<Signature> == kSignatureOctets);
  return ByteWriter()
      .Raw(kAadPrefix)
      .Raw(command.octets())
      .U8(kSignatureOctets)
      .Raw(signature)
      .bytes();
}

Mac ComputeMac(const Secret& key, const MacIv& iv, BytesView aad) {
  Require(key.size() == kMacKeyOctets);
  const CipherContext context(EVP_CIPHER_CTX_new());
  int written = 0;
  // 12 octets of IV are the length that GCM has by default.
  bool ok = context && EVP_EncryptInit_ex(context.get(), EVP_aes_128_gcm(), nullptr,
                                          key.View().data(), iv.data()) == 1;
  ok = ok && EVP_EncryptUpdate(context.get(), nullptr, &written, aad.data(),
                               static_cast<int>(aad.size())) == 1;
  std::array<std::uint8_t, 16> none;  // without plaintext the last block is empty
  ok = ok && EVP_EncryptFinal_ex(context.get(), none.data(), &written) == 1;
  Mac mac;
  ok = ok && EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(mac.size()),
                                 mac.data()) == 1;
  Require(ok);
  return mac;
}

bool EqualMacs(const Mac& a, const Mac& b) {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool VerifySignature(BytesView message, const Signature& signature, const PublicPoint& signer) {
  const BytesView r = BytesView(signature).first(kScalarOctets);
  const BytesView s = BytesView(signature).last(kScalarOctets);
  if (!IsScalar(r) || !IsScalar(s)) return false;
  const Key key = ToKey(signer);
  if (!key) return false;
  const Bytes value = ToSigValue(r, s);
  const DigestContext context(EVP_MD_CTX_new());
  Require(context != nullptr);
  return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), value.data(), value.size(), message.data(),
                          message.size()) == 1;
}

}  // namespace acb::gbcs
