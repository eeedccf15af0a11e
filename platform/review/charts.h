// Charts: a table that the server writes, which the page's script also draws.
#pragma once

#include <string>
#include <vector>

#include "platform/review/html.h"
#include "platform/review/tally.h"

namespace acb::review {

enum class BarUnit { kHour, kDay, kMonth };

// A figure with its legend, and the table of its bars: every number links to the entries behind it
// (R-063-12). Without scripts the table is what is seen.
void AddChart(Html& html, const std::string& title, BarUnit unit, const std::vector<Bar>& bars);

// One line with the sum of the bars.
void AddTotals(Html& html, const std::vector<Bar>& bars);

// Which entries a figure counts; what is empty does not matter.
struct EntryFilter {
  std::string outcome;  // "signed", "refused", "quarantined", "undecided"; empty: of any kind
  std::optional<std::string> party;
  std::string reason;
  std::optional<UtcTime> from;
  std::optional<UtcTime> to;
};
// The path of the list of these entries, to be looked for from `first` to `last`.
std::string EntriesPath(const EntryFilter& filter, std::uint64_t first, std::uint64_t last);

}  // namespace acb::review
