// What the pass over the entries verified and what it could not, in sentences.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tools/acb-verify/counters.h"
#include "tools/acb-verify/entries.h"
#include "tools/acb-verify/findings.h"
#include "tools/acb-verify/request_ids.h"
#include "tools/acb-verify/signed_command.h"

namespace acb::verify {

struct EntryCounts {
  std::uint64_t entries = 0;
  std::uint64_t withheld = 0;
  std::uint64_t good = 0;    // canonical, at its index, of a kind, of the environment, with a time
  std::uint64_t proven = 0;  // in the signed tree
  std::uint64_t sealed = 0;
  std::uint64_t disclosed = 0;
  std::uint64_t wrong_counters = 0;
  std::uint64_t commands = 0;      // signed entries
  std::uint64_t verified = 0;      // of them, all of it
  std::uint64_t no_floor = 0;      // of them, those that name no recorded floor
  std::uint64_t undecided = 0;     // refused and held requests that an entry names
  std::uint64_t requests = 0;      // of them, those that are the named ones
  std::uint64_t signed_again = 0;  // RequestIDs
  std::uint64_t decided_anew = 0;  // of them, those whose answer was lost before a recovery
  RequestIds::Again first_decided_anew;
  std::uint64_t acts_of_two = 0;  // acts by two operators; 0 also when one was not
  // Of the clock. An entry's time is when its decision began, its index when it was committed.
  std::uint64_t overlaps = 0;  // entries that are earlier than one before, by less than a step
  std::int64_t farthest_overlap_ms = 0;
  std::uint64_t steps_back = 0;
  std::int64_t farthest_back_ms = 0;
  std::uint64_t farthest_back_at = 0;  // entry
};

void ReportEntries(const EntryCounts& counts, const Counters& counters,
                   const CommandCounts& commands, const Range& range, const TrustHistory* trust,
                   Findings& findings);

}  // namespace acb::verify
