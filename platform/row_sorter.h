// Rows in order of a key, however many: sorted pieces in a file, merged when they are read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/descriptor.h"
#include "firmware/base/result.h"

namespace acb::platform {

// Octets of one row, at most.
inline constexpr std::size_t kMaxSortedRow = 4096;
// What is sorted in memory at one time, by each sorter.
inline constexpr std::size_t kRunOctets = std::size_t{32} << 20;

// Key, then line: rows of one key come in the order of the file they are from.
struct SortKey {
  std::uint64_t id = 0;
  std::uint64_t line = 0;
  friend auto operator<=>(const SortKey&, const SortKey&) = default;
};

// Takes rows in any order and writes them as sorted runs to a file that has no name: it is gone
// with its descriptor, whatever ends the process. One thread.
class RowSorter {
 public:
  // `run_octets` is another than kRunOctets in tests.
  explicit RowSorter(std::filesystem::path directory, std::size_t run_octets = kRunOctets);

  // kStoreUnavailable: the file cannot be made or written, as when the disk is full; or the row is
  // larger than kMaxSortedRow.
  Status Add(const SortKey& key, BytesView row);
  // After the last Add and before a RowMerger. Gives the memory back.
  Status Finish();

 private:
  friend class RowMerger;
  struct Entry {
    SortKey key;
    std::size_t offset;
  };
  struct Run {
    std::uint64_t begin;
    std::uint64_t end;
  };
  Status WriteRun();

  std::filesystem::path directory_;
  std::size_t run_octets_;
  Bytes held_;
  std::vector<Entry> entries_;
  Descriptor file_;
  std::uint64_t size_ = 0;
  std::vector<Run> runs_;
};

// Reads the rows of finished sorters in order, once. They must outlive it. One thread.
class RowMerger {
 public:
  explicit RowMerger(std::span<const RowSorter> sorters);
  RowMerger(const RowMerger&) = delete;  // it points into itself
  RowMerger& operator=(const RowMerger&) = delete;

  struct Row {
    SortKey key;
    BytesView octets;  // until the next call
  };
  // Nothing at the end. kStoreUnavailable: the file cannot be read.
  Result<std::optional<Row>> Next();

 private:
  // Where one run is read.
  struct Cursor {
    int file;
    std::uint64_t next;  // octet of the file that is not in the buffer yet
    std::uint64_t end;
    Bytes buffer;
    std::size_t at = 0;  // in the buffer
    SortKey key;
    BytesView row;
  };
  Status Advance(Cursor& cursor);
  Status Fill(Cursor& cursor);

  std::size_t buffer_octets_;
  std::vector<Cursor> cursors_;
  std::vector<Cursor*> heap_;      // least key first
  std::optional<Failure> failed_;  // of the first fill
  Cursor* given_ = nullptr;        // its row was handed out last
};

}  // namespace acb::platform
