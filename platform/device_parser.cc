#include "platform/device_parser.h"

#include "store/packed_device.h"

namespace acb::platform {

void DeviceBlocks::Push(DeviceBlock block) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopped_ || blocks_.size() < kMost; });
  if (stopped_) return;
  blocks_.push_back(std::move(block));
  changed_.notify_all();
}

std::optional<DeviceBlock> DeviceBlocks::Pop() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopped_ || closed_ || !blocks_.empty(); });
  if (stopped_ || blocks_.empty()) return std::nullopt;
  std::optional<DeviceBlock> block(std::move(blocks_.front()));
  blocks_.pop_front();
  changed_.notify_all();
  return block;
}

void DeviceBlocks::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

void DeviceBlocks::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  blocks_.clear();
  spare_.clear();
  changed_.notify_all();
}

bool DeviceBlocks::stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

std::string DeviceBlocks::Spare() {
  const std::lock_guard lock(mutex_);
  std::string buffer;
  if (!spare_.empty()) {
    buffer = std::move(spare_.back());
    spare_.pop_back();
  }
  buffer.clear();
  buffer.reserve(kDeviceBlockOctets);
  return buffer;
}

void DeviceBlocks::GiveBack(std::string buffer) {
  const std::lock_guard lock(mutex_);
  spare_.push_back(std::move(buffer));
}

void DeviceParser::Run(const feeds::CsvReader& header, DeviceBlocks& blocks) {
  while (outcome_) {
    auto block = blocks.Pop();
    if (!block) break;
    Take(header, *block);
    blocks.GiveBack(std::move(block->held));
  }
  if (!blocks.stopped()) Finish();
  if (!outcome_) blocks.Stop();
  if (blocks.stopped()) Drop();
}

void DeviceParser::Take(const feeds::CsvReader& header, const DeviceBlock& block) {
  outcome_ = Read(header, block);
}

void DeviceParser::Finish() {
  if (outcome_ && sorter_) outcome_ = sorter_->Finish();
}

Status DeviceParser::Read(const feeds::CsvReader& header, const DeviceBlock& block) {
  auto reader = header.Part(block.Text(), block.line);
  std::string_view begun = block.Text();
  const auto let_go = [&] {
    if (block.file != nullptr) {
      block.file->LetGo(AsBytes(begun.substr(0, begun.size() - reader.rest().size())));
    }
    begun = reader.rest();
  };
  while (true) {
    const auto row = reader.Next();
    if (row && !row->has_value()) break;
    if (Status taken = TakeRow(row, reader.line()); !taken) return taken;
    if (begun.size() - reader.rest().size() < kDeviceBlockOctets) continue;
    let_go();
    if (Status goes_on = checks_.goes_on(); !goes_on) return goes_on;
  }
  let_go();
  return checks_.goes_on();
}

Status DeviceParser::TakeRow(const Result<std::optional<feeds::CsvRow>>& row, std::uint64_t line) {
  ++rows_;
  auto device = row ? feeds::ParseDeviceWith(**row, checks_.check, checks_.key_alone)
                    : Result<Device>(row.error());
  if (device) return sorter_->Add({device->id.value(), line}, store::PackDevice(*device));
  ++rejected_;
  if (rejects_.size() < kMaxDeviceRejects) {
    rejects_.push_back({line, device.error().explanation});
  }
  return Done{};
}

}  // namespace acb::platform
