#include "platform/page_index.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace acb::platform {
namespace {

namespace fs = std::filesystem;

constexpr std::uint8_t kMagic[] = {'A', 'C', 'B', ' ', 'p', 'a', 'g', 'e', 's', 0x00, 0x00, 0x01};
constexpr std::size_t kSignedFooter = sizeof kMagic + sizeof(Sha256Digest) + 8;
constexpr std::size_t kFooter = kSignedFooter + sizeof(Sha256Digest);
constexpr std::size_t kBuffer = std::size_t{64} << 10;
static_assert(kBuffer % sizeof(PageDigest) == 0);
constexpr mode_t kDirectoryMode = 0700;
constexpr mode_t kFileMode = 0600;

Failure SystemFailure(std::string_view doing, const fs::path& path) {
  return Failure(Reason::kStoreUnavailable, {},
                 std::string(doing) + " " + path.string() + ": " + std::strerror(errno));
}

Failure NoIndex(const Sha256Digest& backup, std::string_view why) {
  return Failure(Reason::kNotFound,
                 std::string(why) + " backup " + ToHex(backup) +
                     ": a box knows the pages of the last " + std::to_string(kKeptPageIndexes) +
                     " that it made itself. Make a full backup, without --since");
}

Status ReadAt(const Descriptor& file, std::uint64_t offset, std::span<std::uint8_t> into) {
  while (!into.empty()) {
    const ssize_t got = ::pread(file.get(), into.data(), into.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      return Failure(Reason::kStoreUnavailable, {}, "the list of a backup's pages cannot be read");
    }
    into = into.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return Done{};
}

// The oldest go: of two of one second, either.
void RemoveOldest(const fs::path& directory) {
  struct Kept {
    fs::file_time_type at;
    fs::path path;
  };
  std::vector<Kept> all;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    all.push_back({entry.last_write_time(error), entry.path()});
  }
  std::ranges::sort(all, std::greater(), &Kept::at);
  for (std::size_t i = kKeptPageIndexes; i < all.size(); ++i) fs::remove(all[i].path, error);
}

}  // namespace

PageDigest DigestOf(BytesView page) {
  const Sha256Digest whole = Sha256(page);
  PageDigest half;
  std::copy_n(whole.begin(), half.size(), half.begin());
  return half;
}

Result<PageIndexWriter> PageIndexWriter::Begin(fs::path directory) {
  if (::mkdir(directory.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
    return SystemFailure("mkdir", directory);
  }
  Descriptor file(::open(directory.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, kFileMode));
  if (!file) return SystemFailure("open(O_TMPFILE) in", directory);
  PageIndexWriter writer(std::move(directory), std::move(file));
  writer.pending_.reserve(kBuffer);
  return writer;
}

Status PageIndexWriter::Write() {
  sha256_.Update(pending_);
  BytesView octets = pending_;
  while (!octets.empty()) {
    const ssize_t written = ::write(file_.get(), octets.data(), octets.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemFailure("write in", directory_);
    octets = octets.subspan(static_cast<std::size_t>(written));
  }
  pending_.clear();
  return Done{};
}

Status PageIndexWriter::Append(const PageDigest& digest) {
  pending_.insert(pending_.end(), digest.begin(), digest.end());
  return pending_.size() < kBuffer ? Status(Done{}) : Write();
}

Status PageIndexWriter::Keep(const Sha256Digest& backup, std::uint64_t tree_size) {
  ByteWriter footer;
  footer.Raw(kMagic).Raw(backup).U64(tree_size);
  pending_.insert(pending_.end(), footer.bytes().begin(), footer.bytes().end());
  if (Status written = Write(); !written) return written;
  pending_ = ToBytes(sha256_.Finish());
  if (Status written = Write(); !written) return written;
  const Descriptor directory(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::string unnamed = "/proc/self/fd/" + std::to_string(file_.get());
  const fs::path name = directory_ / ToHex(backup);
  // If power fails before this: no such file, and the next backup is a full one.
  if (::fsync(file_.get()) != 0 ||
      ::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0 ||
      !directory || ::fsync(directory.get()) != 0) {
    return SystemFailure("keep", name);
  }
  RemoveOldest(directory_);
  return Done{};
}

Result<PageIndexReader> PageIndexReader::Open(const fs::path& directory,
                                              const Sha256Digest& backup) {
  const fs::path path = directory / ToHex(backup);
  Descriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file && errno == ENOENT) return NoIndex(backup, "nothing is known here of");
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return SystemFailure("open", path);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size < kFooter || (size - kFooter) % sizeof(PageDigest) != 0) {
    return NoIndex(backup, "damaged is what is kept here of");
  }
  PageIndexReader reader(std::move(file), (size - kFooter) / sizeof(PageDigest));
  if (Status whole = reader.CheckWhole(backup); !whole) return std::move(whole).error();
  return reader;
}

Status PageIndexReader::CheckWhole(const Sha256Digest& backup) {
  const std::uint64_t end = left_ * sizeof(PageDigest);
  Sha256Stream sha256;
  Bytes piece(kBuffer);
  for (std::uint64_t at = 0; at < end;) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(kBuffer, end - at));
    const auto into = std::span(piece).first(size);
    if (Status read = ReadAt(file_, at, into); !read) return read;
    sha256.Update(into);
    at += size;
  }
  Bytes footer(kFooter);
  if (Status read = ReadAt(file_, end, footer); !read) return read;
  sha256.Update(BytesView(footer).first(kSignedFooter));
  ByteReader in(footer);
  const bool ours = Equal(in.Raw(sizeof kMagic), kMagic) && Equal(in.Raw(backup.size()), backup);
  tree_size_ = in.U64();
  if (!ours || !Equal(in.rest(), sha256.Finish())) {
    return NoIndex(backup, "damaged is what is kept here of");
  }
  return Done{};
}

Status PageIndexReader::Fill() {
  const auto digests = std::min<std::uint64_t>(left_, kBuffer / sizeof(PageDigest));
  buffer_.resize(static_cast<std::size_t>(digests) * sizeof(PageDigest));
  position_ = 0;
  if (Status read = ReadAt(file_, offset_, buffer_); !read) return read;
  offset_ += buffer_.size();
  left_ -= digests;
  return Done{};
}

Result<std::optional<PageDigest>> PageIndexReader::Next() {
  if (position_ == buffer_.size()) {
    if (left_ == 0) return std::optional<PageDigest>();
    if (Status filled = Fill(); !filled) return std::move(filled).error();
  }
  PageDigest digest;
  std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(position_), digest.size(),
              digest.begin());
  position_ += digest.size();
  return std::optional(digest);
}

}  // namespace acb::platform
