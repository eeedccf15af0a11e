#include "platform/device_import.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include "firmware/base/sha256_stream.h"
#include "firmware/feeds/csv.h"
#include "firmware/feeds/devices.h"
#include "store/packed_device.h"

namespace acb::platform {
namespace {

// The appliance has two cores; while an import runs, reads and signing share them with it.
constexpr std::size_t kParsers = 2;
// What a parser takes at one time, and lets go of after.
constexpr std::size_t kBlockOctets = std::size_t{1} << 20;

// The first rejects of a part of the file, and how many there are.
struct Rejects {
  std::uint64_t count = 0;
  std::vector<DeviceReject> first;

  void Add(std::uint64_t line, const std::string& reason) {
    ++count;
    if (first.size() < kMaxDeviceRejects) first.push_back({line, reason});
  }
};

// One search a line: memchr is several times faster than looking at each octet.
std::uint64_t CountLines(std::string_view text) {
  std::uint64_t lines = 0;
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    ++lines;
    text.remove_prefix(end + 1);
  }
  return lines;
}

struct Block {
  std::string_view text;  // whole rows
  std::uint64_t line;     // of the file, where it begins
};

// Hands the file out in blocks of whole rows, in order, and hashes it on the way. Thread-safe.
class Blocks {
 public:
  Blocks(const HttpBody& file, const feeds::CsvReader& header)
      : file_(file), rest_(header.rest()), line_(header.next_line()) {
    hash_.Update(file.View().first(file.size() - rest_.size()));
  }

  // Nothing at the end, or when a parser has failed.
  std::optional<Block> Take();
  void Stop() {
    const std::lock_guard lock(mutex_);
    rest_ = {};
  }
  // When all was taken.
  Sha256Digest sha256() { return hash_.Finish(); }

 private:
  std::size_t NextSize() const;
  void Hash(std::string_view text);

  const HttpBody& file_;
  std::mutex mutex_;  // guards what follows
  std::string_view rest_;
  std::uint64_t line_;
  Sha256Stream hash_;
};

std::optional<Block> Blocks::Take() {
  const std::lock_guard lock(mutex_);
  if (rest_.empty()) return std::nullopt;
  const Block block{rest_.substr(0, NextSize()), line_};
  Hash(block.text);
  line_ += CountLines(block.text);
  rest_.remove_prefix(block.text.size());
  return block;
}

// Without a quote, a line end ends a row (RFC 4180). From the first quote on, only who reads the
// rows knows where they end, also when they are wrong: all the rest is one block then, and the
// lines and order of the rejects are those of a reader that starts at the top.
std::size_t Blocks::NextSize() const {
  if (rest_.size() <= kBlockOctets) return rest_.size();
  const std::string_view front = rest_.substr(0, kBlockOctets);
  const std::size_t end = front.rfind('\n');
  const bool quoted = front.find('"') != std::string_view::npos;
  return quoted || end == std::string_view::npos ? rest_.size() : end + 1;
}

void Blocks::Hash(std::string_view text) {
  const bool all = text.size() > kBlockOctets;
  while (!text.empty()) {
    const auto piece = AsBytes(text.substr(0, kBlockOctets));
    hash_.Update(piece);
    if (all) file_.LetGo(piece);
    text.remove_prefix(piece.size());
  }
}

// One thread's part of the work.
class Parser {
 public:
  Parser(const HttpBody& file, const feeds::CsvReader& header, Blocks& blocks,
         const std::filesystem::path& scratch, const feeds::CertificateCheck& check,
         const feeds::KeyCheck& key_alone, const GoesOn& goes_on)
      : file_(file),
        header_(header),
        blocks_(blocks),
        check_(check),
        key_alone_(key_alone),
        goes_on_(goes_on),
        sorter_(scratch) {}

  // Until the blocks are at their end.
  void Run() {
    while (outcome_) {
      const auto block = blocks_.Take();
      if (!block) break;
      outcome_ = Read(*block);
    }
    if (outcome_) outcome_ = sorter_.Finish();
    if (!outcome_) blocks_.Stop();
  }

  const Status& outcome() const { return outcome_; }
  std::uint64_t rows() const { return rows_; }
  const Rejects& rejects() const { return rejects_; }
  RowSorter TakeSorter() { return std::move(sorter_); }

