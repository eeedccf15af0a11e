#include "store/counters.h"

#include <algorithm>
#include <string>

#include "store/audit_log.h"
#include "store/key_operations.h"
#include "store/pending.h"
#include "store/quarantine.h"
#include "store/reading.h"
#include "store/volume.h"

namespace acb::store {
namespace {

// R-NOW-8: nothing was decided under the RequestID yet, or a reservation for the same octets was
// given up. An abandoned RequestID stays bound to its octets (P5).
Status CheckOpen(const Transaction& transaction, const RequestId& request,
                 const Sha256Digest& body) {
  const auto row = FindRequestRow(transaction, request);
  if (!row) return row.error();
  if (!row->has_value()) return Done{};
  const StoredRequest& stored = (*row)->request;
  if (stored.state == StoredRequest::State::kAbandoned && stored.body == body) return Done{};
  return Failure(Reason::kChangedMeanwhile, "the RequestID was used meanwhile");
}

// Revocation is re-read at reservation (reliability.md, traps, Time).
Status CheckTrustGeneration(const Transaction& transaction, std::uint64_t used) {
  const auto now = ReadSetting(transaction, Setting::kTrustGeneration, DecodeNumber);
  if (!now) return now.error();
  if (*now == used) return Done{};
  return Failure(Reason::kChangedMeanwhile, "certificates or revocation lists changed meanwhile");
}

// A counter goes to the HSM for one command of a device at a time.
Status CheckNoneUnanswered(const Transaction& transaction, Eui64 device) {
  const auto waiting = transaction.Get(Table::kUnanswered, KeyOf(device));
  if (!waiting) return waiting.error();
  if (!waiting->has_value()) return Done{};
  return Failure(Reason::kBusy, "another command for this device is under way");
}

Result<OriginatorCounter> DecideCounter(const Transaction& transaction, const CountersRow& row,
                                        const Fence& fence, const ReservationWish& wish,
                                        const OpenSettings& settings) {
  const auto floor = FloorToSignAbove(row, wish.role, settings.recorded_floor_limit);
  if (!floor) return floor.error();
  if (auto free = CheckNoneUnanswered(transaction, wish.request.target); !free) return free.error();
  const auto next = NextCounter(row.last_issued, *floor, fence.base);
  if (!next) return next;
  return ChooseCounter(*next, wish.proposed, settings.counter_jump);
}

struct Decision {
  OriginatorCounter counter;
  CountersRow row;
  bool released;  // from quarantine: it stays so if the reservation is given up
};

// All that Reserve checks, before it writes anything.
Result<Decision> Decide(const Transaction& transaction, const ReservationWish& wish,
                        const OpenSettings& settings) {
  const auto fence = ReadSetting(transaction, Setting::kFence, DecodeFence);
  if (!fence) return fence.error();
  auto row = FindCurrentCounters(transaction, wish.request.target, *fence);
  if (!row) return std::move(row).error();
  if (!row->has_value()) return Failure(Reason::kDeviceUnknown);
  if (auto open = CheckOpen(transaction, wish.request, wish.body); !open) {
    return std::move(open).error();
  }
  if (auto same = CheckTrustGeneration(transaction, wish.trust_generation); !same) {
    return std::move(same).error();
  }
  if (auto ours = CheckNotExported(*fence); !ours) return std::move(ours).error();
  const auto counter = DecideCounter(transaction, **row, *fence, wish, settings);
  if (!counter) return counter.error();
  if (auto known = CheckNothingOverdue(transaction, wish.request.target, wish.role, wish.at);
      !known) {
    return std::move(known).error();
  }
  if (auto open = CheckNothingHeld(transaction, wish.request.target, wish.role); !open) {
    return std::move(open).error();
  }
  if (wish.acb_key) {
    Status below = CheckKeyOperations(transaction, *wish.acb_key, settings.key_operations);
    if (!below) return std::move(below).error();
  }
  const auto request = FindRequestRow(transaction, wish.request);
  if (!request) return request.error();
  const bool released = request->has_value() && (*request)->request.released;
  if (!released) {
    auto below = CheckVolume(transaction, wish.request.originator, wish.at, settings.volume);
    if (!below) return std::move(below).error();
  }
  return Decision{*counter, **std::move(row), released};
}

Status WriteReservation(WriteTransaction& transaction, const ReservationWish& wish,
                        const CountersRow& row, bool released) {
  RequestRow request;
  request.request.state = StoredRequest::State::kReserved;
  request.request.body = wish.body;
  request.request.role = wish.role;
  request.request.released = released;
  request.request.counter = OriginatorCounter::From(row.last_issued);
  const Bytes device = KeyOf(wish.request.target);
  if (auto put = transaction.Put(Table::kCounters, device, EncodeCounters(row)); !put) return put;
  if (auto put = transaction.Put(Table::kUnanswered, device, EncodeRequestId(wish.request)); !put) {
    return put;
  }
  return transaction.Put(Table::kRequests, wish.request.Key(), EncodeRequest(request));
}

}  // namespace

Result<std::vector<Unanswered>> ListUnanswered(const Transaction& transaction) {
  std::vector<Unanswered> found;
  const auto walked = transaction.Walk(
      Table::kUnanswered, {}, {}, [&](BytesView key, BytesView payload) -> Result<bool> {
        const auto request = DecodeRequestId(payload);
        if (!request || !Equal(KeyOf(request->target), key)) {
          return Damaged(Table::kUnanswered, key, "names no request of this device");
        }
        const auto row = FindRequestRow(transaction, *request);
        if (!row) return row.error();
        if (!row->has_value() || (*row)->request.state != StoredRequest::State::kReserved ||
            !(*row)->request.counter) {
          return Damaged(Table::kRequests, request->Key(), "is not the reservation it should be");
        }
        found.push_back({*request, (*row)->request.role, *(*row)->request.counter});
        if (found.size() > kMaxUnanswered) {
          return Failure(Reason::kStoreUnavailable, {}, "too many reservations without an answer");
        }
        return true;
      });
  if (!walked) return walked.error();
  return found;
}

Result<OriginatorCounter> NextCounter(std::uint64_t last_issued, FloorSeqNumber floor,
                                      std::uint64_t base) {
  // R-NOW-2: unsigned 64 bit, compared before anything is added, so that nothing wraps.
  const std::uint64_t greatest = std::max({last_issued, floor.value(), base});
  if (greatest >= kMaxSeqNumber) return Failure(Reason::kCounterExhausted);
  return *OriginatorCounter::From(greatest + 1);
}

Result<FloorSeqNumber> FloorToSignAbove(const CountersRow& row, RemotePartyRole role,
                                        std::uint64_t floor_limit) {
  const CellState* cell = row.Find(role);
  if (cell == nullptr || cell->holder == CellState::Holder::kUnknown) {
    return Failure(Reason::kCellUnknown);
  }
  if (cell->holder != CellState::Holder::kAcb) return Failure(Reason::kCellNotAcb);
  // R-128-17: a floor that is not known is not zero.
  if (!cell->floor) return Failure(Reason::kCounterUnknown);
  if (cell->floor->value() > floor_limit) {
    return Failure(Reason::kFloorLimit, "the recorded floor of the cell is above the limit " +
                                            std::to_string(floor_limit));
  }
  return *cell->floor;
}

Result<OriginatorCounter> ChooseCounter(OriginatorCounter next,
                                        std::optional<OriginatorCounter> proposed,
                                        std::uint64_t jump) {
  if (!proposed) return next;
  // R-128-16.
  if (*proposed < next) {
    return Failure(Reason::kCounterRegression,
                   "the next counter of the device is " + std::to_string(next.value()));
  }
  if (proposed->value() - (next.value() - 1) > jump) {
    return Failure(Reason::kCounterLimit, "a proposed counter may be at most " +
                                              std::to_string(jump) + " above the greatest known, " +
                                              std::to_string(next.value() - 1));
  }
  return *proposed;
}

Status CheckNotExported(const Fence& fence) {
  if (!fence.exported) return Done{};
  return Failure(Reason::kCountersExported);
}

Result<OriginatorCounter> PreviewNext(const Transaction& transaction, const ReservationWish& wish,
                                      const OpenSettings& settings) {
  const auto decided = Decide(transaction, wish, settings);
  if (!decided) return decided.error();
  return decided->counter;
}

Result<OriginatorCounter> ReserveNext(WriteTransaction& transaction, const ReservationWish& wish,
                                      const OpenSettings& settings, Environment environment) {
  auto decided = Decide(transaction, wish, settings);
  if (!decided) return std::move(decided).error();

  // R-NOW-7, R-128-18: recorded before it is handed out, one sequence for all cells of the device.
  transaction.NoteMove(decided->counter.value() - decided->row.last_issued);
  decided->row.last_issued = decided->counter.value();
  if (auto written = WriteReservation(transaction, wish, decided->row, decided->released);
      !written) {
    return std::move(written).error();
  }
  if (wish.acb_key) {
    Status counted = CountKeyOperation(transaction, *wish.acb_key, wish.at, settings.key_operations,
                                       environment);
    if (!counted) return std::move(counted).error();
  }
  // What two operators released counts too: the next one meets a threshold that is reached.
  if (auto counted = CountVolume(transaction, wish.request.originator, wish.at); !counted) {
    return std::move(counted).error();
  }
  return decided->counter;
}

Result<RequestRow> CheckReserved(const Transaction& transaction, const RequestId& request,
                                 RemotePartyRole role, OriginatorCounter counter) {
  auto row = FindRequestRow(transaction, request);
  if (!row) return std::move(row).error();
  const auto waiting = transaction.Get(Table::kUnanswered, KeyOf(request.target));
  if (!waiting) return waiting.error();
  const bool ours = row->has_value() && (*row)->request.state == StoredRequest::State::kReserved &&
                    (*row)->request.counter == counter && (*row)->request.role == role &&
                    waiting->has_value() && Equal(**waiting, EncodeRequestId(request));
  if (!ours) {
    return Failure(Reason::kChangedMeanwhile, "the RequestID is not reserved with this counter");
  }
  return **std::move(row);
}

// Half of what an entry holds: an entry that was too long would never be written.
constexpr std::size_t kMaxCause = 32'768;

Status AbandonReserved(WriteTransaction& transaction, const RequestId& request,
                       RemotePartyRole role, OriginatorCounter counter, const Abandonment& why,
                       Environment environment) {
  auto row = CheckReserved(transaction, request, role, counter);
  if (!row) return std::move(row).error();

  // R-NOW-7: the gap is recorded with its cause.
  audit::Entry entry("abandoned", why.at);
  entry.Set("request_id", request.Text())
      .Set("device", request.target.Hyphenated())
      .Set("role", Name(role))
      .Set("originator_counter", std::to_string(counter.value()))
      .Set("reason", why.reason)
      .SetIfAny("explanation", why.explanation.substr(0, kMaxCause));
  if (auto added = AppendEntry(transaction, entry, environment); !added) return added.error();
  if (!why.alarm.empty()) {
    audit::Entry alarm("alarm", why.at);
    alarm.Set("alarm", "command not signed")
        .Set("reason", why.reason)
        .Set("request_id", request.Text())
        .Set("device", request.target.Hyphenated())
        .Set("originator_counter", std::to_string(counter.value()))
        .Set("what", why.alarm.substr(0, kMaxCause));
    if (auto added = AppendEntry(transaction, alarm, environment); !added) return added.error();
  }
  row->request.state = StoredRequest::State::kAbandoned;
  if (auto freed = transaction.Delete(Table::kUnanswered, KeyOf(request.target)); !freed) {
    return freed;
  }
  return transaction.Put(Table::kRequests, request.Key(), EncodeRequest(*row));
}

Status AbandonAll(WriteTransaction& transaction, const Abandonment& why, Environment environment) {
  const auto unanswered = ListUnanswered(transaction);
  if (!unanswered) return unanswered.error();
  for (const Unanswered& one : *unanswered) {
    if (auto gone =
            AbandonReserved(transaction, one.request, one.role, one.counter, why, environment);
        !gone) {
      return gone;
    }
  }
  return Done{};
}

}  // namespace acb::store
