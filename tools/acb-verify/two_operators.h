// What takes two operators names two.
#pragma once

#include <cstdint>

#include "firmware/audit/entry.h"
#include "firmware/base/result.h"

namespace acb::verify {

// Releases, deletions and lifts, raises and imports of counters, a fenced export of them,
// recoveries, key ceremonies (R-SEC3-44, R-SEC3-50, R-SEC3-56, R-NOW-11). Whether two names are two
// people, no log shows. One thread.
class TwoOperators {
 public:
  // `whole`: the log is seen from its first entry on.
  explicit TwoOperators(bool whole) : whole_(whole) {}

  // A first word (`complete` false) and other entries say nothing here. kOtherOperator.
  Status See(const audit::Object& entry);
  std::uint64_t acts() const { return acts_; }  // seen, each by two
  std::uint64_t wrong() const { return wrong_; }

 private:
  bool TakesTwo(const audit::Object& entry);

  bool whole_;
  // Fencing is for good: exports of a fenced box say `fenced` too, and are one operator's again.
  bool fenced_ = false;
  std::uint64_t acts_ = 0;
  std::uint64_t wrong_ = 0;
};

}  // namespace acb::verify