 private:
  Status Read(const Block& block) {
    auto reader = header_.Part(block.text, block.line);
    std::string_view begun = block.text;
    while (true) {
      const auto row = reader.Next();
      if (row && !row->has_value()) break;
      ++rows_;
      auto device =
          row ? feeds::ParseDeviceWith(**row, check_, key_alone_) : Result<Device>(row.error());
      if (!device) {
        rejects_.Add(reader.line(), device.error().explanation);
      } else if (auto added =
                     sorter_.Add({device->id.value(), reader.line()}, store::PackDevice(*device));
                 !added) {
        return added;
      }
      if (begun.size() - reader.rest().size() < kBlockOctets) continue;
      LetGo(begun, reader.rest());
      if (Status goes_on = goes_on_(); !goes_on) return goes_on;
    }
    LetGo(begun, reader.rest());
    return goes_on_();
  }

  // Of what lies between the two.
  void LetGo(std::string_view& begun, std::string_view rest) {
    file_.LetGo(AsBytes(begun.substr(0, begun.size() - rest.size())));
    begun = rest;
  }

  const HttpBody& file_;
  const feeds::CsvReader& header_;
  Blocks& blocks_;
  const feeds::CertificateCheck& check_;
  const feeds::KeyCheck& key_alone_;
  const GoesOn& goes_on_;
  RowSorter sorter_;
  Rejects rejects_;
  std::uint64_t rows_ = 0;
  Status outcome_ = Done{};
};

// All but the first on threads of their own; with fewer when the system gives no more.
void RunAll(std::vector<Parser>& parsers) {
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < parsers.size(); ++i) {
    try {
      threads.emplace_back([&parsers, i] { parsers[i].Run(); });
    } catch (const std::system_error&) {
      break;
    }
  }
  parsers.front().Run();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

Result<PreparedDevices> PreparedDevices::From(const HttpBody& file,
                                              const std::filesystem::path& scratch,
                                              const feeds::CertificateCheck& check,
                                              const feeds::KeyCheck& key_alone,
                                              const GoesOn& goes_on) {
  const auto header =
      feeds::CsvReader::Open(file.Text(), feeds::DeviceColumns(), feeds::OptionalDeviceColumns());
  if (!header) return header.error();
  Blocks blocks(file, *header);
  std::vector<Parser> parsers;
  parsers.reserve(kParsers);
  for (std::size_t i = 0; i < kParsers; ++i) {
    parsers.emplace_back(file, *header, blocks, scratch, check, key_alone, goes_on);
  }
  RunAll(parsers);

  PreparedDevices prepared;
  if (header->Has("communications_hub")) prepared.hub_ = store::HubColumn::kPresent;
  for (Parser& parser : parsers) {
    if (!parser.outcome()) return parser.outcome().error();
    prepared.rows_ += parser.rows();
    prepared.rejected_ += parser.rejects().count;
    // Each has the first of its own: the first of all are among them.
    std::ranges::copy(parser.rejects().first, std::back_inserter(prepared.rejects_));
    prepared.sorters_.push_back(parser.TakeSorter());
  }
  prepared.sha256_ = blocks.sha256();
  if (auto found = prepared.FindTwins(goes_on); !found) return std::move(found).error();
  return prepared;
}

// Rows of one device, which are neighbours now; then the rejects of all in the file's order.
Status PreparedDevices::FindTwins(const GoesOn& goes_on) {
  std::optional<SortKey> first;
  RowMerger merger(sorters_);
  while (true) {
    if (Status on = goes_on(); !on) return on;
    const auto row = merger.Next();
    if (!row) return row.error();
    if (!row->has_value()) break;
    const SortKey& key = (*row)->key;
    if (!first || first->id != key.id) {
      first = key;
      continue;
    }
    ++rejected_;
    rejects_.push_back({key.line, "device_id: " + Eui64(key.id).Plain() +
                                      " is twice in the file, first on line " +
                                      std::to_string(first->line)});
    // They come in order of device, not of line.
    if (rejects_.size() > 2 * kMaxDeviceRejects) KeepFirst();
  }
  KeepFirst();
  return Done{};
}

void PreparedDevices::KeepFirst() {
  std::ranges::sort(rejects_, {}, &DeviceReject::line);
  if (rejects_.size() > kMaxDeviceRejects) rejects_.resize(kMaxDeviceRejects);
}

store::PackedDeviceSource PreparedDevices::Source() const {
  const auto merger = std::make_shared<RowMerger>(sorters_);
  return [merger]() -> Result<std::optional<BytesView>> {
    const auto row = merger->Next();
    if (!row) return row.error();
    return row->has_value() ? std::optional((*row)->octets) : std::nullopt;
  };
}

}  // namespace acb::platform
