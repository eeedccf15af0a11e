#include "tools/bench/raw_lmdb.h"

#include <fcntl.h>
#include <lmdb.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "firmware/base/handle.h"

namespace acb::bench {
namespace {

constexpr std::size_t kMap = std::size_t{16} << 30;  // octets; sparse
constexpr std::uint64_t kFillBatch = 10'000;
constexpr std::size_t kPage = 4096;

using Transaction = Handle<MDB_txn, mdb_txn_abort>;
using Value = std::array<unsigned char, kRecordOctets>;

Failure Failed(std::string_view what, int code) {
  return Failure(Reason::kStoreUnavailable, {}, std::string(what) + ": " + mdb_strerror(code));
}

// Most significant octet first: LMDB's order is that of the numbers.
std::array<unsigned char, 8> KeyOf(std::uint64_t number) {
  std::array<unsigned char, 8> key{};
  for (std::size_t i = 0; i < key.size(); ++i) {
    key[i] = static_cast<unsigned char>(number >> (56 - 8 * i));
  }
  return key;
}

Status Put(MDB_txn* transaction, MDB_dbi table, std::uint64_t number, std::uint64_t counter,
           unsigned flags) {
  auto key = KeyOf(number);
  Value octets{};
  std::memcpy(octets.data(), &counter, sizeof counter);
  MDB_val at{key.size(), key.data()};
  MDB_val value{octets.size(), octets.data()};
  if (const int code = mdb_put(transaction, table, &at, &value, flags); code != MDB_SUCCESS) {
    return Failed("mdb_put", code);
  }
  return Done{};
}

// The counter in a device's record.
Result<std::uint64_t> ReadCounter(MDB_txn* transaction, MDB_dbi table, std::uint64_t number) {
  auto key = KeyOf(number);
  MDB_val at{key.size(), key.data()};
  MDB_val value{};
  if (const int code = mdb_get(transaction, table, &at, &value); code != MDB_SUCCESS) {
    return Failed("mdb_get", code);
  }
  std::uint64_t counter = 0;
  std::memcpy(&counter, value.mv_data, sizeof counter);
  return counter;
}

}  // namespace

struct RawLmdb::Environment {
  Handle<MDB_env, mdb_env_close> handle;
  MDB_dbi table = 0;
  std::uint64_t devices = 0;
  std::uint64_t next = 0;     // key to append
  std::uint64_t written = 0;  // what a record says: every write changes it
  std::mt19937_64 random{6};  // the same run each time

