// What an observed command and the device's answer to it say about the cells of one device, and
// what that makes of the records (R-128-9 to R-128-21, R-NOW-1, R-NOW-4, R-NOW-15).
//
// "Cell" means all cells of one role (design.md section 4). Everything here is pure: no clock, no
// I/O. observer.h reads and verifies the messages, store/ judges and writes in one transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/audit/entry.h"
#include "firmware/base/result.h"
#include "firmware/base/sha256.h"
#include "firmware/records.h"

namespace acb {

// How far the exchange has come.
// The longest that an outcome is waited for, and that the news of one takes to come here.
inline constexpr std::int64_t kLongestDelaySeconds = 7 * 24 * 60 * 60;
// How far the clocks of device and box may be apart.
inline constexpr std::int64_t kClockDoubtSeconds = 60;

enum class ObservedStage {
  kNoAnswer,   // the command alone
  kPending,    // answered without an outcome: it comes later in an alert
  kCancelled,  // the command took back a future dated one
  kExecuted,   // there is an outcome
  kOther,      // not a command that updates credentials: only its counter counts
};
std::string_view Name(ObservedStage stage);  // "no-answer", "pending", ...

// What the device reports for the cells of one role.
struct RoleFacts {
  enum class Result {
    kSuccess,  // every certificate sent is in its cell
    kFailed,   // none is, and none has changed
    kPartial,  // anything else: the device has changed, and nobody knows how
    kNone,     // no certificate was sent for the role; its number may have changed
  };
  RemotePartyRole role = RemotePartyRole::kSupplier;
  Result result = Result::kNone;
  // Whose the certificates sent are. kUnknown: not of one party, or the ACB's with keys that this
  // box does not have; `doubt` says why.
  CellState::Holder placed = CellState::Holder::kUnknown;
  Eui64 party{0};                        // when kParty
  std::optional<AcbKeyId> acb_key = {};  // when kAcb
  std::string doubt;
  // Whom the device names as holder before the command, each once.
  std::vector<Eui64> existing;
  // The greatest of originator counter, commanded and reported floor (R-NOW-1), 0 .. 2^63-1; for
  // kNone, of the reported floor.
  std::uint64_t floor = 0;
  // The floor that the device reports for the role.
  std::optional<std::uint64_t> reported;
};

struct Observation {
  explicit Observation(UtcTime when) : entry("observed", when) {}

