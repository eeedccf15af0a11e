// What a box remembers of a backup that it made: a digest of each page of its copy, by which the
// next one finds the pages that have changed since (issue 6, incremental backup).
//
//   <directory>/<SHA-256 of the backup's file, lower-case hex>
//   file   = digest of page 0, digest of page 1, ...                         16 octets each
//            footer
//   footer = "ACB pages", 00, 00, 01 (its format)                            12
//            SHA-256 of the backup's file                                    32
//            size of the tree that the backup promises                          8
//            SHA-256 of all octets before it                                 32
//
// A digest is the first half of a page's SHA-256. It chooses what is carried and proves nothing:
// what a restore puts together is compared whole with the SHA-256 in the signed manifest. A lost or
// damaged file costs a full backup.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "firmware/base/descriptor.h"
#include "firmware/base/result.h"
#include "firmware/base/sha256_stream.h"

namespace acb::platform {

// LMDB's pages are this large or a multiple of it.
inline constexpr std::size_t kBackupPage = 4096;
// The newest ones stay: 96 MB each for 100 million devices.
inline constexpr std::size_t kKeptPageIndexes = 8;

using PageDigest = std::array<std::uint8_t, 16>;
PageDigest DigestOf(BytesView page);

// Constant memory. One thread. Each call fails with kStoreUnavailable: an operating system error.
class PageIndexWriter {
 public:
  // Makes the directory if it is not there. Without Keep nothing is left of the file.
  static Result<PageIndexWriter> Begin(std::filesystem::path directory);
  Status Append(const PageDigest& digest);
  // On the disk, under its name, when this returns; the oldest beyond kKeptPageIndexes are gone.
  Status Keep(const Sha256Digest& backup, std::uint64_t tree_size);

 private:
  PageIndexWriter(std::filesystem::path directory, Descriptor file)
      : directory_(std::move(directory)), file_(std::move(file)) {}
  Status Write();

  std::filesystem::path directory_;
  Descriptor file_;
  Bytes pending_;
  Sha256Stream sha256_;
};

// Constant memory. One thread.
class PageIndexReader {
 public:
  // Reads it once to see that it is whole. kNotFound: there is none of that backup, or it is
  // damaged; the explanation says what to do.
  static Result<PageIndexReader> Open(const std::filesystem::path& directory,
                                      const Sha256Digest& backup);
  std::uint64_t tree_size() const { return tree_size_; }
  // The next page's; nothing behind the last one. kStoreUnavailable: it cannot be read.
  Result<std::optional<PageDigest>> Next();

 private:
  PageIndexReader(Descriptor file, std::uint64_t pages) : file_(std::move(file)), left_(pages) {}
  Status CheckWhole(const Sha256Digest& backup);
  Status Fill();

  Descriptor file_;
  std::uint64_t left_;  // digests not yet in buffer_
  std::uint64_t offset_ = 0;
  Bytes buffer_;
  std::size_t position_ = 0;
  std::uint64_t tree_size_ = 0;
};

}  // namespace acb::platform
