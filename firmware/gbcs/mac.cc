#include "firmware/gbcs/mac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>

#include "firmware/base/handle.h"
#include "firmware/base/p256.h"
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
  const auto key = VerifyingKey::From(signer);
  return key && key->VerifyRaw(message, signature);
}

}  // namespace acb::gbcs
