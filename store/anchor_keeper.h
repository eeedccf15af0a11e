// Steps 2 and 3 of the writer (design.md section 4): what ties the store to the HSM, so that an
// older state of the store, or a copy of it, cannot sign.
#pragma once

#include "firmware/base/result.h"

namespace acb::store {

// Called by the writer's thread only, after each flush, in this order. A failure of either means
// that no caller of the batch is released with a good answer, and that the store takes no more
// work.
class AnchorKeeper {
 public:
  virtual ~AnchorKeeper() = default;
  // Step 2: when an anchor is due, creates it. Blocks for the HSM.
  virtual Status AnchorIfDue() = 0;
  // Step 3: fails when an anchor higher than our own exists: another box took over.
  virtual Status LookForSuccessor() = 0;
};

// There is no anchor yet: issue 4 brings it. Until then a store put back to an earlier state, or a
// copy of it, is not noticed, and nobody may rely on promise P1 over such a thing.
class NoAnchorYet final : public AnchorKeeper {
 public:
  Status AnchorIfDue() override { return Done{}; }
  Status LookForSuccessor() override { return Done{}; }
};

}  // namespace acb::store
