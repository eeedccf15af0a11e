#include "platform/row_sorter.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace acb::platform {
namespace {

constexpr std::size_t kHeaderOctets = 8 + 8 + 2;  // key, line, octets of the row
constexpr std::size_t kWriteOctets = std::size_t{256} << 10;
// Of all runs' buffers together, and of one.
constexpr std::size_t kMergeOctets = std::size_t{16} << 20;
constexpr std::size_t kMostBufferOctets = std::size_t{256} << 10;
constexpr std::size_t kLeastBufferOctets = 2 * (kHeaderOctets + kMaxSortedRow);

Failure CannotSort(std::string_view what, int error) {
  const bool room = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return Failure{Reason::kStoreUnavailable,
                 room ? "There is no room to import a file of this size now."
                      : "The directory in which imports are sorted cannot be used.",
                 std::string(what) + ": " + std::strerror(error)};
}

Status WriteAll(int file, BytesView octets) {
  while (!octets.empty()) {
    const ssize_t written = ::write(file, octets.data(), octets.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return CannotSort("write of sorted rows", errno);
    octets = octets.subspan(static_cast<std::size_t>(written));
  }
  return Done{};
}

}  // namespace

RowSorter::RowSorter(std::filesystem::path directory, std::size_t run_octets)
    : directory_(std::move(directory)), run_octets_(run_octets) {}

Status RowSorter::Add(const SortKey& key, BytesView row) {
  if (row.size() > kMaxSortedRow) {
    return Failure(Reason::kStoreUnavailable, {}, "a row of " + std::to_string(row.size()));
  }
  if (held_.size() + kHeaderOctets + row.size() > run_octets_) {
    if (auto written = WriteRun(); !written) return written;
  }
  if (held_.capacity() == 0) held_.reserve(run_octets_);
  entries_.push_back({key, held_.size()});
  ByteWriter out(std::move(held_));
  out.U64(key.id).U64(key.line).U16(static_cast<std::uint16_t>(row.size())).Raw(row);
  held_ = std::move(out).bytes();
  return Done{};
}

Status RowSorter::WriteRun() {
  if (entries_.empty()) return Done{};
  if (!file_) {
    file_ = Descriptor(::open(directory_.c_str(), O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600));
    if (!file_) return CannotSort("open(O_TMPFILE) in " + directory_.string(), errno);
  }
  std::ranges::sort(entries_, {}, &Entry::key);
  Bytes out;
  out.reserve(kWriteOctets + kHeaderOctets + kMaxSortedRow);
  for (const Entry& entry : entries_) {
    const BytesView from = BytesView(held_).subspan(entry.offset);
    const std::size_t size = kHeaderOctets + ByteReader(from.subspan(kHeaderOctets - 2)).U16();
    out.insert(out.end(), from.begin(), from.begin() + static_cast<std::ptrdiff_t>(size));
    if (out.size() < kWriteOctets) continue;
    if (auto written = WriteAll(file_.get(), out); !written) return written;
    out.clear();
  }
  if (auto written = WriteAll(file_.get(), out); !written) return written;
  runs_.push_back({size_, size_ + held_.size()});
  size_ += held_.size();
  held_.clear();
  entries_.clear();
  return Done{};
}

Status RowSorter::Finish() {
  auto written = WriteRun();
  held_ = {};
  entries_ = {};
  return written;
}

RowMerger::RowMerger(std::span<const RowSorter> sorters) {
  for (const RowSorter& sorter : sorters) {
    for (const RowSorter::Run& run : sorter.runs_) {
      cursors_.push_back({.file = sorter.file_.get(), .next = run.begin, .end = run.end});
    }
  }
  const std::size_t share = kMergeOctets / std::max<std::size_t>(cursors_.size(), 1);
  buffer_octets_ = std::clamp(share, kLeastBufferOctets, kMostBufferOctets);
  for (Cursor& cursor : cursors_) {  // no run is empty
    if (auto read = Advance(cursor); !read) failed_ = std::move(read).error();
    heap_.push_back(&cursor);
  }
  std::ranges::make_heap(heap_, std::ranges::greater{}, &Cursor::key);
}

Result<std::optional<RowMerger::Row>> RowMerger::Next() {
  if (failed_) return *failed_;
  if (given_ != nullptr) {
    std::ranges::pop_heap(heap_, std::ranges::greater{}, &Cursor::key);
    if (given_->at == given_->buffer.size() && given_->next == given_->end) {
      heap_.pop_back();
    } else {
      if (auto read = Advance(*given_); !read) return std::move(read).error();
      std::ranges::push_heap(heap_, std::ranges::greater{}, &Cursor::key);
    }
  }
  if (heap_.empty()) return std::optional<Row>();
  given_ = heap_.front();
  return std::optional(Row{given_->key, given_->row});
}

// To the next row of the run, which has one.
Status RowMerger::Advance(Cursor& cursor) {
  constexpr std::size_t kWhole = kHeaderOctets + kMaxSortedRow;
  if (cursor.buffer.size() - cursor.at < kWhole && cursor.next < cursor.end) {
    if (auto filled = Fill(cursor); !filled) return filled;
  }
  ByteReader in(BytesView(cursor.buffer).subspan(cursor.at));
  cursor.key.id = in.U64();
  cursor.key.line = in.U64();
  const std::size_t size = in.U16();
  cursor.row = in.Raw(size);
  if (!in.ok()) return Failure(Reason::kStoreUnavailable, {}, "sorted rows end in a row");
  cursor.at += kHeaderOctets + size;
  return Done{};
}

// What is left of the buffer to its front, and as much of the run behind it as there is room for.
Status RowMerger::Fill(Cursor& cursor) {
  cursor.buffer.erase(cursor.buffer.begin(),
                      cursor.buffer.begin() + static_cast<std::ptrdiff_t>(cursor.at));
  cursor.at = 0;
  std::size_t held = cursor.buffer.size();
  const std::uint64_t left = cursor.end - cursor.next;
  const std::size_t wanted = std::min<std::uint64_t>(left, buffer_octets_ - held);
  cursor.buffer.resize(held + wanted);
  while (held < cursor.buffer.size()) {
    const ssize_t got = ::pread(cursor.file, cursor.buffer.data() + held,
                                cursor.buffer.size() - held, static_cast<off_t>(cursor.next));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return CannotSort("read of sorted rows", errno);
    if (got == 0) return Failure(Reason::kStoreUnavailable, {}, "sorted rows are cut short");
    held += static_cast<std::size_t>(got);
    cursor.next += static_cast<std::uint64_t>(got);
  }
  return Done{};
}

}  // namespace acb::platform
