#include "store/devices_ahead.h"

#include <system_error>

namespace acb::store {
namespace {

constexpr std::size_t kBatchOctets = std::size_t{1} << 20;  // each hand-over wakes a thread

Failure NotPacked() {
  return Failure(Reason::kStoreUnavailable, {}, "a packed device is not as it was made");
}

}  // namespace

DevicesAhead::DevicesAhead(const PackedDeviceSource& next) : next_(next) {
  for (Batch& batch : batches_) batch.octets.reserve(kBatchOctets + kMaxPackedDevice);
  try {
    thread_ = std::thread([this] { Run(); });
  } catch (const std::system_error&) {
    // The caller fills each batch itself.
  }
}

DevicesAhead::~DevicesAhead() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void DevicesAhead::Run() {
  for (std::size_t filling = 0;; filling = (filling + 1) % batches_.size()) {
    Batch& batch = batches_[filling];
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopped_ || !batch.filled; });
      if (stopped_) return;
    }
    Fill(batch);
    const bool more = !batch.last;
    {
      const std::lock_guard lock(mutex_);
      batch.filled = true;
    }
    changed_.notify_all();
    if (!more) return;
  }
}

void DevicesAhead::Fill(Batch& batch) const {
  batch.octets.clear();
  batch.devices.clear();
  while (!batch.last && batch.octets.size() < kBatchOctets) {
    Status added = AddOne(batch);
    if (added) continue;
    batch.failure = std::move(added).error();
    batch.last = true;
  }
}

Status DevicesAhead::AddOne(Batch& batch) const {
  const auto packed = next_();
  if (!packed) return packed.error();
  batch.last = !packed->has_value();
  if (batch.last) return Done{};
  if ((*packed)->size() > kMaxPackedDevice) return NotPacked();
  const std::size_t before = batch.octets.size();
  batch.octets.insert(batch.octets.end(), (*packed)->begin(), (*packed)->end());
  auto device = UnpackDevice(BytesView(batch.octets).subspan(before));
  if (!device) return NotPacked();
  batch.devices.push_back(*std::move(device));
  return Done{};
}

// The batch that is read goes back, and the one behind it is awaited.
void DevicesAhead::TakeBatch() {
  if (!thread_.joinable()) {
    Fill(batches_[reading_]);
    at_ = 0;
    return;
  }
  std::unique_lock lock(mutex_);
  if (begun_) {
    batches_[reading_].filled = false;
    changed_.notify_all();
    reading_ = (reading_ + 1) % batches_.size();
  }
  begun_ = true;
  at_ = 0;
  changed_.wait(lock, [this] { return batches_[reading_].filled; });
}

Result<const UnpackedDevice*> DevicesAhead::Next() {
  while (true) {  // ends with the source
    const Batch& batch = batches_[reading_];
    const bool here = begun_ || !thread_.joinable();
    if (here && at_ < batch.devices.size()) return &batch.devices[at_++];
    if (here && batch.failure) return *batch.failure;
    if (here && batch.last) return static_cast<const UnpackedDevice*>(nullptr);
    TakeBatch();
  }
}

}  // namespace acb::store
