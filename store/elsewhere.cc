#include "store/elsewhere.h"

#include <algorithm>
#include <string>

#include "firmware/lost_imports.h"
#include "store/audit_log.h"
#include "store/counters.h"
#include "store/fields.h"
#include "store/quarantine.h"
#include "store/reading.h"
#include "store/suspensions.h"

namespace acb::store {
namespace {

struct Decision {
  OriginatorCounter counter;
  CountersRow row;
};

Result<OriginatorCounter> NextForOthers(const CountersRow& row, const Fence& fence,
                                        const OpenSettings& settings) {
  const auto floor = FloorOfAllCells(row, settings.recorded_floor_limit);
  if (!floor) return floor.error();
  return NextCounter(row.last_issued, *floor, fence.base);
}

// A counter for others is above the floors of all cells.
Status CheckNoneHeld(const Transaction& transaction, Eui64 device) {
  for (const RemotePartyRole role :
       {RemotePartyRole::kSupplier, RemotePartyRole::kNetworkOperator}) {
    if (Status open = CheckNothingHeld(transaction, device, role); !open) return open;
  }
  return Done{};
}

// Floors that went with the disk: what is given out below one is spent for nothing.
Status CheckFloorsNotLost(const Transaction& transaction) {
  const auto import = FindLastImportRow(transaction, Feed::kDevices);
  if (!import) return import.error();
  return CheckNotLost(*import, Feed::kDevices);
}

Result<Decision> Decide(const Transaction& transaction, const ElsewhereWish& wish,
                        const OpenSettings& settings) {
  const auto fence = ReadSetting(transaction, Setting::kFence, DecodeFence);
  if (!fence) return fence.error();
  auto row = FindCurrentCounters(transaction, wish.device, *fence);
  if (!row) return std::move(row).error();
  if (!row->has_value()) return Failure(Reason::kDeviceUnknown);
  // R-SEC3-56: what is stopped gets no counter to sign with elsewhere either.
  if (Status open = CheckDeviceNotStopped(transaction, wish.device); !open) {
    return std::move(open).error();
  }
  if (Status ours = CheckNotExported(*fence); !ours) return std::move(ours).error();
  if (Status open = CheckNoneHeld(transaction, wish.device); !open) return std::move(open).error();
  if (Status here = CheckFloorsNotLost(transaction); !here) return std::move(here).error();
  const auto next = NextForOthers(**row, *fence, settings);
  if (!next) return next.error();
  const auto counter = ChooseCounter(*next, wish.proposed, settings.counter_jump);
  if (!counter) return counter.error();
  return Decision{*counter, **std::move(row)};
}

}  // namespace

Bytes KeyOfElsewhere(Eui64 device, OriginatorCounter counter) {
  return ByteWriter().U64(device.value()).U64(counter.value()).bytes();
}

Bytes EncodeElsewhere(const ElsewhereRow& row) {
  ByteWriter out;
  out.U64(Biased(row.at));
  PutText(out, row.purpose);
  if (row.command) out.Raw(*row.command);
  return std::move(out).bytes();
}

std::optional<ElsewhereRow> DecodeElsewhere(BytesView payload) {
  ByteReader in(payload);
  ElsewhereRow row;
  row.at = Unbiased(in.U64());
  row.purpose = TakeText(in);
  if (in.ok() && !in.rest().empty()) row.command = TakeArray<32>(in);
  if (!in.Finished()) return {};
  return row;
}

Result<FloorSeqNumber> FloorOfAllCells(const CountersRow& row, std::uint64_t floor_limit) {
  FloorSeqNumber greatest = *FloorSeqNumber::From(0);
  for (const CellState* cell : {&row.supplier, &row.network_operator}) {
    if (!cell->floor) continue;
    if (cell->floor->value() <= floor_limit) {
      greatest = std::max(greatest, *cell->floor);
    } else if (cell->holder != CellState::Holder::kParty) {
      return Failure(Reason::kFloorLimit, "a recorded floor of the device is above the limit " +
                                              std::to_string(floor_limit));
    }
  }
  return greatest;
}

Result<Elsewhere> ReserveForOthers(WriteTransaction& transaction, const ElsewhereWish& wish,
                                   const OpenSettings& settings, Environment environment) {
  auto decided = Decide(transaction, wish, settings);
  if (!decided) return std::move(decided).error();

  audit::Entry entry("reserved-elsewhere", wish.at);
  entry.Set("device", wish.device.Hyphenated())
      .Set("originator_counter", std::to_string(decided->counter.value()))
      .Seal("purpose", wish.purpose)  // free text (R-SEC3-69)
      .Set("client", wish.client);
  const auto receipt = AppendEntry(transaction, entry, environment);
  if (!receipt) return receipt.error();
  // R-NOW-7: recorded before it is handed out.
  transaction.NoteMove(decided->counter.value() - decided->row.last_issued);
  decided->row.last_issued = decided->counter.value();
  const Bytes device = KeyOf(wish.device);
  if (Status put = transaction.Put(Table::kCounters, device, EncodeCounters(decided->row)); !put) {
    return std::move(put).error();
  }
  if (Status put = transaction.Put(Table::kElsewhere, KeyOfElsewhere(wish.device, decided->counter),
                                   EncodeElsewhere({wish.at, wish.purpose, {}}));
      !put) {
    return std::move(put).error();
  }
  return Elsewhere{decided->counter, *receipt};
}

Result<std::optional<DeviceCounters>> ReadDeviceCounters(const Transaction& transaction,
                                                         Eui64 device,
                                                         const OpenSettings& settings) {
  const auto written = FindCounters(transaction, device);
  if (!written) return written.error();
  if (!written->has_value()) return std::optional<DeviceCounters>();
  const auto fence = ReadSetting(transaction, Setting::kFence, DecodeFence);
  if (!fence) return fence.error();
  CountersRow row = **written;
  if (Status current = BringUpToDate(row, *fence, device); !current) {
    return std::move(current).error();
  }
  const Status ours = CheckNotExported(*fence);
  const auto next_of = [&](RemotePartyRole role) -> Result<OriginatorCounter> {
    if (!ours) return ours.error();
    if (Status none = CheckNothingHeld(transaction, device, role); !none) {
      return std::move(none).error();
    }
    const auto floor = FloorToSignAbove(row, role, settings.recorded_floor_limit);
    if (!floor) return floor.error();
    return NextCounter(row.last_issued, *floor, fence->base);
  };
  Status for_others = ours ? CheckNoneHeld(transaction, device) : ours;
  if (for_others) for_others = CheckFloorsNotLost(transaction);
  return std::optional(
      DeviceCounters{.last_issued = (*written)->last_issued,
                     .raise_due = row.last_issued - (*written)->last_issued,
                     .base = fence->base,
                     .supplier = row.supplier,
                     .network_operator = row.network_operator,
                     .next_supplier = next_of(RemotePartyRole::kSupplier),
                     .next_network_operator = next_of(RemotePartyRole::kNetworkOperator),
                     .next_elsewhere = for_others ? NextForOthers(row, *fence, settings)
                                                  : Result<OriginatorCounter>(for_others.error())});
}

}  // namespace acb::store
