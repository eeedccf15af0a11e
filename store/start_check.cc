#include <boost/json.hpp>
#include <charconv>
#include <string>

#include "store/audit_log.h"
#include "store/reading.h"
#include "store/start.h"

namespace acb::store {
namespace {

// `anchor` and `start` entries to walk back over: the anchor in the token may be the one before
// the last entry.
constexpr int kAnchorsBack = 2;

struct Spent {
  Eui64 device{0};
  std::uint64_t counter = 0;
};

bool SpendsCounter(std::string_view kind) {
  return kind == "signed" || kind == "abandoned" || kind == "reserved-elsewhere";
}

std::string_view Text(const boost::json::object& entry, std::string_view name) {
  const auto* value = entry.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                : std::string_view();
}

std::optional<Spent> SpentBy(const boost::json::object& entry) {
  const auto device = Eui64::FromHyphenated(Text(entry, "device"));
  const std::string_view number = Text(entry, "originator_counter");
  Spent spent;
  const char* const end = number.data() + number.size();
  const auto [stop, error] = std::from_chars(number.data(), end, spent.counter);
  if (!device || error != std::errc() || stop != end) return {};
  spent.device = *device;
  return spent;
}

Status CompareRow(const Transaction& transaction, std::uint64_t index, const Spent& spent) {
  const auto row = FindCounters(transaction, spent.device);
  // A row that cannot be read gives out no counter: that stops its device, not the box.
  if (!row && row.error().reason == Reason::kRecordDamaged) return Done{};
  if (!row) return row.error();
  if (row->has_value() && (*row)->last_issued >= spent.counter) return Done{};
  return Damaged(Table::kCounters, KeyOf(spent.device),
                 "is below counter " + std::to_string(spent.counter) + " of audit entry " +
                     std::to_string(index));
}

}  // namespace

Status CompareEntriesWithCounters(const Transaction& transaction) {
  const auto size = AuditSizeOf(transaction);
  if (!size) return size.error();
  const std::uint64_t stop = *size > kMaxEntriesCompared ? *size - kMaxEntriesCompared : 0;
  int anchors = 0;
  for (std::uint64_t index = *size; index-- > stop && anchors < kAnchorsBack;) {
    const auto read = ReadEntries(transaction, index, 1);
    if (!read) return read.error();
    if (read->empty()) return Damaged(Table::kAuditEntries, KeyOf(index), "is missing");
    boost::system::error_code error;
    const auto value = boost::json::parse(read->front(), error);
    if (error || !value.is_object()) {
      return Damaged(Table::kAuditEntries, KeyOf(index), "is no JSON object");
    }
    const boost::json::object& entry = value.get_object();
    const std::string_view kind = Text(entry, "kind");
    if ((kind == "anchor" && !entry.contains("continues")) || kind == "start") ++anchors;
    if (!SpendsCounter(kind)) continue;
    const auto spent = SpentBy(entry);
    if (!spent) {
      return Damaged(Table::kAuditEntries, KeyOf(index), "names no device and counter");
    }
    if (auto sound = CompareRow(transaction, index, *spent); !sound) return sound;
  }
  return Done{};
}

}  // namespace acb::store
