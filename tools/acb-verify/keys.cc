#include "tools/acb-verify/keys.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <fstream>
#include <iterator>

#include "firmware/base/handle.h"
#include "firmware/base/p256.h"
#include "firmware/base/sha256.h"

namespace acb::verify {
namespace {

using PublicKey = Handle<EVP_PKEY, EVP_PKEY_free>;
using Memory = Handle<BIO, BIO_free_all>;
constexpr std::uint64_t kMaxKeyFile = 64 * 1024;
constexpr std::size_t kEd25519Octets = 32;

}  // namespace

Result<audit::NoteKey> KeyFromSpki(std::string_view name, BytesView spki) {
  const auto* next = spki.data();
  const PublicKey key(d2i_PUBKEY(nullptr, &next, static_cast<long>(spki.size())));
  if (!key || next != spki.data() + spki.size()) {
    return Failure(Reason::kMalformed, "it is no public key");
  }
  audit::NoteKey made{
      .name = std::string(name), .type = audit::NoteKey::Type::kP256, .octets = ToBytes(spki)};
  if (EVP_PKEY_id(key.get()) == EVP_PKEY_ED25519) {
    made.type = audit::NoteKey::Type::kEd25519;
    made.octets.assign(kEd25519Octets, 0);
    std::size_t size = made.octets.size();
    if (EVP_PKEY_get_raw_public_key(key.get(), made.octets.data(), &size) != 1) {
      return Failure(Reason::kMalformed, "it is no Ed25519 key");
    }
  }
  // Its own writer and reader: another curve, a point that is not on it, a name that is none.
  const auto same = audit::ParseKey(audit::FormatKey(made));
  if (!same || *same != made) {
    return Failure(Reason::kMalformed, "it is neither an Ed25519 nor a P-256 key, or '" +
                                           std::string(name) + "' is no name of a key");
  }
  return made;
}

Result<std::string> ReadFile(const std::filesystem::path& path, std::uint64_t limit) {
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(path, error);
  std::ifstream in(path, std::ios::binary);
  if (error || !in) return Failure(Reason::kConfiguration, "cannot read " + path.string());
  if (size > limit) {
    return Failure(Reason::kConfiguration,
                   path.string() + " is larger than " + std::to_string(limit) + " octets");
  }
  return std::string(std::istreambuf_iterator<char>(in), {});
}

Result<Bytes> ReadSpki(const std::filesystem::path& pem) {
  const auto text = ReadFile(pem, kMaxKeyFile);
  if (!text) return text.error();
  const Memory memory(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  const PublicKey key(memory ? PEM_read_bio_PUBKEY(memory.get(), nullptr, nullptr, nullptr)
                             : nullptr);
  if (!key) {
    return Failure(Reason::kConfiguration,
                   pem.string() + " is no public key in PEM (-----BEGIN PUBLIC KEY-----)");
  }
  std::uint8_t* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  if (size <= 0) return Failure(Reason::kConfiguration, pem.string() + " cannot be encoded");
  Bytes spki(der, der + size);
  OPENSSL_free(der);
  return spki;
}

std::string Fingerprint(BytesView spki) { return ToHex(Sha256(spki)); }

}  // namespace acb::verify
