// What the chunks of a backup hold before its manifest: the copy of the store's data file, or the
// pages of it that an earlier backup's copy has not (issue 6, incremental backup).
//
// An incremental backup's content is a row of runs of pages that follow one another in the copy:
//
//   run = number of its first page, most significant octet first      8 octets
//         how many pages it has, 1 to 256                             4
//         the pages                                                   4096 each
//
// Runs ascend and do not overlap. A page behind the end of the earlier copy is always carried.
#pragma once

#include <functional>

#include "platform/page_index.h"

namespace acb::platform {

inline constexpr std::size_t kRunHeader = 8 + 4;
inline constexpr std::size_t kMaxRunPages = 256;
// LMDB's map cannot be larger: 16 TiB.
inline constexpr std::uint64_t kMaxBackupPages = (std::uint64_t{1} << 44) / kBackupPage;

using ContentSink = std::function<Status(BytesView)>;

// Takes a copy as it is made. Constant memory. One thread. Fails with what the sink or the indexes
// say.
class ContentWriter {
 public:
  // With `since` only the pages that are not as they were then go to the sink. The references must
  // outlive it.
  ContentWriter(PageIndexReader* since, PageIndexWriter& index, ContentSink sink)
      : since_(since), index_(index), sink_(std::move(sink)) {}

  // The next octets of the copy.
  Status Append(BytesView octets);
  struct Copy {
    std::uint64_t octets;  // of the whole copy, carried or not
    Sha256Digest sha256;
    std::uint64_t carried;  // pages
  };
  // kStoreUnavailable: the copy does not end with a page.
  Result<Copy> End();

 private:
  Status TakePage(BytesView page);
  Status PutOutRun();

  PageIndexReader* since_;
  PageIndexWriter& index_;
  ContentSink sink_;
  Sha256Stream sha256_;
  Bytes page_;  // one that has come in part
  std::uint64_t pages_ = 0;
  std::uint64_t carried_ = 0;
  std::uint64_t run_first_ = 0;
  Bytes run_;
};

// Reads the runs of an incremental backup.
class RunReader {
 public:
  // Where octets belong in the copy.
  using Put = std::function<Status(std::uint64_t offset, BytesView)>;
  explicit RunReader(Put put) : put_(std::move(put)) {}

  // The next octets of the content. kBackupDamaged: no such runs.
  Status Append(BytesView octets);
  // kBackupDamaged: it ended within a run.
  Status End() const;

 private:
  Status BeginRun();

  Put put_;
  Bytes header_;
  std::uint64_t offset_ = 0;     // in the copy
  std::uint64_t left_ = 0;       // octets of the run
  std::uint64_t next_page_ = 0;  // the first that a run may begin with
};

}  // namespace acb::platform
