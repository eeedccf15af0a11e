// The file by which counters go from one box to another (design.md section 4, "Export, import"):
// format acb-counters-1.
//
// One JSON document, its lines in one form only, so that it is written and read in constant memory:
//   line 1   {"format":"acb-counters-1","store_id":...,"environment":...,"epoch":...,"raise":...,
//            "base":...,"window":...,"fenced":...,"created":...,"tree_size":...,"root":...,
//            "checkpoint_key":...,"devices":[
//   then     one device a line, in rising order, with a comma but after the last:
//            {"device":...,"last_issued":...,"raise":...,"supplier":{"holder":...,"floor":...},
//            "network_operator":{...}}
//   last     ],"count":...,"sha256":...,"signature":...}
// 64-bit numbers are decimal strings; store_id, root and sha256 are lower-case hex; checkpoint_key
// is the source's public key, SubjectPublicKeyInfo in Base64. A holder is null (not known), "acb"
// or an EUI-64; a floor is null or a number. `sha256` is that of every octet before its own member;
// `signature`, Base64, is that of kCounterFileContext and the 32 octets of it, by the source's
// checkpoint key.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "firmware/base/sha256_stream.h"
#include "firmware/base/time.h"
#include "hsm/public_key.h"
#include "platform/http_message.h"
#include "platform/unnamed_file.h"
#include "store/store.h"

namespace acb::platform {

// What the checkpoint key signs here can be no checkpoint: that begins with the log's origin.
inline constexpr std::string_view kCounterFileContext = "acb-counters-1 export\n";

// A file of 10 million devices has some 2 GB.
inline constexpr std::uint64_t kMaxCounterFile = std::uint64_t{64} << 30;

struct CounterFileHead {
  store::ExportHead store;
  std::uint64_t window = 0;
  bool fenced = false;
  UtcTime created{0};
  hsm::PublicKey key{};
};

// One thread at a time. Begin, then Add for each device in rising order, then Finish.
class CounterFileWriter {
 public:
  explicit CounterFileWriter(UnnamedFile& file) : file_(file) {}
  // kStoreUnavailable: the file cannot be written.
  Status Begin(const CounterFileHead& head);
  Status Add(const store::ExportedCounters& row);
  // `sign` gets the context and the hash. Its failure is the outcome.
  Status Finish(const std::function<Result<Bytes>(BytesView)>& sign);
  std::uint64_t count() const { return count_; }

 private:
  Status Put(std::string_view text);
  Status Flush();

  UnnamedFile& file_;
  Sha256Stream hash_;
  std::string buffer_;
  std::uint64_t count_ = 0;
};

// A file whose signature by the source's key was verified, over all its octets. Refers to the body,
// which must outlive it. Copies share nothing: each Source() reads from the top.
class CounterFile {
 public:
  // Blocks for a pass over the file. kMalformed, naming the line: it is not of this format.
  // kBackupDamaged: the octets are not those that were signed, or not by `key`.
  static Result<CounterFile> Verify(const HttpBody& body, const hsm::PublicKey& key);

  const CounterFileHead& head() const { return head_; }
  std::uint64_t count() const { return count_; }
  // That the signature is over: it stands for what the file says.
  const Sha256Digest& sha256() const { return sha256_; }
  // Fails as Verify when a line is not of this format, the order or the count is wrong.
  store::CountersSource Source() const;

 private:
  CounterFile(const HttpBody& body, CounterFileHead head) : body_(&body), head_(std::move(head)) {}

  const HttpBody* body_;
  CounterFileHead head_;
  std::string_view rows_;  // the lines between the first and the last
  std::uint64_t count_ = 0;
  Sha256Digest sha256_{};
};

}  // namespace acb::platform
