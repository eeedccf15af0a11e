// Figures of the review page, counted from the entries of the audit log (R-SEC3-59).
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "firmware/base/eui64.h"
#include "firmware/base/time.h"
#include "firmware/base/trust_anchor_cell.h"

namespace acb::review {

// What became of requests. `undecided`: could not be decided (a fault), the RequestID stayed open.
struct Counts {
  std::uint64_t handed_over = 0;  // signed
  std::uint64_t refused = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t undecided = 0;

  std::uint64_t all() const { return handed_over + refused + quarantined + undecided; }
  Counts& operator+=(const Counts& other);
  friend bool operator==(const Counts&, const Counts&) = default;
};

// Indices of the first and the last entry behind a figure; between them are others too.
struct Span {
  std::uint64_t first = 0;
  std::uint64_t last = 0;

  void Add(std::uint64_t index);
  void Add(const Span& other);
  bool empty() const { return none_; }

 private:
  bool none_ = true;
};

// A month of the UTC calendar.
struct Month {
  int year = 1970;
  unsigned month = 1;  // 1 to 12

  // "2026-11"; nothing when it is none.
  static std::optional<Month> FromText(std::string_view text);
  static Month Of(UtcTime at);
  std::string Text() const;
  UtcTime begin() const;
  UtcTime end() const { return Plus(1).begin(); }
  // `months` later, earlier when it is negative.
  Month Plus(int months) const;

  friend auto operator<=>(const Month&, const Month&) = default;
};

inline constexpr std::size_t kHoursOfDay = 24;
inline constexpr int kMonthsShown = 12;
inline constexpr std::size_t kStuckShown = 50;
inline constexpr std::size_t kAlarmsShown = 20;
inline constexpr std::size_t kRefusalsShown = 500;
// A command whose outcome was not observed after this time is called stuck.
inline constexpr std::int64_t kStuckAfterSeconds = 24 * 60 * 60;

// One bar: what happened in [from, to).
struct Bar {
  UtcTime from{0};
  UtcTime to{0};
  Counts counts;
  Span span;
};

struct RefusalRow {
  std::string party;  // the supplier's short name; empty when nobody was identified
  std::string reason;
  std::uint64_t count = 0;
  Span span;
};

struct StuckDevice {
  Eui64 device{0};
  RemotePartyRole role = RemotePartyRole::kSupplier;
  UtcTime since{0};                     // when the command was signed
  std::uint64_t index = 0;              // its entry
  std::optional<std::uint64_t> failed;  // entry of the observation that says it failed
};

struct Alarm {
  UtcTime at{0};
  std::uint64_t index = 0;
  std::string alarm;
  std::string device;  // empty when it is of none
};

// The figures of one moment.
struct Figures {
  std::uint64_t counted = 0;   // entries 0 to counted - 1
  std::uint64_t left_out = 0;  // of these, decisions that found no room in the tally
  std::vector<Bar> today;      // hours
  Month month;
  std::vector<Bar> days;             // of the month; of this one up to today
  std::vector<Bar> months;           // the last twelve, the one of `now` last
  std::vector<RefusalRow> refusals;  // of the month, most first, at most kRefusalsShown
  std::uint64_t refusal_rows = 0;    // all of them
  std::vector<StuckDevice> stuck;    // longest first, at most kStuckShown
  std::uint64_t stuck_count = 0;
  bool stuck_incomplete = false;  // more commands waited than the tally keeps
  std::vector<Alarm> alarms;      // newest first
};

// Takes the entries of the log in order, each once. Bounded: what finds no room is counted as left
// out and said on the page. Not thread-safe.
class Tally {
 public:
  static constexpr std::size_t kMaxDays = 4'000;
  static constexpr std::size_t kMaxRefusalRows = 20'000;
  static constexpr std::size_t kMaxWaiting = 100'000;

  // The octets of entry number counted(). What is no JSON object counts as an entry and as nothing
  // else.
  void Take(std::string_view octets);
  std::uint64_t counted() const { return counted_; }

  Figures Of(UtcTime now, Month month) const;

 private:
  struct Day {
    std::array<Counts, kHoursOfDay> hours{};
    Span span;
  };
  struct Cell {
    std::uint64_t count = 0;
    Span span;
  };
  struct Waiting {
    UtcTime since{0};
    std::uint64_t index = 0;
    std::uint64_t counter = 0;
    std::optional<Eui64> originator;
    std::optional<std::uint64_t> failed;
  };
  struct Fields;
  using Refusals = std::map<std::pair<std::string, std::string>, Cell>;  // party, reason

  void TakeDecision(const Fields& entry);
  void TakeSigned(const Fields& entry);
  void TakeObserved(const Fields& entry);
  void TakeRefusal(const Fields& entry);
  Bar BarOf(UtcTime from, UtcTime to) const;
  void ListRefusals(Month month, Figures& figures) const;
  void ListStuck(UtcTime now, Figures& figures) const;

  std::uint64_t counted_ = 0;
  std::uint64_t left_out_ = 0;
  std::map<std::int64_t, Day> days_;  // by days since 1970-01-01
  std::map<Month, Refusals> refusals_;
  std::size_t refusal_rows_ = 0;
  std::map<std::pair<Eui64, RemotePartyRole>, Waiting> waiting_;
  bool waiting_full_ = false;
  std::deque<Alarm> alarms_;
};

}  // namespace acb::review
