#include "platform/backup_file.h"

#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace acb::platform {
namespace {

constexpr std::uint8_t kMagic[] = {'A', 'C', 'B', ' ', 'b', 'a', 'c', 'k', 'u', 'p', 0x00};
constexpr std::string_view kKeyInfo = "ACB backup 1";
constexpr std::size_t kKeyOctets = 32;
constexpr std::size_t kNonceOctets = 3 + 8 + 1;
constexpr std::size_t kTagOctets = 16;
constexpr std::size_t kLengthOctets = 4;
static_assert(kBackupHeader ==
              sizeof kMagic + sizeof(BackupKind) + sizeof(PublicPoint) + sizeof(Sha256Digest));

using CipherContext = Handle<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;
using File = Handle<BIO, BIO_free_all>;

Failure CryptoFailed(std::string_view what) {
  return Failure(Reason::kConfiguration, "OpenSSL failed: " + std::string(what));
}
Failure Damaged(std::string what) { return Failure(Reason::kBackupDamaged, std::move(what)); }
Failure CannotRead(const std::filesystem::path& file, std::string_view why) {
  return Failure(Reason::kConfiguration, "cannot read " + file.string() + ": " + std::string(why));
}
Failure NoKey(const std::filesystem::path& file, std::string_view what) {
  return Failure(Reason::kConfiguration, file.string() + " holds no " + std::string(what));
}

Result<Secret> DeriveKey(const Secret& shared, const PublicPoint& ours,
                         const PublicPoint& recipients) {
  ByteWriter info;
  info.Raw(AsBytes(kKeyInfo)).Raw(ours).Raw(recipients);
  Bytes info_octets = std::move(info).bytes();
  const Handle<EVP_KDF, EVP_KDF_free> kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
  const Handle<EVP_KDF_CTX, EVP_KDF_CTX_free> context(EVP_KDF_CTX_new(kdf.get()));
  if (!context) return CryptoFailed("HKDF");
  char digest[] = "SHA256";
  // OpenSSL takes pointers to what it only reads.
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_octet_string(
          OSSL_KDF_PARAM_KEY, const_cast<std::uint8_t*>(shared.View().data()), shared.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info_octets.data(),
                                        info_octets.size()),
      OSSL_PARAM_construct_end()};
  Secret key(kKeyOctets);
  if (EVP_KDF_derive(context.get(), key.Writable().data(), key.size(), parameters) != 1) {
    return CryptoFailed("HKDF");
  }
  return key;
}

std::array<std::uint8_t, kNonceOctets> NonceOf(std::uint64_t number, BackupCipher::Place place) {
  ByteWriter nonce;
  nonce.U8(0).U8(0).U8(0).U64(number).U8(static_cast<std::uint8_t>(place));
  std::array<std::uint8_t, kNonceOctets> octets{};
  std::ranges::copy(nonce.bytes(), octets.begin());
  return octets;
}

Bytes HeaderOf(BackupKind kind, const PublicPoint& ours, const PublicPoint& recipients) {
  ByteWriter header;
  header.Raw(kMagic).U8(static_cast<std::uint8_t>(kind)).Raw(ours).Raw(Sha256(recipients));
  return std::move(header).bytes();
}

// Fills `into`, or says that the file ended before.
Status ReadFull(const Descriptor& file, std::span<std::uint8_t> into) {
  std::size_t filled = 0;
  while (filled < into.size()) {
    const ssize_t got = ::read(file.get(), into.data() + filled, into.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return Failure(Reason::kConfiguration,
                     std::string("cannot read the backup: ") + std::strerror(errno));
    }
    if (got == 0) return Damaged("the backup ends in the middle");
    filled += static_cast<std::size_t>(got);
  }
  return Done{};
}

struct Header {
  BackupKind kind{};
  PublicPoint point{};
};

// Whose file it is, and that it is one.
Result<Header> ReadHeader(BytesView octets, const PublicPoint& recipients) {
  ByteReader in(octets);
  const bool ours = Equal(in.Raw(sizeof kMagic), kMagic);
  Header header{.kind = BackupKind{in.U8()}};
  if (!ours || (header.kind != BackupKind::kFull && header.kind != BackupKind::kIncremental)) {
    return Damaged("the file does not begin as a backup of this appliance does");
  }
  std::ranges::copy(in.Raw(header.point.size()), header.point.begin());
  if (!IsOnP256(header.point)) return Damaged("the header of the backup names no key");
  if (!Equal(in.rest(), Sha256(recipients))) {
    return Damaged("the backup is for another key: its header says " + ToHex(in.rest()) +
                   ", the key given has " + ToHex(Sha256(recipients)));
  }
  return header;
}

}  // namespace

