#include "platform/review/tally.h"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>

#include "firmware/base/reason.h"
#include "firmware/base/request_id.h"
#include "platform/review/entry_view.h"

namespace acb::review {
namespace {

constexpr std::int64_t kHour = 60 * 60;
constexpr std::int64_t kDay = 24 * kHour;

std::int64_t FloorDivide(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}
std::int64_t DayOf(UtcTime at) { return FloorDivide(at.seconds(), kDay); }
std::size_t HourOf(UtcTime at) {
  return static_cast<std::size_t>((at.seconds() - DayOf(at) * kDay) / kHour);
}
UtcTime StartOfDay(std::int64_t day) { return UtcTime::FromSeconds(day * kDay); }

bool Holds(const boost::json::object& entry, std::string_view name, std::string_view text) {
  const boost::json::value* list = entry.if_contains(name);
  if (list == nullptr || !list->is_array()) return false;
  return std::ranges::any_of(list->get_array(), [&](const boost::json::value& each) {
    return each.is_string() && each.get_string() == text;
  });
}

// Entries up to some kilobytes are parsed without asking the heap.
constexpr std::size_t kParseRoom = 16 * 1024;

}  // namespace

// What the tally reads of an entry.
struct Tally::Fields {
  std::uint64_t index;
  UtcTime at;
  std::string_view kind;
  const boost::json::object& members;

  std::string_view Text(std::string_view name) const { return TextOf(members, name); }
  std::optional<Eui64> device() const { return Eui64::FromHyphenated(Text("device")); }
  std::optional<Eui64> originator() const { return Eui64::FromHyphenated(Text("originator")); }
  std::optional<std::uint64_t> counter() const { return ParseDecimal(Text("originator_counter")); }
};

Counts& Counts::operator+=(const Counts& other) {
  handed_over += other.handed_over;
  refused += other.refused;
  quarantined += other.quarantined;
  undecided += other.undecided;
  return *this;
}

void Span::Add(std::uint64_t index) {
  first = none_ ? index : std::min(first, index);
  last = none_ ? index : std::max(last, index);
  none_ = false;
}

void Span::Add(const Span& other) {
  if (other.none_) return;
  Add(other.first);
  Add(other.last);
}

std::optional<Month> Month::FromText(std::string_view text) {
  const auto begin = UtcTime::FromIsoDate(std::string(text) + "-01");
  if (!begin) return std::nullopt;
  return Of(*begin);
}

Month Month::Of(UtcTime at) {
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(DayOf(at)))};
  return {int{date.year()}, unsigned{date.month()}};
}

std::string Month::Text() const { return begin().Iso().substr(0, std::size("2026-11") - 1); }

UtcTime Month::begin() const {
  const std::chrono::sys_days day{std::chrono::year(year) / std::chrono::month(month) / 1};
  return StartOfDay(day.time_since_epoch().count());
}

Month Month::Plus(int months) const {
  const auto sum = std::chrono::year_month(std::chrono::year(year), std::chrono::month(month)) +
                   std::chrono::months(months);
  return {int{sum.year()}, unsigned{sum.month()}};
}

void Tally::Take(std::string_view octets) {
  const std::uint64_t index = counted_++;
  std::array<unsigned char, kParseRoom> room;
  boost::json::monotonic_resource storage(room.data(), room.size());
  boost::json::error_code error;
  const boost::json::value parsed = boost::json::parse(octets, error, &storage);
  if (error || !parsed.is_object()) return;
  const boost::json::object& members = parsed.get_object();
  const auto at = UtcTime::FromIso(TextOf(members, "time"));
  if (!at) return;
  const Fields entry{
      .index = index, .at = *at, .kind = TextOf(members, "kind"), .members = members};
  if (entry.kind == "observed") TakeObserved(entry);
  if (entry.kind == "alarm") {
    alarms_.push_front(
        {*at, index, std::string(entry.Text("alarm")), std::string(entry.Text("device"))});
    if (alarms_.size() > kAlarmsShown) alarms_.pop_back();
  }
  if (!OutcomeOf(members).empty()) TakeDecision(entry);
}

void Tally::TakeDecision(const Fields& entry) {
  const std::int64_t number = DayOf(entry.at);
  if (days_.size() >= kMaxDays && !days_.contains(number)) {
    ++left_out_;
    return;
  }
  Day& day = days_[number];
  Counts& counts = day.hours[HourOf(entry.at)];
  day.span.Add(entry.index);
  const std::string_view outcome = OutcomeOf(entry.members);
  if (outcome == "signed") {
    ++counts.handed_over;
    TakeSigned(entry);
  } else if (outcome == "quarantined") {
    ++counts.quarantined;
  } else if (outcome == "refused") {
    ++counts.refused;
    TakeRefusal(entry);
  } else {
    ++counts.undecided;
  }
}

