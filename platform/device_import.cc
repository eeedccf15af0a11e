#include "platform/device_import.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "firmware/base/sha256.h"

namespace acb::platform {
namespace {

// The appliance has two cores; while an import runs, reads and signing share them with it.
constexpr std::size_t kParsers = 2;

// One search a line: memchr is several times faster than looking at each octet.
std::uint64_t CountLines(std::string_view text) {
  std::uint64_t lines = 0;
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    ++lines;
    text.remove_prefix(end + 1);
  }
  return lines;
}

}  // namespace

DeviceIntake::DeviceIntake(std::filesystem::path scratch, DeviceChecks checks)
    : scratch_(std::move(scratch)), checks_(std::move(checks)) {
  parsers_.reserve(kParsers);
  for (std::size_t i = 0; i < kParsers; ++i) parsers_.emplace_back(scratch_, checks_);
}

DeviceIntake::~DeviceIntake() {
  blocks_.Stop();
  Join();
}

bool DeviceIntake::Take(std::string_view piece) {
  size_ += piece.size();
  while (!piece.empty() && !failed_) {
    const std::string_view part = piece.substr(0, kDeviceBlockOctets);
    hash_.Update(AsBytes(part));
    TakePiece(part);
    piece.remove_prefix(part.size());
  }
  return !blocks_.stopped() && (!failed_ || failed_->reason == Reason::kFeedRejected);
}

Failure DeviceIntake::WhyNot() {
  blocks_.Stop();
  Join();
  if (failed_) return *failed_;
  for (const DeviceParser& parser : parsers_) {
    if (!parser.outcome()) return parser.outcome().error();
  }
  return {Reason::kStoreUnavailable, {}, "the import was given up"};
}

void DeviceIntake::TakePiece(std::string_view piece) {
  while (!piece.empty() && !failed_) {
    // Only now that more follows: what a file ends with is one block, whatever is in it.
    if (!rest_ && !rest_at_ && held_.size() == kDeviceBlockOctets) CutBlock();
    if (failed_) return;
    if (rest_at_) return Keep(checks_.goes_on());  // no parser is at work to ask
    if (rest_) return Keep(rest_->Append(piece));
    const std::string_view part = piece.substr(0, kDeviceBlockOctets - held_.size());
    held_ += part;
    piece.remove_prefix(part.size());
  }
}

// Without a quote, a line end ends a row (RFC 4180). From the first quote on, only who reads the
// rows knows where they end, also when they are wrong: all the rest is one block then, and the
// lines and order of the rejects are those of a reader that starts at the top.
void DeviceIntake::CutBlock() {
  const std::size_t end = held_.rfind('\n');
  if (end == std::string::npos || held_.find('"') != std::string::npos) {
    if (source_ != nullptr) {
      rest_at_ = cut_;
      held_ = {};
      return;
    }
    rest_.emplace(scratch_);
    return Keep(rest_->Append(std::exchange(held_, {})));
  }
  std::string tail = blocks_.Spare();
  tail.append(held_, end + 1);
  held_.resize(end + 1);
  DeviceBlock block{.line = line_};
  if (!header_ && !OpenHeader(held_, block)) return;
  line_ += CountLines(held_);
  cut_ += held_.size();
  block.held = std::exchange(held_, std::move(tail));
  if (threads_.empty()) Start();
  Hand(std::move(block));
}

// The rows of the block begin behind the header.
bool DeviceIntake::OpenHeader(std::string_view text, DeviceBlock& block) {
  auto header =
      feeds::CsvReader::Open(text, feeds::DeviceColumns(), feeds::OptionalDeviceColumns());
  if (!header) {
    failed_ = std::move(header).error();
    return false;
  }
  header_ = *std::move(header);
  block.begin = text.size() - header_->rest().size();
  block.line = header_->next_line();
  return true;
}

void DeviceIntake::Keep(const Status& done) {
  if (done) return;
  failed_ = done.error();
  rest_.reset();  // its disk is wanted by others
}

// With fewer when the system gives no more.
void DeviceIntake::Start() {
  for (DeviceParser& parser : parsers_) {
    try {
      threads_.emplace_back([this, &parser] { parser.Run(*header_, blocks_); });
    } catch (const std::system_error&) {
      return;
    }
  }
}

void DeviceIntake::Hand(DeviceBlock block) {
  if (!threads_.empty()) return blocks_.Push(std::move(block));
  DeviceParser& parser = parsers_.front();
  if (parser.outcome()) parser.Take(*header_, block);
  blocks_.GiveBack(std::move(block.held));
}

void DeviceIntake::HandLast() {
  DeviceBlock block{.line = line_};
  if (!rest_ && !rest_at_) {
    if (!header_ && !OpenHeader(held_, block)) return;
    block.held = std::move(held_);
    return Hand(std::move(block));
  }
  if (rest_) {
    auto body = std::move(*rest_).Finish();
    if (!body) return Keep(body.error());
    rest_body_ = *std::move(body);
    rest_.reset();
  }
  block.file = rest_at_ ? source_ : &rest_body_;
  const std::string_view text = block.file->Text().substr(rest_at_.value_or(0));
  if (!header_ && !OpenHeader(text, block)) return;
  block.mapped = text.substr(block.begin);
  Hand(std::move(block));
}

void DeviceIntake::Join() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

Result<PreparedDevices> DeviceIntake::Finish() {
  if (!failed_) HandLast();
  if (failed_) blocks_.Stop();
  blocks_.Close();
  Join();
  blocks_.Stop();  // lets the memory go
  rest_body_ = {};
  if (failed_) return *failed_;
  for (DeviceParser& parser : parsers_) parser.Finish();
  auto prepared = Gather();
  if (!prepared) return prepared;
  if (auto found = prepared->FindTwins(checks_.goes_on); !found) return std::move(found).error();
  return prepared;
}

Result<PreparedDevices> DeviceIntake::Gather() {
  PreparedDevices prepared;
  if (header_->Has("communications_hub")) prepared.hub_ = store::HubColumn::kPresent;
  for (const DeviceParser& parser : parsers_) {
    if (!parser.outcome()) return parser.outcome().error();
  }
  for (DeviceParser& parser : parsers_) {
    prepared.rows_ += parser.rows();
    prepared.rejected_ += parser.rejected();
    // Each has the first of its own: the first of all are among them.
    std::ranges::copy(parser.rejects(), std::back_inserter(prepared.rejects_));
    prepared.sorters_.push_back(parser.TakeSorter());
  }
  prepared.octets_ = size_;
  prepared.sha256_ = hash_.Finish();
  return prepared;
}

Result<PreparedDevices> PreparedDevices::From(const HttpBody& file,
                                              const std::filesystem::path& scratch,
                                              const feeds::CertificateCheck& check,
                                              const feeds::KeyCheck& key_alone,
                                              const GoesOn& goes_on) {
  DeviceIntake intake(scratch, {check, key_alone, goes_on});
  intake.source_ = &file;
  for (std::string_view rest = file.Text(); !rest.empty();) {
    const std::string_view piece = rest.substr(0, kDeviceBlockOctets);
    if (!intake.Take(piece)) return intake.WhyNot();
    file.LetGo(AsBytes(piece));
    rest.remove_prefix(piece.size());
  }
  return intake.Finish();
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
