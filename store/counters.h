// Originator counters: reserve one, answer for it, give it up (design.md section 4). Private to
// store/.
//
// Each function is one job of the writer: it checks everything before it writes.
#pragma once

#include "store/rows.h"
#include "store/store.h"
#include "store/transactions.h"

namespace acb::store {

// 1 + max(last_issued, floor, base), where last_issued is brought to the raise of now.
// kCounterExhausted when that is above 2^63-1.
Result<OriginatorCounter> NextCounter(std::uint64_t last_issued, FloorSeqNumber floor,
                                      std::uint64_t base);

// The recorded floor of the cell that a command is authorised against (P2). kCellUnknown,
// kCellNotAcb, kCounterUnknown; kFloorLimit when it is above `floor_limit`.
Result<FloorSeqNumber> FloorToSignAbove(const CountersRow& row, RemotePartyRole role,
                                        std::uint64_t floor_limit);

// The proposed counter if there is one: next <= it <= next - 1 + jump, else kCounterRegression or
// kCounterLimit.
Result<OriginatorCounter> ChooseCounter(OriginatorCounter next,
                                        std::optional<OriginatorCounter> proposed,
                                        std::uint64_t jump);

// kCountersExported: an export handed the counters to another box for good.
Status CheckNotExported(const Fence& fence);

// CounterStore::Reserve.
Result<OriginatorCounter> ReserveNext(WriteTransaction& transaction, const ReservationWish& wish,
                                      const OpenSettings& settings, Environment environment);

// CounterStore::Preview.
Result<OriginatorCounter> PreviewNext(const Transaction& transaction, const ReservationWish& wish,
                                      const OpenSettings& settings);

// The RequestID is reserved with this counter and the device waits for its answer; else
// kChangedMeanwhile.
Result<RequestRow> CheckReserved(const Transaction& transaction, const RequestId& request,
                                 RemotePartyRole role, OriginatorCounter counter);

// Bound of the reservations without an answer: one a device, and no more requests are in work at
// one time than there are connections.
inline constexpr std::size_t kMaxUnanswered = 100'000;

struct Unanswered {
  RequestId request;
  RemotePartyRole role;
  OriginatorCounter counter;
};
// Every reservation without an answer. Fails with kRecordDamaged, kStoreUnavailable.
Result<std::vector<Unanswered>> ListUnanswered(const Transaction& transaction);

// The `abandoned` entry of a reservation, and an `alarm` entry beside it when it is a security
// event.
struct Abandonment {
  std::string_view reason;  // the reason's name, "RESTART" or "STOP"
  std::string_view explanation;
  UtcTime at;
  std::string_view alarm = {};  // what happened; empty: no alarm
};

// CounterStore::Abandon, AbandonWithAlarm.
Status AbandonReserved(WriteTransaction& transaction, const RequestId& request,
                       RemotePartyRole role, OriginatorCounter counter, const Abandonment& why,
                       Environment environment);

// At start and at stop: every reservation without an answer.
Status AbandonAll(WriteTransaction& transaction, const Abandonment& why, Environment environment);

}  // namespace acb::store
