#include "platform/backup_content.h"

#include <algorithm>

namespace acb::platform {
namespace {

Failure NoRuns(std::string_view what) {
  return Failure(Reason::kBackupDamaged,
                 "the pages of the incremental backup " + std::string(what));
}

}  // namespace

Status ContentWriter::Append(BytesView octets) {
  sha256_.Update(octets);
  if (since_ == nullptr) {
    if (Status taken = sink_(octets); !taken) return taken;
  }
  while (!octets.empty()) {
    if (page_.empty() && octets.size() >= kBackupPage) {
      if (Status taken = TakePage(octets.first(kBackupPage)); !taken) return taken;
      octets = octets.subspan(kBackupPage);
      continue;
    }
    const BytesView piece = octets.first(std::min(octets.size(), kBackupPage - page_.size()));
    page_.insert(page_.end(), piece.begin(), piece.end());
    octets = octets.subspan(piece.size());
    if (page_.size() < kBackupPage) continue;
    if (Status taken = TakePage(page_); !taken) return taken;
    page_.clear();
  }
  return Done{};
}

Status ContentWriter::TakePage(BytesView page) {
  const std::uint64_t number = pages_++;
  const PageDigest digest = DigestOf(page);
  if (Status indexed = index_.Append(digest); !indexed) return indexed;
  if (since_ == nullptr) {
    ++carried_;
    return Done{};
  }
  const auto before = since_->Next();
  if (!before) return before.error();
  if (*before == digest) return PutOutRun();
  if (run_.size() == kRunHeader + kMaxRunPages * kBackupPage) {
    if (Status put = PutOutRun(); !put) return put;
  }
  if (run_.empty()) {
    run_.resize(kRunHeader);  // filled in when it is put out
    run_first_ = number;
  }
  run_.insert(run_.end(), page.begin(), page.end());
  ++carried_;
  return Done{};
}

Status ContentWriter::PutOutRun() {
  if (run_.empty()) return Done{};
  ByteWriter header;
  header.U64(run_first_).U32(static_cast<std::uint32_t>((run_.size() - kRunHeader) / kBackupPage));
  std::ranges::copy(header.bytes(), run_.begin());
  Status taken = sink_(run_);
  run_.clear();
  return taken;
}

Result<ContentWriter::Copy> ContentWriter::End() {
  if (!page_.empty()) {
    return Failure(Reason::kStoreUnavailable, {}, "the copy of the store is not whole pages");
  }
  if (Status put = PutOutRun(); !put) return std::move(put).error();
  return Copy{.octets = pages_ * kBackupPage, .sha256 = sha256_.Finish(), .carried = carried_};
}

Status RunReader::BeginRun() {
  ByteReader in(header_);
  const std::uint64_t first = in.U64();
  const std::uint32_t count = in.U32();
  header_.clear();
  if (count == 0 || count > kMaxRunPages) return NoRuns("have a run of no such length");
  if (first < next_page_) return NoRuns("are not in order");
  if (first > kMaxBackupPages - count) return NoRuns("lie beyond any store");
  next_page_ = first + count;
  offset_ = first * kBackupPage;
  left_ = std::uint64_t{count} * kBackupPage;
  return Done{};
}

Status RunReader::Append(BytesView octets) {
  while (!octets.empty()) {
    const std::uint64_t wanted = left_ > 0 ? left_ : kRunHeader - header_.size();
    const BytesView piece =
        octets.first(static_cast<std::size_t>(std::min<std::uint64_t>(octets.size(), wanted)));
    octets = octets.subspan(piece.size());
    if (left_ > 0) {
      if (Status put = put_(offset_, piece); !put) return put;
      offset_ += piece.size();
      left_ -= piece.size();
      continue;
    }
    header_.insert(header_.end(), piece.begin(), piece.end());
    if (header_.size() < kRunHeader) continue;
    if (Status begun = BeginRun(); !begun) return begun;
  }
  return Done{};
}

Status RunReader::End() const {
  if (left_ > 0 || !header_.empty()) return NoRuns("end in the middle");
  return Done{};
}

}  // namespace acb::platform
