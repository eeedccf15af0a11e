// X-Originator-Counter: the counter that the DSP proposes for a command (design.md section 4).
#pragma once

#include <optional>
#include <string_view>

#include "firmware/base/result.h"
#include "firmware/base/trust_anchor_cell.h"

namespace acb::checks {

// Nothing when the header is absent. Whether the value is high enough is for CounterStore::Reserve.
// Fails with kMalformed (not a decimal of 64 bits), kCounterRegression (0: never a counter),
// kCounterLimit (above 2^63-1, R-NOW-2: compared as unsigned, never wrapped).
Result<std::optional<OriginatorCounter>> ReadProposedCounter(
    std::optional<std::string_view> header);

}  // namespace acb::checks
