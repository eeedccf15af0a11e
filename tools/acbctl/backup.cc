#include "tools/acbctl/backup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <iostream>

#include "firmware/base/descriptor.h"
#include "firmware/base/sha256_stream.h"
#include "tools/acbctl/progress.h"

namespace acb::acbctl {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;
constexpr std::uint64_t kMaxBackup = std::uint64_t{1} << 44;  // 16 TiB: LMDB's map and its chunks

Failure CannotWrite(const std::filesystem::path& file) {
  return Failure(Reason::kConfiguration,
                 "cannot write " + file.string() + ": " + std::strerror(errno));
}

Failure CannotRead(const std::string& file, std::string_view why) {
  return Failure(Reason::kConfiguration, "cannot read " + file + ": " + std::string(why));
}
Failure CannotRead(const std::string& file) { return CannotRead(file, std::strerror(errno)); }

// A new file that is gone again unless it was kept.
class NewFile {
 public:
  explicit NewFile(std::filesystem::path path)
      : path_(std::move(path)),
        file_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)) {}
  ~NewFile() {
    if (file_ && !kept_) ::unlink(path_.c_str());
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  Status Opened() const { return file_ ? Status(Done{}) : CannotWrite(path_); }
  Status Append(std::string_view octets) {
    sha256_.Update(AsBytes(octets));
    size_ += octets.size();
    while (!octets.empty()) {
      const ssize_t written = ::write(file_.get(), octets.data(), octets.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return CannotWrite(path_);
      octets.remove_prefix(static_cast<std::size_t>(written));
    }
    return Done{};
  }
  // On the disk, and its name too, when this returns.
  Status Keep() {
    const auto folder = std::filesystem::absolute(path_).parent_path();
    const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (::fsync(file_.get()) != 0 || !directory || ::fsync(directory.get()) != 0) {
      return CannotWrite(path_);
    }
    kept_ = true;
    return Done{};
  }
  std::uint64_t size() const { return size_; }
  Sha256Digest Sha256() { return sha256_.Finish(); }

 private:
  const std::filesystem::path path_;
  Descriptor file_;
  Sha256Stream sha256_;
  std::uint64_t size_ = 0;
  bool kept_ = false;
};

// The earlier backup as the box knows it. A file is read whole: one that is damaged is no parent.
Result<std::string> SinceOf(const std::string& given) {
  if (const auto digest = FromHex(given); digest && digest->size() == sizeof(Sha256Digest)) {
    return ToHex(*digest);
  }
  const Descriptor file(::open(given.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return CannotRead(given);
  if (!S_ISREG(status.st_mode)) return CannotRead(given, "not a file");
  Progress progress("read earlier backup", Progress::Unit::kOctets);
  Sha256Stream sha256;
  Bytes piece(kPiece);
  std::uint64_t done = 0;
  while (true) {  // ends with the file
    const ssize_t got = ::read(file.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return CannotRead(given);
    if (got == 0) return ToHex(sha256.Finish());
    sha256.Update(BytesView(piece).first(static_cast<std::size_t>(got)));
    done += static_cast<std::uint64_t>(got);
    progress.Show(done, static_cast<std::uint64_t>(status.st_size));
  }
}

void Print(const Connection& connection, const boost::json::object& result) {
  if (connection.json) {
    std::cout << boost::json::serialize(result) << "\n";
  } else {
    PrintMembers(result, "");
  }
}

}  // namespace

int Backup(const Connection& connection, const BackupOptions& options) {
  std::string target = "/v1/backup";
  if (!options.since.empty()) {
    const auto since = SinceOf(options.since);
    if (!since) return Complain(connection, since.error());
    target += "?since=" + *since;
  }
  NewFile file(options.out);
  if (Status opened = file.Opened(); !opened) return Complain(connection, opened.error());
  const auto response = [&] {
    Progress progress("backup", Progress::Unit::kOctets);
    progress.Show(0, 0);
    const auto take = [&](std::string_view piece, std::uint64_t size) {
      Status written = file.Append(piece);
      progress.Show(file.size(), size);
      return written;
    };
    return Send(connection, "operator",
                {.method = "POST",
                 .target = target,
                 .sink = platform::HttpBodySink{.limit = kMaxBackup, .write = take}});
  }();
  if (!response) return Complain(connection, response.error());
  if (response->status != 200) return *PrintRaw(connection, *response);
  const std::string sha256 = ToHex(file.Sha256());
  if (response->Header("X-Backup-SHA256") != sha256) {
    return Complain(connection,
                    Failure(Reason::kBackupDamaged, "the backup did not arrive as it was sent"));
  }
  if (Status kept = file.Keep(); !kept) return Complain(connection, kept.error());
  const auto manifest =
      ParseObject(std::string(response->Header("X-Backup-Manifest").value_or("{}")));
  boost::json::object result{
      {"file", options.out.string()}, {"octets", std::to_string(file.size())}, {"sha256", sha256}};
  if (const auto pages = response->Header("X-Backup-Pages")) result["pages"] = *pages;
  for (const char* name :
       {"store", "created", "tree_size", "root", "since_sha256", "since_tree_size"}) {
    if (const auto* value = manifest.if_contains(name)) result[name] = *value;
  }
  Print(connection, result);
  return kGood;
}

}  // namespace acb::acbctl
