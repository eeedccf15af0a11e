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

// Called by the writer's thread only, in this order for each batch. A failure of the HSM is no
// doubt: what was flushed stays, and the same is tried again with the next batch or second.
class AnchorKeeper {
 public:
  virtual ~AnchorKeeper() = default;

  // After step 1.
  virtual void Note(const BatchWrites& writes) = 0;

  // Step 2. When an anchor is due: the HSM answers, the entry, which the writer commits and
  // flushes, then the object that names the tree that ends with it. The last blocks for the HSM.
  virtual bool IsDue() const = 0;
  virtual Status CheckReachable() = 0;
  virtual Status AppendAnchorEntry(WriteTransaction& transaction) = 0;
  virtual Status CreateObject() = 0;

  // Step 3. kOvertaken: an anchor higher than our own exists, another box took over, for good.
  // kHsmUnavailable: whether one exists is not known. Blocks for the HSM.
  virtual Status LookForSuccessor() = 0;

  // Step 4. False while more is outstanding than the window: no reservation is released.
  virtual bool MayReleaseReservations() const = 0;
};

}  // namespace acb::store