  // One transaction: begin, work, commit with its flush.
  Status Commit(const std::function<Status(MDB_txn*)>& work) const {
    MDB_txn* begun = nullptr;
    if (const int code = mdb_txn_begin(handle.get(), nullptr, 0, &begun); code != MDB_SUCCESS) {
      return Failed("mdb_txn_begin", code);
    }
    Transaction transaction(begun);
    if (Status done = work(begun); !done) return done;
    if (const int code = mdb_txn_commit(transaction.release()); code != MDB_SUCCESS) {
      return Failed("mdb_txn_commit", code);
    }
    return Done{};
  }
  Status AppendSome(std::uint64_t count) {
    return Commit([this, count](MDB_txn* transaction) -> Status {
      for (std::uint64_t i = 0; i < count; ++i) {
        if (Status put = Put(transaction, table, next++, ++written, MDB_APPEND); !put) return put;
      }
      return Done{};
    });
  }
};

RawLmdb::RawLmdb(std::unique_ptr<Environment> environment) : environment_(std::move(environment)) {}
RawLmdb::~RawLmdb() = default;

Result<std::unique_ptr<RawLmdb>> RawLmdb::Create(const std::filesystem::path& directory,
                                                 std::uint64_t devices) {
  std::error_code error;
  if (!std::filesystem::create_directories(directory, error)) {
    return Failure(Reason::kStoreUnavailable, {}, directory.string() + ": cannot be made");
  }
  auto environment = std::make_unique<Environment>();
  MDB_env* made = nullptr;
  if (const int code = mdb_env_create(&made); code != MDB_SUCCESS) {
    return Failed("mdb_env_create", code);
  }
  environment->handle.reset(made);
  int code = mdb_env_set_mapsize(made, kMap);
  if (code == MDB_SUCCESS) code = mdb_env_open(made, directory.c_str(), 0, 0600);
  if (code != MDB_SUCCESS) return Failed("mdb_env_open", code);
  const Status opened = environment->Commit([&environment](MDB_txn* transaction) -> Status {
    const int result = mdb_dbi_open(transaction, nullptr, 0, &environment->table);
    return result == MDB_SUCCESS ? Status(Done{}) : Status(Failed("mdb_dbi_open", result));
  });
  if (!opened) return opened.error();
  environment->devices = devices;
  while (environment->next < devices) {
    const std::uint64_t count = std::min(kFillBatch, devices - environment->next);
    if (Status filled = environment->AppendSome(count); !filled) return filled.error();
  }
  return std::unique_ptr<RawLmdb>(new RawLmdb(std::move(environment)));
}

Result<Rate> RawLmdb::Overwrite(std::size_t batch, double seconds) {
  Environment& own = *environment_;
  return RunInFlight(1, seconds, [&own, batch](std::size_t) {
    return own.Commit([&own, batch](MDB_txn* transaction) -> Status {
      for (std::size_t i = 0; i < batch; ++i) {
        const std::uint64_t device = own.random() % own.devices;
        if (Status put = Put(transaction, own.table, device, ++own.written, 0); !put) return put;
      }
      return Done{};
    });
  });
}

Result<Rate> RawLmdb::Append(std::size_t batch, double seconds) {
  Environment& own = *environment_;
  return RunInFlight(1, seconds, [&own, batch](std::size_t) { return own.AppendSome(batch); });
}

Result<Rate> RawLmdb::RaiseCounters(double seconds) {
  Environment& own = *environment_;
  return RunInFlight(1, seconds, [&own](std::size_t) {
    return own.Commit([&own](MDB_txn* transaction) -> Status {
      const std::uint64_t device = own.random() % own.devices;
      const auto counter = ReadCounter(transaction, own.table, device);
      if (!counter) return counter.error();
      return Put(transaction, own.table, device, *counter + 1, 0);
    });
  });
}

namespace {

class ScratchFile {
 public:
  explicit ScratchFile(const std::filesystem::path& path)
      : path_(path), descriptor_(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) {}
  ~ScratchFile() {
    if (descriptor_ < 0) return;
    close(descriptor_);
    unlink(path_.c_str());
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  Status WriteAndFlush(off_t at) const {
    const std::array<char, kPage> page{};
    if (pwrite(descriptor_, page.data(), page.size(), at) == static_cast<ssize_t>(page.size()) &&
        fdatasync(descriptor_) == 0) {
      return Done{};
    }
    return Failure(Reason::kStoreUnavailable, {}, path_.string() + ": cannot be written");
  }

 private:
  const std::filesystem::path path_;
  const int descriptor_;
};

}  // namespace

Result<FlushTimes> MeasureFlush(const std::filesystem::path& directory, double seconds) {
  const ScratchFile file(directory / "flush");
  if (Status first = file.WriteAndFlush(0); !first) return first.error();
  const auto overwrite =
      RunInFlight(1, seconds, [&file](std::size_t) { return file.WriteAndFlush(0); });
  if (!overwrite) return overwrite.error();
  off_t end = 0;
  const auto append = RunInFlight(1, seconds, [&file, &end](std::size_t) {
    end += static_cast<off_t>(kPage);
    return file.WriteAndFlush(end);
  });
  if (!append) return append.error();
  return FlushTimes{overwrite->median_ms, append->median_ms};
}

}  // namespace acb::bench
