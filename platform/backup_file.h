// The encrypted file of a backup: what the box writes and only the holder of a private key, kept
// elsewhere, can read (R-SEC3-78).
//
//   file   = header, chunk 0, chunk 1, ... chunk n
//   header = "ACB backup", 00, 01 when it is full, 02 when it is incremental    12 octets
//            public point of a P-256 key made for this file, 04 || x || y       65
//            SHA-256 of the recipient's public point, which says whose it is    32
//   chunk  = length of the ciphertext, most significant octet first              4
//            ciphertext, 1 octet to 1 MiB                                   length
//            tag of AES-256-GCM                                                 16
//
// Chunks 0 to n-1 hold the content (backup_content.h), 1 MiB each but the last of them. Chunk n
// holds the manifest (backup_manifest.h). The key is HKDF-SHA256 (RFC 5869) of the ECDH secret of
// the file's key and the recipient's, without salt, info = "ACB backup 1" || file's point ||
// recipient's point. It seals one file only, so the nonce of a chunk need only tell it from the
// others of the file, as in STREAM (Hoang, Reyhanitabar, Rogaway, Vizar 2015): 3 octets 00, number
// of the chunk (8), 01 for the chunk that ends the file and 00 for every other. The header is the
// additional data of every chunk. So a chunk that is changed, moved, repeated, left out or put at
// the end of a shorter file does not open.
#pragma once

#include <openssl/evp.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

#include "firmware/base/descriptor.h"
#include "firmware/base/handle.h"
#include "firmware/base/p256.h"
#include "firmware/base/result.h"
#include "firmware/base/secret.h"
#include "firmware/base/sha256_stream.h"

namespace acb::platform {

inline constexpr std::size_t kBackupChunk = std::size_t{1} << 20;
inline constexpr std::size_t kBackupHeader = 12 + 65 + 32;

// A full backup is a copy of the store; an incremental one what has changed since another.
enum class BackupKind : std::uint8_t { kFull = 1, kIncremental = 2 };

using PrivateKey = Handle<EVP_PKEY, EVP_PKEY_free>;

// PEM: a P-256 public key, or a certificate of one. kConfiguration, naming the file.
Result<PublicPoint> ReadBackupPublicKey(const std::filesystem::path& file);
// PEM, without a password: a P-256 private key. kConfiguration, naming the file.
Result<PrivateKey> ReadBackupPrivateKey(const std::filesystem::path& file);
// Of a private key that ReadBackupPrivateKey gave.
Result<PublicPoint> PublicPointOf(EVP_PKEY& key);

// Seals and opens the chunks of one file, in order.
class BackupCipher {
 public:
  enum class Place : std::uint8_t { kBeforeTheEnd = 0, kEnd = 1 };

  BackupCipher(Bytes header, Secret key) : header_(std::move(header)), key_(std::move(key)) {}

  const Bytes& header() const { return header_; }
  // Length, ciphertext and tag. kConfiguration: OpenSSL failed.
  Result<Bytes> Seal(BytesView chunk, Place place);
  // What was sealed; kBackupDamaged. The number goes on only when it opened.
  Result<Bytes> Open(BytesView ciphertext, BytesView tag, Place place);
  std::uint64_t next() const { return next_; }

 private:
  Bytes header_;
  Secret key_;
  std::uint64_t next_ = 0;
};

// Where the octets of the file go.
using BackupSink = std::function<Status(BytesView)>;

// Constant memory: one chunk. One thread at a time. Fails with what the sink says, and with
// kConfiguration when OpenSSL does.
class BackupWriter {
 public:
  // Makes the file's key and writes the header.
  static Result<BackupWriter> Begin(BackupKind kind, const PublicPoint& recipient, BackupSink sink);

  // The next octets of the content.
  Status Append(BytesView octets);
  // The content has come to its end: the last chunk.
  Status Finish(BytesView manifest);

 private:
  BackupWriter(BackupCipher cipher, BackupSink sink)
      : cipher_(std::move(cipher)), sink_(std::move(sink)) {}
  Status Write(BytesView chunk, BackupCipher::Place place);

  BackupCipher cipher_;
  BackupSink sink_;
  Bytes pending_;
};

// Reads such a file once, from its beginning, in constant memory.
class BackupReader {
 public:
  // kConfiguration: it cannot be read. kBackupDamaged: it is no backup, or not for this key.
  static Result<BackupReader> Open(const std::filesystem::path& file, EVP_PKEY& key);

  BackupKind kind() const { return kind_; }
  std::uint64_t octets() const { return octets_; }  // of the whole file
  // Octets of the file read so far.
  using Progress = std::function<void(std::uint64_t)>;
  struct End {
    Bytes manifest;       // its chunk
    Sha256Digest sha256;  // of the file
  };
  // Gives the content to `sink`, piece by piece, each of which was checked. What the sink got is
  // worth nothing unless this succeeds: the manifest tells the whole. kBackupDamaged: an octet is
  // not as it was written, or one is missing.
  Result<End> Read(const BackupSink& sink, const Progress& progress);

 private:
  BackupReader(Descriptor file, BackupKind kind, std::uint64_t octets, BackupCipher cipher)
      : file_(std::move(file)), kind_(kind), octets_(octets), cipher_(std::move(cipher)) {}

  Descriptor file_;
  BackupKind kind_;
  std::uint64_t octets_;
  BackupCipher cipher_;
};

}  // namespace acb::platform
