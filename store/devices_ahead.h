// Packed devices, unpacked beside the writer's thread: it has no more to do than to write. Private
// to store/.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/result.h"
#include "store/packed_device.h"
#include "store/store.h"

namespace acb::store {

// Reads the source on a thread of its own, a batch ahead; without one, when the system gives none,
// on the caller's. The source outlives it, and is not called any more once it is gone.
class DevicesAhead {
 public:
  explicit DevicesAhead(const PackedDeviceSource& next);
  ~DevicesAhead();
  DevicesAhead(const DevicesAhead&) = delete;  // its thread points to it
  DevicesAhead& operator=(const DevicesAhead&) = delete;

  // The next device, until the next call; nullptr at the end. The failure of the source, where it
  // stands among the rows; kStoreUnavailable: PackDevice did not make the octets.
  Result<const UnpackedDevice*> Next();

 private:
  struct Batch {
    Bytes octets;  // never moved while there are records in it
    std::vector<UnpackedDevice> devices;
    std::optional<Failure> failure;  // behind the devices
    bool last = false;
    bool filled = false;  // guarded by mutex_: the reader's to fill, or the caller's to read
  };
  void Run();
  void Fill(Batch& batch) const;
  Status AddOne(Batch& batch) const;
  void TakeBatch();

  const PackedDeviceSource& next_;
  std::array<Batch, 2> batches_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
  std::size_t reading_ = 0;  // of batches_, by the caller
  std::size_t at_ = 0;       // of its devices
  bool begun_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace acb::store