void Tally::TakeSigned(const Fields& entry) {
  const auto device = entry.device();
  const auto counter = entry.counter();
  if (!device || !counter) return;
  const RemotePartyRole role = entry.Text("role") == Name(RemotePartyRole::kNetworkOperator)
                                   ? RemotePartyRole::kNetworkOperator
                                   : RemotePartyRole::kSupplier;
  const std::pair key(*device, role);
  if (waiting_.size() >= kMaxWaiting && !waiting_.contains(key)) {
    waiting_full_ = true;
    return;
  }
  // The newest command of a role is the one that counts.
  waiting_[key] = {entry.at, entry.index, *counter, entry.originator(), std::nullopt};
}

void Tally::TakeObserved(const Fields& entry) {
  const auto device = entry.device();
  const auto counter = entry.counter();
  if (!device || !counter || entry.Text("stage") != "executed") return;
  const bool failed = Holds(entry.members, "observations", Describe(Reason::kNotSuccessful).name);
  for (const RemotePartyRole role :
       {RemotePartyRole::kSupplier, RemotePartyRole::kNetworkOperator}) {
    const auto found = waiting_.find({*device, role});
    if (found == waiting_.end() || found->second.counter != *counter) continue;
    // A command of somebody else can have the same counter.
    if (found->second.originator != entry.originator()) continue;
    if (failed) {
      found->second.failed = entry.index;
    } else {
      waiting_.erase(found);
    }
  }
}

void Tally::TakeRefusal(const Fields& entry) {
  Refusals& month = refusals_[Month::Of(entry.at)];
  const std::pair key(std::string(SupplierOf(entry.members)), std::string(entry.Text("reason")));
  auto found = month.find(key);
  if (found == month.end()) {
    if (refusal_rows_ >= kMaxRefusalRows) {
      ++left_out_;
      return;
    }
    ++refusal_rows_;
    found = month.emplace(key, Cell{}).first;
  }
  ++found->second.count;
  found->second.span.Add(entry.index);
}

Bar Tally::BarOf(UtcTime from, UtcTime to) const {
  Bar bar{from, to, {}, {}};
  const auto end = days_.lower_bound(DayOf(UtcTime(to.milliseconds() - 1)) + 1);
  for (auto day = days_.lower_bound(DayOf(from)); day != end; ++day) {
    for (std::size_t hour = 0; hour < kHoursOfDay; ++hour) {
      const UtcTime at =
          StartOfDay(day->first).PlusSeconds(static_cast<std::int64_t>(hour) * kHour);
      if (at < from || to <= at) continue;
      bar.counts += day->second.hours[hour];
    }
    bar.span.Add(day->second.span);
  }
  return bar;
}

void Tally::ListRefusals(Month month, Figures& figures) const {
  const auto found = refusals_.find(month);
  if (found == refusals_.end()) return;
  for (const auto& [key, cell] : found->second) {
    figures.refusals.push_back({key.first, key.second, cell.count, cell.span});
  }
  std::ranges::stable_sort(figures.refusals, std::greater(), &RefusalRow::count);
  figures.refusal_rows = figures.refusals.size();
  if (figures.refusals.size() > kRefusalsShown) {
    figures.refusals.erase(figures.refusals.begin() + kRefusalsShown, figures.refusals.end());
  }
}

void Tally::ListStuck(UtcTime now, Figures& figures) const {
  const UtcTime before = now.PlusSeconds(-kStuckAfterSeconds);
  std::vector<StuckDevice> stuck;
  for (const auto& [key, waiting] : waiting_) {
    if (!waiting.failed && before <= waiting.since) continue;
    stuck.push_back({key.first, key.second, waiting.since, waiting.index, waiting.failed});
  }
  figures.stuck_count = stuck.size();
  figures.stuck_incomplete = waiting_full_;
  const std::size_t shown = std::min(stuck.size(), kStuckShown);
  std::ranges::partial_sort(stuck, stuck.begin() + static_cast<std::ptrdiff_t>(shown), {},
                            &StuckDevice::index);
  figures.stuck.assign(stuck.begin(), stuck.begin() + static_cast<std::ptrdiff_t>(shown));
}

Figures Tally::Of(UtcTime now, Month month) const {
  Figures figures;
  figures.counted = counted_;
  figures.left_out = left_out_;
  figures.month = month;
  const std::int64_t today = DayOf(now);
  for (UtcTime at = StartOfDay(today); at < StartOfDay(today + 1); at = at.PlusSeconds(kHour)) {
    figures.today.push_back(BarOf(at, at.PlusSeconds(kHour)));
  }
  const UtcTime end = std::min(month.end(), std::max(StartOfDay(today + 1), month.begin()));
  for (UtcTime at = month.begin(); at < end; at = at.PlusSeconds(kDay)) {
    figures.days.push_back(BarOf(at, at.PlusSeconds(kDay)));
  }
  const Month current = Month::Of(now);
  for (int i = 1 - kMonthsShown; i <= 0; ++i) {
    figures.months.push_back(BarOf(current.Plus(i).begin(), current.Plus(i).end()));
  }
  ListRefusals(month, figures);
  ListStuck(now, figures);
  figures.alarms.assign(alarms_.begin(), alarms_.end());
  return figures;
}

}  // namespace acb::review