Result<PublicPoint> PublicPointOf(EVP_PKEY& key) {
  PublicPoint point;
  std::size_t size = 0;
  char group[32] = {};
  if (EVP_PKEY_get_group_name(&key, group, sizeof group, &size) != 1 ||
      std::string_view(group) != SN_X9_62_prime256v1) {
    return Failure(Reason::kConfiguration, "the key is not one of P-256");
  }
  if (EVP_PKEY_get_octet_string_param(&key, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(),
                                      &size) != 1 ||
      size != point.size() || !IsOnP256(point)) {
    return Failure(Reason::kConfiguration, "the key is not one of P-256, uncompressed");
  }
  return point;
}

Result<PublicPoint> ReadBackupPublicKey(const std::filesystem::path& file) {
  const File in(BIO_new_file(file.c_str(), "r"));
  if (!in) return CannotRead(file, std::strerror(errno));
  PrivateKey key(PEM_read_bio_PUBKEY(in.get(), nullptr, nullptr, nullptr));
  if (!key && BIO_reset(in.get()) == 0) {
    const Handle<X509, X509_free> certificate(
        PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
    if (certificate) key.reset(X509_get_pubkey(certificate.get()));
  }
  if (!key) return NoKey(file, "public key or certificate in PEM");
  auto point = PublicPointOf(*key);
  if (!point) return NoKey(file, "P-256 key");
  return point;
}

Result<PrivateKey> ReadBackupPrivateKey(const std::filesystem::path& file) {
  const File in(BIO_new_file(file.c_str(), "r"));
  if (!in) return CannotRead(file, std::strerror(errno));
  // Never asks for a password on the terminal.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  PrivateKey key(PEM_read_bio_PrivateKey(in.get(), nullptr, no_password, nullptr));
  if (!key) return NoKey(file, "private key in PEM without a password");
  if (!PublicPointOf(*key)) return NoKey(file, "P-256 key");
  return key;
}

Result<Bytes> BackupCipher::Seal(BytesView chunk, Place place) {
  const auto nonce = NonceOf(next_++, place);
  const CipherContext context(EVP_CIPHER_CTX_new());
  Bytes sealed(kLengthOctets + chunk.size() + kTagOctets);
  const auto length = static_cast<std::uint32_t>(chunk.size());
  ByteWriter prefix;
  std::ranges::copy(prefix.U32(length).bytes(), sealed.begin());
  std::uint8_t* const ciphertext = sealed.data() + kLengthOctets;
  int size = 0;
  int rest = 0;
  const bool done = context &&
                    EVP_EncryptInit_ex2(context.get(), EVP_aes_256_gcm(), key_.View().data(),
                                        nonce.data(), nullptr) == 1 &&
                    EVP_EncryptUpdate(context.get(), nullptr, &size, header_.data(),
                                      static_cast<int>(header_.size())) == 1 &&
                    EVP_EncryptUpdate(context.get(), ciphertext, &size, chunk.data(),
                                      static_cast<int>(length)) == 1 &&
                    EVP_EncryptFinal_ex(context.get(), ciphertext + size, &rest) == 1 &&
                    EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagOctets,
                                        ciphertext + length) == 1;
  if (!done) return CryptoFailed("AES-256-GCM");
  return sealed;
}

Result<Bytes> BackupCipher::Open(BytesView ciphertext, BytesView tag, Place place) {
  const auto nonce = NonceOf(next_, place);
  const CipherContext context(EVP_CIPHER_CTX_new());
  Bytes opened(ciphertext.size());
  int size = 0;
  int rest = 0;
  const bool good =
      context &&
      EVP_DecryptInit_ex2(context.get(), EVP_aes_256_gcm(), key_.View().data(), nonce.data(),
                          nullptr) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &size, header_.data(),
                        static_cast<int>(header_.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), opened.data(), &size, ciphertext.data(),
                        static_cast<int>(ciphertext.size())) == 1 &&
      // It only reads the tag.
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(tag.size()),
                          const_cast<std::uint8_t*>(tag.data())) == 1 &&
      EVP_DecryptFinal_ex(context.get(), opened.data() + size, &rest) == 1;
  if (!good) {
    return Damaged("chunk " + std::to_string(next_) +
                   " of the backup is not as it was written, or not the last one");
  }
  ++next_;
  return opened;
}

