// What the writer does with the anchors in the HSM (design.md section 4, "The writer"): what ties
// the store to the HSM, so that an older state of the store, or a copy of it, cannot sign.
#pragma once

#include <cstdint>

#include "firmware/base/result.h"
#include "store/transactions.h"

namespace acb::store {

// What a batch wrote, once it is on the disk.
struct BatchWrites {
  bool grew = false;        // entries were appended, or a counter moved
  std::uint64_t moved = 0;  // distance by which last_issued went up, over all devices
  bool anchor_demanded = false;
};

// Called by the writer's thread, in this order for each batch, but for the last two, which another
// thread calls while batches go on: the HSM takes long to make an object, and the reservations that
// need no new anchor do not wait for it. A failure of the HSM is no doubt: what was flushed stays,
// and the same is tried again with the next batch or second.
class AnchorKeeper {
 public:
  virtual ~AnchorKeeper() = default;

  // After step 1.
  virtual void Note(const BatchWrites& writes) = 0;

  // Step 2. When an anchor is due, and none is in the making: the HSM answers; the entry, which the
  // writer commits and flushes. What was noted until then is what this anchor covers.
  virtual bool IsDue() const = 0;
  virtual Status CheckReachable() = 0;
  virtual Status AppendAnchorEntry(WriteTransaction& transaction) = 0;

  // Step 3. kOvertaken: an anchor higher than our own exists, another box took over, for good.
  // kHsmUnavailable: whether one exists is not known. Blocks for the HSM.
  virtual Status LookForSuccessor() = 0;

  // Step 4. False while more is outstanding than the window, or something waits for its anchor: no
  // reservation is released. Thread-safe.
  virtual bool MayReleaseReservations() const = 0;

  // Step 2 goes on, and step 3 of those who wait for this anchor: the object that names the tree
  // that ends with the entry, then a listing anew. Good: the anchor has passed. Fails as
  // LookForSuccessor. Blocks for the HSM.
  virtual Status MakeObject() = 0;
  // When it has passed: of this start, whatever is lower goes. Blocks for the HSM.
  virtual void DestroyLower() = 0;
};

}  // namespace acb::store
