#include "store/feeds.h"

#include <algorithm>

#include "store/audit_log.h"
#include "store/reading.h"

namespace acb::store {
namespace {

// Some 25 MB of the store when they come in order of key.
constexpr std::uint64_t kRowsBeforeLettingGo = 100'000;

Status CheckName(std::string_view what, std::string_view name) {
  if (name.size() <= kMaxName) return Done{};
  return Failure(Reason::kFeedRejected,
                 std::string(what) + " is longer than " + std::to_string(kMaxName) + " octets");
}

Status CheckMpxn(std::string_view mpxn) {
  if (mpxn.size() <= kMaxMpxn) return Done{};
  return Failure(Reason::kFeedRejected,
                 "the meter point is longer than " + std::to_string(kMaxMpxn) + " octets");
}

// R-128-21: nothing that comes by a feed lowers a floor; a cell that the feed does not know stays.
CellState Merge(const CellState& recorded, const CellState& imported) {
  CellState merged = recorded;
  if (imported.holder != CellState::Holder::kUnknown) {
    merged.holder = imported.holder;
    merged.party = imported.party;
  }
  // An absent floor is below every floor.
  merged.floor = std::max(recorded.floor, imported.floor);
  return merged;
}

}  // namespace

Status Import::Upsert(Table table, BytesView key, BytesView payload, bool& changed) {
  const auto known = transaction_.Get(table, key);
  if (!known) return known.error();
  return Replace(table, key, *known, payload, changed);
}

// Only what says something new is written: a feed repeated does not touch the file but for its
// entry.
Status Import::Replace(Table table, BytesView key, const std::optional<Bytes>& known,
                       BytesView payload, bool& changed) {
  if (known && Equal(*known, payload)) return Done{};
  changed = true;
  return transaction_.Put(table, key, payload);
}

Status Import::Count(Status added, bool changed) {
  ++outcome_.rows;
  if (changed) ++outcome_.changed;
  return added;
}

Status Import::Add(const PartyRecord& row) {
  if (auto fits = CheckName("the party's name", row.party); !fits) return fits;
  bool changed = false;
  auto added = Upsert(Table::kParties, KeyOf(row), EncodeParty(row), changed);
  return Count(std::move(added), changed);
}

Status Import::Add(const Registration& row) {
  if (auto fits = CheckMpxn(row.mpxn); !fits) return fits;
  if (auto fits = CheckName("the supplier", row.supplier); !fits) return fits;
  if (auto fits = CheckName("the network operator", row.network_operator); !fits) return fits;
  bool changed = false;
  auto added = Upsert(Table::kRegistrations, KeyOf(row), EncodeRegistration(row), changed);
  return Count(std::move(added), changed);
}

Status Import::Add(const Device& row) {
  if (auto fits = CheckMpxn(row.mpxn); !fits) return fits;
  if (auto fits = CheckName("the model", row.model); !fits) return fits;
  const Bytes key = KeyOf(row.id);
  const auto known = transaction_.Get(Table::kDevices, key);
  if (!known) return known.error();
  const auto counted = transaction_.Get(Table::kCounters, key);
  const auto decoded = DecodeFound(Table::kCounters, key, counted, DecodeCounters);
  if (!decoded) return decoded.error();
  CountersRow counters;
  if (decoded->has_value()) {
    counters = **decoded;  // last_issued and raise stay what they are
  } else if (known->has_value()) {
    return Damaged(Table::kCounters, key, "is missing");
  } else {
    // A raise was for what may be lost of devices that were known then.
    const auto raise = RaiseOfNewDevices();
    if (!raise) return raise.error();
    counters.raise = *raise;
  }
  counters.supplier = Merge(counters.supplier, row.supplier);
  counters.network_operator = Merge(counters.network_operator, row.network_operator);

  bool changed = false;
  auto added = Replace(Table::kCounters, key, *counted, EncodeCounters(counters), changed);
  if (added) added = Replace(Table::kDevices, key, *known, EncodeDevice(row), changed);
  if (outcome_.rows % kRowsBeforeLettingGo == 0) transaction_.LetGoOfPages();
  return Count(std::move(added), changed);
}

Result<std::uint64_t> Import::RaiseOfNewDevices() {
  if (raise_) return *raise_;
  const auto fence = ReadSetting(transaction_, Setting::kFence, DecodeFence);
  if (!fence) return fence.error();
  raise_ = fence->raise;
  return *raise_;
}

Status Import::Add(Table table, BytesView der) {
  bool changed = false;
  auto added = Upsert(table, Sha256(der), der, changed);
  return Count(std::move(added), changed);
}

Status Import::RaiseTrustGeneration() {
  const auto generation = ReadSetting(transaction_, Setting::kTrustGeneration, DecodeNumber);
  if (!generation) return generation.error();
  return transaction_.Put(Table::kSettings, KeyOf(Setting::kTrustGeneration),
                          EncodeNumber(*generation + 1));
}

Result<ImportOutcome> Import::Finish(Feed feed, const audit::Entry& entry) {
  // Every feed: what a decision rested on is read again at the reservation (design.md section 4).
  if (outcome_.changed != 0) {
    if (auto raised = RaiseTrustGeneration(); !raised) return std::move(raised).error();
  }
  for (const Table table : {Table::kCertificates, Table::kRevocationLists}) {
    const auto count = transaction_.Count(table);
    if (!count) return count.error();
    if (*count > kMaxTrustRows) {
      return Failure(Reason::kFeedRejected, "the box holds at most " +
                                                std::to_string(kMaxTrustRows) + " " +
                                                std::string(Name(table)));
    }
  }
  audit::Entry counted = entry;
  counted.Set("rows", std::to_string(outcome_.rows));
  counted.Set("changed", std::to_string(outcome_.changed));
  const auto receipt = AppendEntry(transaction_, counted, environment_);
  if (!receipt) return receipt.error();
  outcome_.receipt = *receipt;
  const LastImport last{outcome_.rows, outcome_.changed, receipt->index};
  const Bytes key = {static_cast<std::uint8_t>(feed)};
  if (auto put = transaction_.Put(Table::kFeeds, key, EncodeLastImport(last)); !put) {
    return std::move(put).error();
  }
  return outcome_;
}

}  // namespace acb::store
