// Where the copy of a store becomes a store (R-SEC3-78). For acbctl restore; the service never does
// it.
#pragma once

#include <filesystem>

#include "firmware/base/descriptor.h"
#include "store/store.h"

namespace acb::store {

// A copy on its way. It is put together in a directory inside the store's, so that the last step
// is one rename. A lock on the store's directory claims it: of two at once one wins, and what a
// killed one left is taken away by the next. Unless it is put in place, all of it is gone when this
// is destroyed. One thread.
//
// Each call fails with kStoreUnavailable: an operating system error.
class Restoration {
 public:
  // `directory` must not exist, be empty or hold what a killed restoration left: also
  // kStoreUnavailable. Never over a store.
  static Result<Restoration> Begin(const std::filesystem::path& directory);
  ~Restoration();
  Restoration(Restoration&& other) noexcept;
  Restoration& operator=(Restoration&&) = delete;
  Restoration(const Restoration&) = delete;
  Restoration& operator=(const Restoration&) = delete;

  // The next octets of data.mdb.
  Status Append(BytesView octets);
  // Octets in place of those at `offset`, or behind the end (issue 6, incremental backup).
  Status Put(std::uint64_t offset, BytesView octets);
  // Makes data.mdb `octets` long and gives the SHA-256 of the whole: reads all of it.
  Result<Sha256Digest> Whole(std::uint64_t octets);
  // All have come, and are on the disk when this returns.
  Status EndCopy();
  // Where Store::Open finds it then. Close it before PutInPlace.
  const std::filesystem::path& staging() const { return staging_; }
  // On the disk, under its name, when this returns. If power fails before: a directory that
  // Store::Open refuses for having no data file.
  Status PutInPlace();
  const std::filesystem::path& directory() const { return directory_; }
  // The store is in place, and goes again.
  void TakeAway();

 private:
  Restoration(std::filesystem::path directory, bool made);

  Status Claim();
  Status CheckFree() const;

  std::filesystem::path directory_;
  std::filesystem::path staging_;
  bool made_directory_ = false;
  bool ours_ = false;  // what is in the directory goes with this
  Descriptor claim_;   // the directory, locked
  Descriptor file_;
};

}  // namespace acb::store
