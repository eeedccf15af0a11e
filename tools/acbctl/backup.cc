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
#include "tools/acbctl/part_file.h"
#include "tools/acbctl/progress.h"

namespace acb::acbctl {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;
constexpr std::uint64_t kMaxBackup = std::uint64_t{1} << 44;  // 16 TiB: LMDB's map and its chunks

Failure CannotRead(const std::string& file, std::string_view why) {
  return Failure(Reason::kConfiguration, "cannot read " + file + ": " + std::string(why));
}
Failure CannotRead(const std::string& file) { return CannotRead(file, std::strerror(errno)); }

Failure IsThere(const std::filesystem::path& file) {
  return Failure(
      Reason::kConfiguration,
      file.string() + " exists, and no backup is written over another: choose a new name");
}

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
  std::error_code error;
  if (std::filesystem::exists(options.out, error))
    return Complain(connection, IsThere(options.out));
  auto file = PartFile::Open(options.out);
  if (!file) return Complain(connection, file.error());
  Sha256Stream digest;
  std::uint64_t octets = 0;
  const auto response = [&] {
    Progress progress("backup", Progress::Unit::kOctets);
    progress.Show(0, 0);
    const auto take = [&](std::string_view piece, std::uint64_t size) {
      digest.Update(AsBytes(piece));
      octets += piece.size();
      progress.Show(octets, size);
      return file->Write(piece);
    };
    return Send(connection, "operator",
                {.method = "POST",
                 .target = target,
                 .sink = platform::HttpBodySink{.limit = kMaxBackup, .write = take}});
  }();
  if (!response) return Complain(connection, response.error());
  if (response->status != 200) return *PrintRaw(connection, *response);
  const std::string sha256 = ToHex(digest.Finish());
  if (response->Header("X-Backup-SHA256") != sha256) {
    return Complain(connection,
                    Failure(Reason::kBackupDamaged, "the backup did not arrive as it was sent"));
  }
  if (Status kept = file->Keep(PartFile::Over::kNothing); !kept) {
    return Complain(connection, kept.error());
  }
  const auto manifest =
      ParseObject(std::string(response->Header("X-Backup-Manifest").value_or("{}")));
  boost::json::object result{
      {"file", options.out.string()}, {"octets", std::to_string(octets)}, {"sha256", sha256}};
  if (const auto pages = response->Header("X-Backup-Pages")) result["pages"] = *pages;
  for (const char* name :
       {"store", "created", "tree_size", "root", "since_sha256", "since_tree_size"}) {
    if (const auto* value = manifest.if_contains(name)) result[name] = *value;
  }
  Print(connection, result);
  return kGood;
}

}  // namespace acb::acbctl