Result<BackupWriter> BackupWriter::Begin(BackupKind kind, const PublicPoint& recipient,
                                         BackupSink sink) {
  const PrivateKey own(EVP_EC_gen(SN_X9_62_prime256v1));
  if (!own) return CryptoFailed("a P-256 key");
  const auto point = PublicPointOf(*own);
  if (!point) return point.error();
  const auto shared = AgreeP256(*own, recipient);
  if (!shared) return CryptoFailed("ECDH with the backup key");
  auto key = DeriveKey(*shared, *point, recipient);
  if (!key) return std::move(key).error();
  BackupWriter writer(BackupCipher(HeaderOf(kind, *point, recipient), *std::move(key)),
                      std::move(sink));
  writer.pending_.reserve(kBackupChunk);
  if (Status written = writer.sink_(writer.cipher_.header()); !written) {
    return std::move(written).error();
  }
  return writer;
}

Status BackupWriter::Append(BytesView octets) {
  while (!octets.empty()) {
    const std::size_t fits = std::min(octets.size(), kBackupChunk - pending_.size());
    const BytesView piece = octets.first(fits);
    pending_.insert(pending_.end(), piece.begin(), piece.end());
    octets = octets.subspan(fits);
    if (pending_.size() < kBackupChunk) continue;
    if (Status written = Write(pending_, BackupCipher::Place::kBeforeTheEnd); !written) {
      return written;
    }
    pending_.clear();
  }
  return Done{};
}

Status BackupWriter::Finish(BytesView manifest) {
  if (!pending_.empty()) {
    Status written = Write(pending_, BackupCipher::Place::kBeforeTheEnd);
    if (!written) return written;
    pending_.clear();
  }
  return Write(manifest, BackupCipher::Place::kEnd);
}

Status BackupWriter::Write(BytesView chunk, BackupCipher::Place place) {
  const auto sealed = cipher_.Seal(chunk, place);
  if (!sealed) return sealed.error();
  return sink_(*sealed);
}

Result<BackupReader> BackupReader::Open(const std::filesystem::path& path, EVP_PKEY& key) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return CannotRead(path, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return CannotRead(path, "not a file");
  const auto recipients = PublicPointOf(key);
  if (!recipients) return recipients.error();
  Bytes octets(kBackupHeader);
  if (Status read = ReadFull(file, octets); !read) return std::move(read).error();
  const auto header = ReadHeader(octets, *recipients);
  if (!header) return header.error();
  const auto shared = AgreeP256(key, header->point);
  if (!shared) return CryptoFailed("ECDH with the backup's key");
  auto derived = DeriveKey(*shared, header->point, *recipients);
  if (!derived) return std::move(derived).error();
  return BackupReader(std::move(file), header->kind, static_cast<std::uint64_t>(status.st_size),
                      BackupCipher(std::move(octets), *std::move(derived)));
}

Result<BackupReader::End> BackupReader::Read(const BackupSink& sink, const Progress& progress) {
  std::uint64_t position = kBackupHeader;
  Sha256Stream sha256;
  sha256.Update(cipher_.header());
  Bytes chunk;
  while (true) {  // ends with the file
    std::array<std::uint8_t, kLengthOctets> length_octets{};
    if (Status read = ReadFull(file_, length_octets); !read) return std::move(read).error();
    const std::uint32_t length = ByteReader(length_octets).U32();
    if (length == 0 || length > kBackupChunk) {
      return Damaged("chunk " + std::to_string(cipher_.next()) + " of the backup has no length");
    }
    chunk.resize(length + kTagOctets);
    if (Status read = ReadFull(file_, chunk); !read) return std::move(read).error();
    sha256.Update(length_octets);
    sha256.Update(chunk);
    position += kLengthOctets + chunk.size();
    const auto place =
        position == octets_ ? BackupCipher::Place::kEnd : BackupCipher::Place::kBeforeTheEnd;
    const BytesView octets(chunk);
    auto opened = cipher_.Open(octets.first(length), octets.subspan(length), place);
    if (!opened) return std::move(opened).error();
    if (progress) progress(position);
    if (place == BackupCipher::Place::kEnd) return End{*std::move(opened), sha256.Finish()};
    if (Status taken = sink(*opened); !taken) return std::move(taken).error();
  }
}

}  // namespace acb::platform
