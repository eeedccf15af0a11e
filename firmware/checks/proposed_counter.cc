#include "firmware/checks/proposed_counter.h"

#include "firmware/base/request_id.h"

namespace acb::checks {

Result<std::optional<OriginatorCounter>> ReadProposedCounter(
    std::optional<std::string_view> header) {
  if (!header) return std::optional<OriginatorCounter>();
  const auto number = ParseDecimal(*header);
  if (!number) {
    return Failure(Reason::kMalformed, "X-Originator-Counter is not a decimal number of 64 bits");
  }
  if (*number == 0) return Failure(Reason::kCounterRegression, "0 is not an originator counter");
  const auto counter = OriginatorCounter::From(*number);
  if (!counter) {
    return Failure(Reason::kCounterLimit,
                   "an originator counter is at most " + std::to_string(kMaxSeqNumber));
  }
  return std::optional<OriginatorCounter>(*counter);
}

}  // namespace acb::checks
