// The devices feed, for files of many millions of rows: checked once, on two cores, while they
// come, and made ready for the store in order of device. Memory does not grow with the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "firmware/base/result.h"
#include "firmware/base/sha256_stream.h"
#include "firmware/feeds/devices.h"
#include "platform/device_parser.h"
#include "platform/http_message.h"
#include "platform/row_sorter.h"
#include "platform/spool.h"
#include "store/store.h"

namespace acb::platform {

// A file whose every row was looked at. Its good rows wait in files without a name, as long as this
// lives.
class PreparedDevices {
 public:
  // Blocks for all of the file: some microseconds a row on one core. A device that is in the
  // file twice is a reject at its later line: the order of rows decides nothing. Fails with
  //   kFeedRejected      the header is not that of the feed.
  //   kStoreUnavailable  no room in `scratch`.
  //   that of `goes_on`, which is asked at each piece of the file and each row on the way back.
  static Result<PreparedDevices> From(const HttpBody& file, const std::filesystem::path& scratch,
                                      const feeds::CertificateCheck& check,
                                      const feeds::KeyCheck& key_alone = {},
                                      const GoesOn& goes_on = Always);

  const Sha256Digest& sha256() const { return sha256_; }  // of the file
  std::uint64_t octets() const { return octets_; }        // likewise
  store::HubColumn hub() const { return hub_; }
  std::uint64_t rows() const { return rows_; }
  std::uint64_t rejected() const { return rejected_; }
  // The first of them, in order of line.
  const std::vector<DeviceReject>& rejects() const { return rejects_; }

  // The good rows in order of device, one a call. It may be called once; this must outlive it.
  store::PackedDeviceSource Source() const;

 private:
  friend class DeviceIntake;
  PreparedDevices() = default;
  Status FindTwins(const GoesOn& goes_on);
  void KeepFirst();  // rejects, in order of line

  Sha256Digest sha256_{};
  std::uint64_t octets_ = 0;
  store::HubColumn hub_ = store::HubColumn::kAbsent;
  std::uint64_t rows_ = 0;
  std::uint64_t rejected_ = 0;
  std::vector<DeviceReject> rejects_;
  std::vector<RowSorter> sorters_;
};

// Takes the octets of the file as they come, so that nearly all of them are parsed when the last
// one is there, and none of them is written to a disk as it came: but from the block with the first
// quote on, and behind a line that is longer than a block, all the rest waits in a file without a
// name until the end is known. One thread; it has threads of its own from the second block on.
class DeviceIntake final : public BodyIntake {
 public:
  DeviceIntake(std::filesystem::path scratch, DeviceChecks checks);
  ~DeviceIntake() override;  // also before the end: what came is dropped

  // Blocks while the parsers are behind. False when a parser, the disk or `goes_on` failed; a wrong
  // header is told by Finish.
  bool Take(std::string_view piece) override;
  Failure WhyNot() override;
  std::uint64_t size() const override { return size_; }

  // After the last octet, once. Fails as PreparedDevices::From.
  Result<PreparedDevices> Finish();

 private:
  friend class PreparedDevices;
  void TakePiece(std::string_view piece);
  void CutBlock();
  void Hand(DeviceBlock block);
  void HandLast();
  bool OpenHeader(std::string_view text, DeviceBlock& block);
  void Keep(const Status& done);
  void Start();
  void Join();
  Result<PreparedDevices> Gather();

  const std::filesystem::path scratch_;
  const DeviceChecks checks_;
  std::uint64_t size_ = 0;
  Sha256Stream hash_;
  std::optional<Failure> failed_;           // before any row: no parser knows of it
  std::optional<feeds::CsvReader> header_;  // once it was read; its columns alone are used
  std::uint64_t line_ = 1;                  // that held_ begins with
  std::string held_;                        // less than a block, or one
  std::uint64_t cut_ = 0;                   // octets before those of held_
  const HttpBody* source_ = nullptr;        // has all octets already, where From gives it
  std::optional<std::uint64_t> rest_at_;    // in `source_`: all that came since a quote
  std::optional<Spool> rest_;               // the same, without a source
  HttpBody rest_body_;
  DeviceBlocks blocks_;
  std::vector<DeviceParser> parsers_;
  std::vector<std::thread> threads_;
};

}  // namespace acb::platform