  UtcTime at() const { return entry.at(); }
  ObservedStage stage = ObservedStage::kNoAnswer;
  Eui64 device{0};
  Eui64 originator{0};
  std::uint64_t counter = 0;  // 0 .. 2^63-1
  std::uint16_t message_code = 0;
  Eui64 acb{0};  // the ACB of this box
  bool by_acb() const { return originator == acb; }
  // A future dated command: when the device is to execute it. Not of a cancellation.
  std::optional<UtcTime> executes_at;
  // It was executed then, as its alert says. Nothing: on receipt.
  std::optional<UtcTime> executed_at;
  std::vector<RemotePartyRole> replaces;  // supplier and network operator, as far as commanded
  std::vector<RoleFacts> roles;           // at most one of each role, when there is an outcome
  // The octets, kept as evidence; the last two may be empty.
  Bytes command;
  Bytes response;
  Bytes service_request;
  std::vector<std::string> observations;  // names of reasons
  std::vector<std::string> alarms;        // names of reasons: an `alarm` entry each
  // The `observed` entry as far as the messages tell it; the store adds what came of it.
  audit::Entry entry;
};

// A future dated change.
struct DatedMove {
  std::uint64_t counter = 0;
  UtcTime executed{0};
};
// The newest change of a cell, as it came.
struct LastMove {
  UtcTime recorded{0};              // executed on receipt: not after this
  std::optional<UtcTime> executed;  // future dated: then
};

// What is recorded of the cell, as of the transaction that will change it.
struct CellRecord {
  CellState cell;
  std::uint64_t last_issued = 0;  // of the device, brought to the raise of now
  // Of that originator: the greatest counter that moved the cell on receipt, when that was
  // recorded, and the future dated one that was executed last.
  std::optional<std::uint64_t> newest;
  UtcTime newest_recorded{0};
  std::optional<DatedMove> newest_dated;
  // Of another originator, when that one moved the cell last.
  std::optional<LastMove> others;
  bool given_out_here = false;  // the command is one that this box signed
  // Whom the newest command that moved the cell found there, when that was not the one recorded: a
  // message between the two had not come yet.
  std::optional<Eui64> unexplained;
  std::uint64_t jump = 0;  // OpenSettings::counter_jump
};

struct CellChange {
  RemotePartyRole role = RemotePartyRole::kSupplier;
  CellState before;
  CellState after;
  // "success", "failed", "partial", "floor" (only the number changed), "stale", "quarantined";
  // "unordered": whether it or another one came last cannot be told; "expired": the outcome did not
  // come.
  std::string_view result;
  // Not applied: so far above what is known that two operators have to agree.
  std::optional<FloorSeqNumber> held;
  // When they do: the cell is the ACB's, if nothing newer was observed of it.
  bool held_for_acb = false;
  // From now on the newest of its originator for the cell.
  bool newest = false;
  std::optional<Eui64> unexplained;  // as in CellRecord
  std::vector<std::string> observations;
  std::vector<std::string> alarms;
};

// What the facts make of the record. Nothing it gives lowers a floor (R-128-21).
//
// Which of two changes is newer is decided by when the device executed them. Executed on receipt:
// those of one originator in the order of their counters, those of others as they come. Future
// dated: by the time in the alert. Of one of each kind the dated one is the newer when it was
// executed after the other had been recorded here, or has the greater counter of one originator;
// the other is when its counter is below, or, being above, when the device found the recorded
// holder (and nothing before was missed) or it comes kLongestDelaySeconds after the dated one.
// Where none of this tells, the cell is unknown ("unordered"), and the floor only rises.
//
// An older message is stale. So is the late response to a handover
// of this box which placed the very party that the newest command found unexpectedly, when its
// counter is not above the floor that came with that command. A stale one may raise the floor where
// it placed the ACB's certificates; it never moves the holder.
//
// A counter that jumps too far is held: the cell is unknown, whoever was placed, and the message is
// not the newest of its originator.
CellChange Judge(const RoleFacts& facts, const Observation& seen, const CellRecord& known);

// Whether `value` is further above the greatest of what is known than `jump` (reliability.md
// section 1).
bool JumpsTooFar(std::uint64_t value, std::uint64_t last_issued, const CellState& cell,
                 std::uint64_t jump);

struct RecordedObservation {
  std::vector<CellChange> cells;
  std::vector<std::string> observations;
  std::vector<std::string> alarms;
  std::uint64_t last_issued = 0;  // afterwards
  // A counter of the ACB that no cell told of here can have as its floor waits for two operators.
  std::optional<FloorSeqNumber> held_issued;
  audit::Receipt receipt{};  // of the `observed` entry
};

// Where observations are kept. Thread-safe.
class ObservationLog {
 public:
  virtual ~ObservationLog() = default;
  // Judges and writes in one transaction, serialised with reservations (R-128-20); everything is
  // durable when it returns (R-128-19). Blocks for a flush. Fails with kDeviceUnknown, kBusy (too
  // much is pending or quarantined), and as the store does.
  virtual Result<RecordedObservation> Record(const Observation& seen) = 0;
  // The command of that device, originator and counter that waits for its outcome.
  virtual Result<std::optional<Bytes>> FindPendingCommand(Eui64 device, Eui64 originator,
                                                          std::uint64_t counter) const = 0;
  // The device's digital signing key, where feed device-certificates brought it.
  virtual Result<std::optional<PublicPoint>> FindDeviceSigningKey(Eui64 device) const = 0;
};

}  // namespace acb
