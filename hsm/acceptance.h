// Whether a module is good enough to keep anchors in.
#pragma once

#include <functional>

#include "firmware/base/result.h"
#include "hsm/hsm.h"

namespace acb::hsm {

inline constexpr int kAcceptanceRounds = 30;
inline constexpr int kMaxAcceptanceRounds = 10'000;

// Through what the two look for each other's object.
enum class Look {
  kAnew,        // as a box does after a creation: through its lister
  kOwnSession,  // to measure what that is good for: through the session that it has had all along
};

struct AcceptanceTest {
  int rounds = kAcceptanceRounds;
  Look look = Look::kAnew;
  int misses_allowed = 0;  // to count on, when measuring
  std::function<void(int done)> progress{};
};

// Create-then-list from two processes (design.md section 5): two, each with a session of its own
// that it keeps as a box does, create an object and then list, in every round at the same time. The
// anchors' argument needs that at least one sees the other's, always.
//
// The objects are not anchors: another CKA_APPLICATION. They are destroyed after their round, those
// of an earlier test that was cut off at the start. The token must have its user's PIN and needs no
// keys; `settings.sessions` and `settings.lister` are not used. For a process that has no module
// and one thread: it forks. Blocks for some 50 ms a round with SoftHSM. The value is how many
// rounds neither saw the other's. Fails with
//   kConfiguration   a setting is of no use.
//   kHsmPin          the token refuses the PIN.
//   kHsmUnavailable  more misses than allowed: "round 3: neither process saw the other's object";
//                    or the module failed, and the detail says where.
Result<int> CountMisses(HsmSettings settings, AcceptanceTest test);

// A module is accepted only if no round misses. Fails as CountMisses does.
Status AcceptModule(HsmSettings settings, int rounds = kAcceptanceRounds,
                    std::function<void(int done)> progress = {});

}  // namespace acb::hsm
