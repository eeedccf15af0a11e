// Recovery by two operators (design.md section 4, "Recover"; R-SEC3-78). Private to store/.
#pragma once

#include "store/start.h"

namespace acb::store {

// A counter jumps at most this far at once (reliability.md section 1): a base leaves room for it.
inline constexpr std::uint64_t kGreatestBase = kMaxSeqNumber - (std::uint64_t{1} << 48);

// Whether a start would go on, as far as the token's anchors and the store say now; nothing is
// created. Store::CheckAnchors.
Status CheckAnchorsOf(const StartParts& parts);

// Store::Recover. As an act of the writer (start.h). `counter_jump`: OpenSettings.
//
// In this order, so that a crash leaves the old state, or one that starts or can be recovered
// again:
//   1. list, decide, check;
//   2. create a claim above every epoch seen, list again: nothing above it;
//   3. one transaction: what is replayed, the fence, the epoch, the `operator` entry; flush;
//   4. create the object `stopped`, which names the new tree; list again;
//   5. destroy every other object.
Result<Recovery> RecoverStore(const StartParts& parts, const RecoverOrder& order,
                              std::uint64_t counter_jump);

}  // namespace acb::store
