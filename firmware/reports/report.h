// What a report is: rows out of entries of the log and records, for auditors (requirements.md,
// section 3). Everything in this folder is pure: no clock, no I/O.
//
// Each figure keeps the indices of the audit entries behind it (R-063-12), up to a bound; the whole
// list is had by asking for that figure alone.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "firmware/base/result.h"
#include "firmware/base/time.h"
#include "firmware/reports/log_entry.h"

namespace acb::reports {

// Rows of one answer; the rest is on the pages that follow.
inline constexpr std::size_t kMaxRows = 5'000;
// Things that are told apart while the log is read (devices, cells), each some 100 octets.
inline constexpr std::size_t kMaxTracked = 1'000'000;
// Entries that a figure lists beside itself, and those of one page when it is asked for alone.
inline constexpr std::size_t kListedEntries = 20;
inline constexpr std::size_t kEntriesOfAPage = 10'000;

// [from, to): as every interval here.
struct Period {
  UtcTime from{0};
  UtcTime to{0};

  bool Has(UtcTime at) const { return from <= at && at < to; }
  // The last instant of the period: what a report on a past month calls "now" (R-107-7).
  UtcTime end() const { return UtcTime(to.milliseconds() - 1); }
};

// Which of the entries behind the figures are kept: from `first` on, at most `most` of each.
struct Listing {
  std::uint64_t first = 0;
  std::size_t most = kListedEntries;
};

// A number that entries of the log make.
class Count {
 public:
  // In any order: the least indices from listing.first on are kept, so that pages that begin after
  // each other list every entry once (R-063-12).
  void Add(std::uint64_t index, const Listing& listing);
  std::uint64_t number() const { return number_; }
  const std::vector<std::uint64_t>& entries() const { return entries_; }

 private:
  std::uint64_t number_ = 0;
  std::vector<std::uint64_t> entries_;
};

// A count with the name that it can be asked for by.
struct Figure {
  std::string id;
  Count count;
};

// Texts with names of their own: "owner", "certificate".
using Members = std::vector<std::pair<std::string_view, std::string>>;

// Nothing, text, truth, texts, members, a count.
using Cell =
    std::variant<std::monostate, std::string, bool, std::vector<std::string>, Members, Figure>;
Cell TextOrNothing(std::string_view text);
// In one line: nothing is empty, lists have commas, a count is its number.
std::string PlainText(const Cell& cell);
using Row = std::vector<std::pair<std::string_view, Cell>>;

// A number over the whole report, in words: "refusals in all".
struct Total {
  std::string name;
  Cell value;
};

struct Report {
  std::vector<std::string_view> columns;  // of every row, in order
  std::vector<Row> rows;
  std::vector<Total> totals;
  std::vector<std::string> notices;  // what a reader must know to read it right
  std::optional<std::string> next;   // where the next page begins
};

// Where an entry stands to the period.
enum class Where { kBefore, kWithin, kAfter };

// Makes a report of the entries that it is shown, in their order.
class LogReport {
 public:
  virtual ~LogReport() = default;
  // Every entry, before Wants is asked of it.
  virtual void Glance(std::uint64_t, const EntryHead&) {}
  // Whether Take is to see such an entry: it is then parsed.
  virtual bool Wants(const EntryHead& head, Where where) const = 0;
  virtual void Take(const LogEntry& entry, Where where) = 0;
  virtual Report Finish() = 0;
};

// Reads the log once for one report.
class LogPass {
 public:
  LogPass(const Period& period, LogReport& report) : period_(period), report_(report) {}

  // The next entry. kRecordDamaged: it is none.
  Status Take(std::uint64_t index, std::string_view octets);
  // Versions of the rule set that decisions of the period were made by (R-SEC3-65).
  const std::set<std::string>& rule_sets() const { return rule_sets_; }

 private:
  static constexpr std::size_t kParseOctets = 32 * 1024;
  Period period_;
  LogReport& report_;
  std::set<std::string> rule_sets_;
  std::vector<unsigned char> buffer_ = std::vector<unsigned char>(kParseOctets);
};

}  // namespace acb::reports
