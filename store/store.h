// The durable state of the appliance: devices and their counters, parties, registrations,
// certificates, requests with their answers, the audit log. FORMAT.md gives every octet.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "firmware/anchor_objects.h"
#include "firmware/audit/merkle.h"
#include "firmware/audit/tile.h"
#include "firmware/base/latency.h"
#include "firmware/observation.h"
#include "firmware/ports.h"
#include "firmware/smki/trust.h"

struct MDB_txn;

namespace acb::store {

// Promise P8: fixed when the store is made. Its numbers are stored: kTest 1, kLive 2.
using smki::Environment;
std::string_view Name(Environment environment);  // "test", "live"

// 128 random bits.
using StoreId = std::array<std::uint8_t, 16>;

struct Identity {
  Environment environment = Environment::kLive;
  StoreId id{};
  UtcTime created{0};
};

struct OpenSettings {
  std::filesystem::path directory;
  std::uint64_t map_size = std::uint64_t{64} << 30;  // octets; the store cannot grow beyond
  // What the configuration says; none: any, and the caller looks at environment().
  std::optional<Environment> environment;
  // How far a counter may jump (reliability.md section 1): a proposed counter is at most this far
  // above the greatest number known for device and cell.
  std::uint64_t counter_jump = std::uint64_t{1} << 48;
  // A cell whose recorded floor is above this is not signed for.
  std::uint64_t recorded_floor_limit = kMaxSeqNumber - (std::uint64_t{1} << 48);
  VolumeLimits volume;
  KeyOperationLimits key_operations;
  // The window: how far last_issued of all devices may have moved past the newest anchor (design.md
  // section 4, "Outstanding"). 1 .. kMaxAnchorEvery.
  std::uint64_t anchor_every = 4096;
  static constexpr std::uint64_t kMaxAnchorEvery = std::uint64_t{1} << 32;
  // Octets of map and of file system that new work leaves free; none: the smallest of 64 MiB and a
  // sixteenth of each.
  std::optional<std::uint64_t> reserve;
};

// Stored numbers.
enum class QuarantineAct : std::uint8_t { kRelease = 1, kDelete = 2 };

// What waits for two operators: a request above a volume threshold, or a floor that came from
// outside and jumps further than counter_jump.
struct QuarantinedItem {
  std::uint64_t id = 0;              // index of its `quarantined` entry
  std::optional<RequestId> request;  // nothing: it is a floor
  Eui64 device{0};
  RemotePartyRole role = RemotePartyRole::kSupplier;
  std::optional<FloorSeqNumber> floor;
  // An observation: when the floor is released the cell is the ACB's again.
  bool for_acb = false;
  // The number is a counter that the ACB was seen to use: released, nothing is given out below it.
  bool issued = false;
  UtcTime since{0};
  std::string why;
  std::optional<QuarantineAct> first_act;  // what one operator has agreed to
  std::string first_operator;
};

struct Agreement {
  bool complete = false;  // false: another operator has to agree
  QuarantinedItem item;
  // Of a request that was released: its RequestID is open for these octets again.
  Bytes request_octets;
  audit::Receipt receipt{};
};

struct Lifting {
  bool complete = false;
  audit::Receipt receipt{};
};

struct StartOrder {
  audit::Entry entry;  // kind `start`; gets the fields "epoch", "instance" and "raise"
};

// What the newest anchor that has passed says: no checkpoint, export or backup goes beyond it.
struct Anchored {
  std::uint64_t tree_size = 0;  // entries
  Sha256Digest root{};
  std::uint64_t epoch = 0;
  std::array<std::uint8_t, 16> instance{};
  std::uint64_t raise = 0;
};

// A certificate, a revocation list or settings came into force with entry `index`, or a list went.
struct TrustChange {
  // Stored: never reused.
  enum class What : std::uint8_t {
    kCertificateCame = 1,
    kListCame = 2,
    kListWent = 3,
    kSettings = 4,          // of a start: SHA-256 of their canonical JSON
    kNamedCertificate = 5,  // by the settings of this start: a root, the ACB's own
  };
  std::uint64_t index = 0;
  What what = What::kCertificateCame;
  Sha256Digest sha256{};
};

// A signed checkpoint (firmware/audit/note.h) as it is kept.
struct KeptCheckpoint {
  std::uint64_t tree_size = 0;
  std::string note;  // its octets, with the cosignatures that came
};

// A counter for a command of the ACB that this box does not sign (8.5, 6.24.1 ...).
struct ElsewhereWish {
  Eui64 device{0};
  std::optional<OriginatorCounter> proposed;  // X-Originator-Counter
  std::string purpose;                        // 1 to kMaxPurpose octets
  std::string client;                         // who asked
  UtcTime at{0};
};
inline constexpr std::size_t kMaxPurpose = 200;

struct Elsewhere {
  OriginatorCounter counter;
  audit::Receipt receipt{};
};

// One operator's word that what is recorded is too low.
struct RaiseWish {
  Eui64 device{0};
  // The floor of this role's cells; nothing: last_issued.
  std::optional<RemotePartyRole> role;
  std::uint64_t to = 0;  // what is recorded afterwards: the next counter is above it
  std::string reason;
  std::string operator_name;
  UtcTime at{0};
  std::string operator_key = {};  // of the certificate: OperatorWord
};

struct Raising {
  bool complete = false;  // false: another operator has to agree
  audit::Receipt receipt{};
};

// What is recorded of a device, and what would be given out next.
struct DeviceCounters {
  std::uint64_t last_issued = 0;
  std::uint64_t raise_due = 0;  // added to last_issued: what unclean starts may have lost
  std::uint64_t base = 0;       // of the last recovery that stated one
  CellState supplier;
  CellState network_operator;
  // Or why a handover would be refused.
  Result<OriginatorCounter> next_supplier;
  Result<OriginatorCounter> next_network_operator;
  Result<OriginatorCounter> next_elsewhere;
};

// design.md section 4, "Export, import".
struct ExportWish {
  bool fenced = false;  // this box gives out no counter any more, for good: takes two operators
  std::string operator_name;
  UtcTime at{0};
  std::string operator_key = {};  // of the certificate: OperatorWord
};

struct Exporting {
  bool complete = false;  // false: another operator has to agree
  bool fenced = false;    // as the export must say
  audit::Receipt receipt{};
};

// What an export says of its store.
struct ExportHead {
  StoreId store{};
  Environment environment = Environment::kLive;
  std::uint64_t epoch = 0;
  std::uint64_t raise = 0;
  std::uint64_t base = 0;
  std::uint64_t tree_size = 0;  // entries of the log
  Sha256Digest root{};          // of the RFC 6962 tree over them
};

struct ExportedCounters {
  Eui64 device{0};
  std::uint64_t last_issued = 0;
  std::uint64_t raise = 0;  // of the store, when last_issued was written
  CellState supplier;
  CellState network_operator;
};

// An export that was verified.
struct ImportWish {
  ExportHead head;
  std::uint64_t window = 0;  // of the source
  bool fenced = false;
  Sha256Digest sha256{};      // of what the file says
  Sha256Digest key_sha256{};  // of the source's checkpoint key
  std::string operator_name;
  UtcTime at{0};
  std::string operator_key = {};  // of the certificate: OperatorWord
};

// Gives one device a call, nothing at the end; a failure ends the import and nothing is imported.
using CountersSource = std::function<Result<std::optional<ExportedCounters>>()>;

inline constexpr std::size_t kMaxListedNotKnown = 100;

struct CountersImport {
  bool complete = false;  // false: another operator has to agree; nothing was imported
  std::uint64_t rows = 0;
  std::uint64_t changed = 0;
  std::uint64_t quarantined = 0;  // numbers not applied
  std::uint64_t suspended = 0;    // their devices, but for those that were suspended already
  std::uint64_t not_known_count = 0;
  std::vector<Eui64> not_known;  // the first of them
  audit::Receipt receipt{};
};

// What only tests put in another's place.
struct Seams {
  // In place of mdb_txn_commit, none: that. Takes the transaction over; 0, or an LMDB or system
  // error.
  std::function<int(MDB_txn*)> commit;
  // An anchor is due after this time while the log grows; the anchors are looked at in this
  // interval when nobody writes.
  std::chrono::milliseconds anchor_age{60'000};
  std::chrono::milliseconds look_interval{1'000};
  // Size and free octets of the file system, none: those of the directory's.
  std::function<std::optional<std::pair<std::uint64_t, std::uint64_t>>()> file_system;
};

// Gives one device a call, nothing at the end; a failure ends the import and nothing is imported.
using DeviceSource = std::function<Result<std::optional<Device>>()>;
// Likewise, as PackDevice (packed_device.h) made them; the octets stay until the next call. The
// calls come from one thread, which may be another than the import's, while that is under way.
using PackedDeviceSource = std::function<Result<std::optional<BytesView>>()>;

// Whether the file of devices has the column communications_hub. Without it what is recorded stays;
// with it an empty field says that the device has none.
enum class HubColumn : bool { kAbsent, kPresent };

struct ImportOutcome {
  std::uint64_t rows = 0;
  // Rows that were new, said something new, or were withdrawn by a file that replaces them.
  std::uint64_t changed = 0;
  std::uint64_t quarantined = 0;  // floors not applied: they wait for two operators
  // Cells of which a device said that a party has them, and that a row gives to the ACB with no
  // floor above the recorded one: the row may be older than the handover.
  std::uint64_t against_observed = 0;
  audit::Receipt receipt{};
};

// A key of a device that is known (feed device-certificates).
struct DeviceKey {
  Eui64 device{0};
  PublicPoint key{};
  Sha256Digest certificate{};  // SHA-256 of the DER it came from
};

// A file of device certificates, sorted.
struct DeviceCertificates {
  std::vector<Bytes> authorities;  // DER, root and issuing device CAs
  std::vector<DeviceKey> keys;
  std::uint64_t not_kept = 0;  // of devices that are not known: counted as rows
  std::vector<DeviceKey> signing_keys;
};

// Certificates and revocation lists, DER, of one moment.
struct TrustMaterial {
  std::uint64_t generation = 0;
  std::vector<Bytes> certificates;
  std::vector<Bytes> revocation_lists;
};

// Proxy records by device, DSP before S1SP.
struct ProxyPage {
  std::vector<ProxyCertificate> rows;
  std::optional<Eui64> next;  // the first device that is not in it; nothing at the end
};

// Devices in order of EUI-64, with their cells and counters as of now.
struct DevicePage {
  std::vector<Device> devices;
  std::optional<Eui64> next;  // the first device that is not in it; nothing at the end
};

// The log at one moment.
struct LogHead {
  std::uint64_t size = 0;  // entries
  Sha256Digest root{};     // of the RFC 6962 tree over them
};

// What a store is at one moment.
struct StoreState {
  Identity identity;
  std::uint64_t epoch = 0;  // of the start that it last saw; 0: none yet
  std::array<std::uint8_t, 16> instance{};
  std::uint64_t raise = 0;
  std::uint64_t base = 0;
  std::uint64_t tree_size = 0;  // entries of the log
  Sha256Digest root{};          // of the RFC 6962 tree over them
};

// A recovery by two operators (design.md section 4, "Recover"), who proved themselves to the
// caller.
struct RecoverOrder {
  UtcTime at{0};
  std::vector<std::string> operators;  // two
  std::string reason;
  // Stated to be above every counter ever signed. Nothing: by entries of the log.
  std::optional<std::uint64_t> base;
  // By entries: one each call, the octets of the log without the line end; nothing at the end. From
  // index 0, or from any that the store still has or would give next.
  std::function<Result<std::optional<std::string>>()> next_line;
  Sha256Digest export_sha256{};  // of the file that they come from
  // Rows looked at, or entries taken, and of how many; 0: not known.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
};

struct Recovery {
  std::uint64_t epoch = 0;
  std::uint64_t raise = 0;
  std::uint64_t base = 0;
  std::uint64_t tree_size = 0;
  Sha256Digest root{};
  audit::Receipt receipt{};
  std::uint64_t appended = 0;       // entries that the log had lost
  std::uint64_t taken_in = 0;       // entries that no anchor proves: what they say only refuses
  bool cells_unknown = false;       // of every device, until something newer is recorded
  bool fenced = false;              // by an export: the store signs for none of its devices again
  std::vector<std::string> feeds;   // imports that were lost: to be made again
  std::vector<std::string> lifted;  // suspensions that are back: to be lifted again
  // Key ceremonies of which no more than that they were is known: "57 activate".
  std::vector<std::string> ceremonies;
  // Of those entries: handovers that waited in quarantine, as "58 REQUESTID". They are open again.
  std::vector<std::string> quarantine;
  // With a base: devices that had a number above every base, and have no counter left.
  std::vector<Eui64> exhausted;
};

// Takes a piece of a copy; a failure ends the copy.
using CopySink = std::function<Status(BytesView)>;

struct Statistics {
  std::uint64_t jobs = 0;     // reservations, entries, imports: done or refused
  std::uint64_t batches = 0;  // of jobs, one transaction each
  std::uint64_t commits = 0;  // of batches that wrote, one flush each
  std::uint64_t dropped = 0;  // batches dropped for a failed write
  std::uint64_t queued = 0;   // jobs waiting now
  std::uint64_t alarms = 0;   // entries of kind `alarm` since the store was opened
  std::uint64_t map_octets = 0;
  std::uint64_t used_octets = 0;
  bool in_doubt = false;
  std::uint64_t outstanding = 0;                        // design.md section 4
  std::uint64_t anchors_made = 0;                       // since Start
  std::uint64_t anchored_size = 0;                      // entries that the newest anchor covers
  std::optional<std::chrono::milliseconds> anchor_age;  // of the newest; nothing before Start
  std::uint64_t reserve_octets = 0;
  std::optional<std::uint64_t> disk_available;  // octets; nothing when it cannot be asked
  LatencyHistogram::Counts flushes{};
  // Goes up at least once a second while the store serves, but in a long job (an import, an act of
  // operators), which may take minutes.
  std::uint64_t writer_rounds = 0;
  bool in_long_job = false;
};

// How far a check of all records has come; the first begins with this as it is made.
struct RecordPlace {
  std::size_t table = 0;  // in kTables
  Bytes after;            // the key of the last one; empty: none of the table yet
};

struct RecordsChecked {
  std::uint64_t records = 0;
  std::vector<Failure> damaged;  // kRecordDamaged, each with table and key
  bool at_end = false;           // of the last table
};

// How far a check of the whole log has come; the first begins with this as it is made.
struct LogPlace {
  std::optional<Anchored> end;  // what the log has to come to
  std::uint64_t next = 0;       // entry
  audit::Peaks peaks;           // over those before it
  bool at_end() const { return end && next >= end->tree_size; }
};

// Thread-safe. Everything that writes blocks for one flush, shared with whoever writes at that time
// (design.md section 6, group commit).
//
// Besides what each call says, every call may fail with
//   kStoreUnavailable  nothing was written; try again.
//   kStoreInDoubt      a commit failed, here or in an earlier call: the writes may be on the disk.
//   Every
//                      later call fails so, until the store is opened anew and has read the truth.
//   kRecordDamaged     a check value is wrong; `detail` names table and key. Nothing was written.
//   kBusy              (what writes) too much is queued, or the store is being closed.
//   kOvertaken         another box with a copy of this store has taken over: every later call fails
//                      so, for good.
//   kHsmUnavailable    (what writes) the anchors in the HSM cannot be read, or one that is needed
//                      cannot be made: what was written stays written, and nobody acts on it. All
//                      goes on when the HSM is back.
//   kStoreFull         (new work and imports) the reserve of space is reached; nothing was written.
// What writes fails with kStoreUnavailable before Start and after Stop; reading does not.
class Store final : public RecordSource,
                    public CounterStore,
                    public AuditLog,
                    public ObservationLog {
 public:
  // Makes an empty store: `directory` (0700), which must not exist or be empty, and its files
  // (0600). They are on the disk when this returns. For provisioning; the service never calls it.
  // Fails with kStoreUnavailable.
  static Status Create(const std::filesystem::path& directory, const Identity& identity);

  // Opens what Create made; never makes anything (P1: absent is not zero). Holds an exclusive lock
  // on the directory until destroyed. At most one Store of a directory in a process, and none may
  // be used in a child after fork. Fails with
  //   kStoreMissing      directory, file, table or settings are missing, or of a format not known
  //   here. kConfiguration     the store is of the other environment. kStoreUnavailable  another
  //   process has it, or the operating system refused. kRecordDamaged     file or settings are
  //   damaged, or the audit log does not end with its leaves.
  static Result<std::unique_ptr<Store>> Open(const OpenSettings& settings, Seams seams = {});

  // Waits for the jobs that were handed in. No other thread may be in a call.
  ~Store() override;

  const Identity& identity() const;
  Environment environment() const { return identity().environment; }

  // ---- Anchors: store/start.h, store/anchors.h ----

  // The first anchor, for a store that has none, in a token that has none: epoch 1, stopped. Writes
  // `provision`. `window`: as OpenSettings::anchor_every. `objects` is used in this call only.
  // kAnchorForeign: the token holds an anchor. kAnchorMissing: the store had one once.
  Status Provision(AnchorObjects& objects, const audit::Entry& provision, std::uint64_t window);
  // The five steps of design.md section 4, "Start"; reservations without an answer become
  // `abandoned` entries. Afterwards the store serves, and `objects` is used by its own thread until
  // the store is destroyed, one call at a time. When it fails nothing is served, and it may be
  // called again. Fails with
  //   kAnchorMissing    no anchor: another token, or one that lost its objects.
  //   kAnchorForeign    the anchor is of another store or was made in another token.
  //   kStoreRolledBack  the store is older than its anchor, or the token older than the store.
  //   kOvertaken        another box starts or runs with a copy of this store.
  //   kRecordDamaged    also: a counters row is below an entry of the log.
  // Each but the last explains which, and the way out.
  Status Start(AnchorObjects& objects, const StartOrder& order);
  // Clean stop: no more work is taken; what waits is done, reservations without an answer become
  // `abandoned` entries, `stop` is written, the anchor says `stopped`. Nothing is written after it,
  // whatever it returns; with a failure the next start is one after an unclean stop.
  Status Stop(const audit::Entry& stop);
  // A stop comes: what takes minutes (an import, a copy, an export) fails with kBusy at its next
  // row or piece, with nothing written, and so does each that is begun from now on. All else goes
  // on. Does not block.
  void BeginStop();
  // kBusy from BeginStop on: for what takes long on its way to the store or from it.
  Status CheckGoesOn() const;
  // After Start: the run before it ended without a clean stop, or nobody knows of one.
  bool after_unclean_stop() const;
  // An anchor of all that was written before this was called: before a checkpoint or an export.
  Status AnchorNow();
  // Nothing before Start.
  std::optional<Anchored> anchored() const;
  // The same, once it covers more than `tree_size` entries; blocks for at most `patience`, and then
  // gives nothing.
  std::optional<Anchored> WaitForAnchored(std::uint64_t tree_size,
                                          std::chrono::milliseconds patience) const;

  // Nothing, or what every call fails with from now on: kStoreInDoubt (until the store is opened
  // anew) or kOvertaken.
  std::optional<Failure> ended() const;
  bool in_doubt() const;
  bool overtaken() const;
  // For readiness: ended(), then kStoreFull. Asks the file system, at most once a second.
  Status attention() const;

  // RecordSource
  Result<std::unique_ptr<Records>> Open() const override;

  // CounterStore: firmware/ports.h. Besides: kFloorLimit, the recorded floor of the cell is above
  // the limit. When Abandon fails, `counter` is left as it was; it is tried again before the next
  // reservation of the device.
  Result<ReservedCounter> Reserve(const ReservationWish& wish) override;
  Result<OriginatorCounter> Preview(const ReservationWish& wish) const override;
  Status Abandon(ReservedCounter&& counter, const Failure& why, UtcTime at) override;
  Status AbandonWithAlarm(ReservedCounter&& counter, const Failure& why, std::string_view what,
                          UtcTime at) override;

  // Counters for others; repair; interchange.

  // Spends one counter of the device for a command that is made elsewhere, in one transaction with
  // its `reserved-elsewhere` entry. It is greater than every counter given out or recorded for the
  // device and than every recorded floor of its cells (elsewhere.h), and on the disk before this
  // returns. Nothing is remembered of the call: asked again, it spends another one.
  //
  // A handover of the device that is still without an answer does not stand in the way, and is not
  // harmed here: it has the lower counter. On the device it is: there, a command whose counter is
  // not above the last one of its role is a replay. Who sends the one that was reserved here before
  // the handover's answer has reached the device has to expect that the handover fails there.
  //
  // kCounterRegression, kCounterLimit (of a proposed one), kCounterExhausted, kFloorLimit,
  // kDeviceUnknown, kSigningSuspended, kBlocked, kCountersExported.
  Result<Elsewhere> ReserveElsewhere(const ElsewhereWish& wish);
  // The first of two operators, of different names, waits; the second, with the same device, role
  // and value, raises what is recorded. Both calls are `operator` entries. kOtherOperator: the same
  // operator twice. kCounterRegression: not above what is recorded; kCounterLimit: more than
  // counter_jump above the greatest known; kCellUnknown, kCellNotAcb: a floor that is not known can
  // be set only where the cell is the ACB's; kDeviceUnknown, kMalformed. Nothing lowers anything.
  Result<Raising> AgreeToRaise(const RaiseWish& wish);
  // Nothing when the device is not known.
  Result<std::optional<DeviceCounters>> ShowCounters(Eui64 device) const;
  // The `export` entry of an export of all counters. With `fenced`, the second of two operators
  // ends this box's giving out of counters for good (kCountersExported), anchored before this
  // returns; of a box that is fenced already any export is fenced. kOtherOperator.
  Result<Exporting> AgreeToExport(const ExportWish& wish);
  // All counters as of one moment, in order of device, after AgreeToExport: so the tree holds its
  // entry. Holds a read transaction until it returns, and the file grows by what is written
  // meanwhile. A failure of either function ends it.
  Status ReadForExport(const std::function<Status(const ExportHead&)>& begin,
                       const std::function<Status(const ExportedCounters&)>& row) const;
  // The first of two operators waits; the second, with the same file, merges it, all or nothing.
  // Per device that is known here: last_issued becomes the greater of its own and what the source
  // can have issued (with its raise, its base and, unless the export is fenced, its window); a
  // floor the greater of both; a cell whose holder differs becomes unknown. A device that is not
  // known is counted and listed. A number more than counter_jump above what is known is not
  // applied: it waits in quarantine, and its device is suspended until two operators lift that.
  // `next` is called by the writer's thread; it must not call the store. kEnvironment,
  // kOtherOperator, kCounterLimit (too many such numbers), kBackupDamaged, or the source's failure.
  Result<CountersImport> ImportCounters(const ImportWish& wish, const CountersSource& next);

  // AuditLog: firmware/ports.h. Every entry gets the field "environment" (design.md section 10).
  Result<audit::Receipt> AppendSigned(const ReservedCounter& counter, const audit::Entry& entry,
                                      Eui64 acb, const gbcs::SignedCommand& command,
                                      BytesView request_octets) override;
  Result<audit::Receipt> AppendRefused(const RequestId& request, const Sha256Digest& body,
                                       const audit::Entry& entry, const Failure& why,
                                       BytesView request_octets) override;
  Result<audit::Receipt> Append(const audit::Entry& entry) override;
  Status Confirm() override;
  // `entry`, of who may use the service from now on. First words of operators who are not in
  // `operators` are as if they had not been said; the entry names them. From the call on, whatever
  // becomes of it, a word of anybody in neither list is kForbidden, also one that is under way;
  // those in `narrowed` may speak anew. Before the first call anybody may.
  Result<audit::Receipt> AppendAccess(audit::Entry entry, const std::vector<std::string>& operators,
                                      const std::vector<std::string>& narrowed = {});

  Result<audit::Receipt> AppendQuarantined(const RequestId& request, const Sha256Digest& body,
                                           RemotePartyRole role, const audit::Entry& entry,
                                           const Failure& why, BytesView request_octets) override;

  // Observations (ObservationLog: firmware/observation.h). What is anchored at once: a recorded
  // floor, a cell that changed, a counter of the ACB that was not given out here.
  Result<RecordedObservation> Record(const Observation& seen) override;
  Result<std::optional<Bytes>> FindPendingCommand(Eui64 device, Eui64 originator,
                                                  std::uint64_t counter) const override;
  Result<std::optional<PublicPoint>> FindDeviceSigningKey(Eui64 device) const override;

  // In order of their numbers, from `from` on. With `now` without first words that do not count any
  // more.
  Result<std::vector<QuarantinedItem>> ListQuarantine(std::uint64_t from, std::uint64_t count,
                                                      std::optional<UtcTime> now = {}) const;
  // One operator's word for an act; the second, of another name, completes it (R-NOW-11).
  // kNotFound; kOtherOperator: the same operator twice, or one key under two names.
  Result<Agreement> AgreeOnQuarantined(std::uint64_t id, QuarantineAct act,
                                       std::string_view operator_name, UtcTime at,
                                       std::string_view operator_key = {});

  // R-SEC3-56: at once; what is under way and not yet reserved is decided anew. All rows in one
  // transaction, with one entry.
  Result<audit::Receipt> Suspend(const std::vector<Suspension>& rows, UtcTime at);
  // As AgreeOnQuarantined, of these and no others, all or none; `by` of the rows is the operator. A
  // word for several is no word for one of them, and is dropped when somebody is suspended anew.
  // kNotFound names the first that is not suspended.
  Result<Lifting> AgreeToLift(const std::vector<Suspension>& rows, UtcTime at,
                              std::string_view operator_key = {});
  Result<std::vector<Suspension>> ListSuspensions(
      std::optional<UtcTime> now = {}) const;  // likewise

  // Up to `count` entries from index `from` on, the octets of the log; fewer at its end. At most
  // kMaxAuditRead.
  static constexpr std::uint64_t kMaxAuditRead = 10'000;
  Result<std::vector<std::string>> ReadAudit(std::uint64_t from, std::uint64_t count) const;
  // RFC 6962 leaf hashes, likewise.
  Result<std::vector<Sha256Digest>> ReadLeaves(std::uint64_t from, std::uint64_t count) const;
  Result<std::uint64_t> AuditSize() const;
  // What decisions about certificates rested on, and since when (TrustChange). Settings are those
  // of the `start` entry with index `start`, as canonical JSON; `certificates` are those that they
  // name.
  Status KeepTrustSettings(std::uint64_t start, std::string_view settings,
                           const std::vector<Bytes>& certificates);
  // The register of keys (firmware/keys/register.h) as its last ceremony left it; nothing when
  // there was none.
  Result<std::optional<std::string>> ReadKeyRegister() const;
  // A key ceremony: its entry, and the register as it is from now on (nothing: as it was), in one
  // transaction that is anchored before this returns.
  Result<audit::Receipt> AppendCeremony(const audit::Entry& entry,
                                        const std::optional<std::string>& keys);
  // The greatest release number of the software that was ever kept; nothing when none was
  // (R-SEC3-55). KeepRelease lowers nothing.
  Result<std::optional<std::uint64_t>> NewestRelease() const;
  Status KeepRelease(std::uint64_t release);
  // How many counters were reserved for that pair of ACB keys to sign with (R-SEC3-21).
  Result<std::uint64_t> KeyOperations(AcbKeyId key) const;
  // In order of index, those before `end`, as of one moment. The visitor must not call the store.
  Status ReadTrustChanges(std::uint64_t end,
                          const std::function<Status(const TrustChange&)>& visit) const;
  // Octets of what a TrustChange names; nothing when they are not held.
  Result<std::optional<Bytes>> FindTrustMaterial(const Sha256Digest& sha256) const;
  // What opens the seals of the entries from index `from` on, `count` of them (at most
  // kMaxAuditRead): one text for each entry that sealed something (audit::SerialisedEntry).
  Result<std::vector<std::string>> ReadDisclosures(std::uint64_t from, std::uint64_t count) const;
  // The hashes of a tile that is no bundle; of the entries of one. kNotFound: the log does not have
  // all of them.
  Result<std::vector<Sha256Digest>> ReadTile(const audit::Tile& tile) const;
  Result<std::vector<std::string>> ReadBundle(const audit::Tile& tile) const;
  // RFC 6962 proofs in the tree of the first `size` entries. kNotFound: there is no such entry or
  // tree. Some hundred reads.
  Result<audit::Proof> ProveInclusion(std::uint64_t index, std::uint64_t size) const;
  Result<audit::Proof> ProveConsistency(std::uint64_t old_size, std::uint64_t size) const;

  // Checkpoints, by tree size. Keeping one is no growth of the log: no anchor becomes due by it.
  // Like everything that writes it returns only after a look at the anchors: a note must not leave
  // the box before it was kept (R-NOW-7). In place of one of the same size.
  Status KeepCheckpoint(const KeptCheckpoint& checkpoint);
  Result<std::optional<KeptCheckpoint>> NewestCheckpoint() const;
  // In order of size, the first of at least `size`, up to `count` of them (at most kMaxAuditRead).
  Result<std::vector<KeptCheckpoint>> ListCheckpoints(std::uint64_t size,
                                                      std::uint64_t count) const;
  // Octets that an entry names by SHA-256: request or command.
  Result<std::optional<Bytes>> FindEvidence(const Sha256Digest& sha256) const;

  // Feeds. All or nothing, and idempotent: the same rows again change nothing. `entry` (kind
  // `feed`) is appended in the same transaction, with the fields "rows" and "changed". Each is a
  // transaction of its own: other writers wait for its end.
  //
  // Fails with kFeedRejected when a row does not fit the store's limits, or with the source's
  // failure.
  //
  // Parties are known by (user_id, role, from), registrations by (mpxn, from): rows that the file
  // does not name stay. Devices: what the feed says of the device replaces what was known; a cell's
  // holder is replaced by a known one and left by an unknown one, as is the key; a floor only rises
  // (R-128-21), and what the ACB issued is not touched.
  Result<ImportOutcome> ImportParties(const std::vector<PartyRecord>& rows,
                                      const audit::Entry& entry);
  Result<ImportOutcome> ImportRegistrations(const std::vector<Registration>& rows,
                                            const audit::Entry& entry);
  // `next` is called by the writer's thread; it must not call the store. In order of device the
  // file grows least and the transaction is shortest, some 3 microseconds a row. Of two rows of one
  // device the later counts. Up to 512 MiB of changed pages are held in memory (LMDB writes what is
  // beyond), and kept for the next transactions.
  Result<ImportOutcome> ImportDevices(const DeviceSource& next, const audit::Entry& entry,
                                      HubColumn hub = HubColumn::kAbsent);
  // Likewise; the shortest transaction there is for a file of millions of rows.
  Result<ImportOutcome> ImportPackedDevices(const PackedDeviceSource& next,
                                            const audit::Entry& entry,
                                            HubColumn hub = HubColumn::kAbsent);
  // Each of these three replaces its whole table: a row that the file does not name is gone. No key
  // twice in `rows`: prefix; day; model, firmware and `from`.
  Result<ImportOutcome> ImportMpanPrefixes(const std::vector<MpanPrefix>& rows,
                                           const audit::Entry& entry);
  Result<ImportOutcome> ImportWorkingDays(const std::vector<CalendarDay>& rows,
                                          const audit::Entry& entry);
  Result<ImportOutcome> ImportProducts(const std::vector<CertifiedProduct>& rows,
                                       const audit::Entry& entry);
  // Replaces all rows of each source that `rows` names.
  Result<ImportOutcome> ImportProxyCertificates(const std::vector<ProxyCertificate>& rows,
                                                const audit::Entry& entry);
  // Known by certificate; entries that the file does not name stay. kFeedRejected when a revoked
  // certificate would be in use again; an entry that calls it expired or not in use leaves it
  // revoked.
  Result<ImportOutcome> ImportRepositoryStatus(const std::vector<RepositoryEntry>& rows,
                                               const audit::Entry& entry);
  // Authorities are added to those held; a key replaces that of its device. kFeedRejected when a
  // device is not known.
  Result<ImportOutcome> ImportDeviceCertificates(const DeviceCertificates& certificates,
                                                 const audit::Entry& entry);
  // DER, added to those held and never removed. As every import that changes something, a change
  // raises the trust generation.
  Result<ImportOutcome> ImportCertificates(const std::vector<Bytes>& certificates,
                                           const audit::Entry& entry);
  // Also drops the lists held that `superseded` names by SHA-256.
  Result<ImportOutcome> ImportRevocationLists(const std::vector<Bytes>& lists,
                                              const std::vector<Sha256Digest>& superseded,
                                              const audit::Entry& entry);
  // Nothing when that feed was never imported.
  Result<std::optional<LastImport>> FindLastImport(Feed feed) const;

  // All of one moment, so that the generation is that of the lists.
  Result<TrustMaterial> LoadTrustMaterial() const;
  Result<std::uint64_t> TrustGeneration() const;
  // Device CA certificates, DER.
  Result<std::vector<Bytes>> LoadDeviceAuthorities() const;

  // All proxy records of the first `devices` devices from `from` on, 1 to kMaxProxyDevices of them:
  // a page of one moment, whatever became of the device. To walk the table, begin at 0 and go on
  // with `next`.
  static constexpr std::size_t kMaxProxyDevices = 10'000;
  Result<ProxyPage> ListProxyCertificates(Eui64 from, std::size_t devices) const;

  // For reports. Each is of one moment of its own.
  Result<LogHead> ReadLogHead() const;
  // The first `devices` devices from `from` on, 1 to kMaxDevicePage.
  static constexpr std::size_t kMaxDevicePage = 10'000;
  Result<DevicePage> ListDevices(Eui64 from, std::size_t devices) const;
  // All rows; kStoreUnavailable, explained, when there are more.
  static constexpr std::size_t kMaxPartiesRead = 200'000;
  Result<std::vector<PartyRecord>> ListParties() const;
  static constexpr std::size_t kMaxCalendarRead = 20'000;
  Result<std::vector<CalendarDay>> ListWorkingDays() const;

  // Backup and recovery.
  // Appends `entry` (kind export) and anchors it, and gives the anchored state, which every copy
  // begun afterwards contains.
  Result<StoreState> BeginBackup(const audit::Entry& entry);
  // The octets of data.mdb as of one moment of the call, in pieces of up to 1 MiB, in constant
  // memory; other calls go on. Blocks until the sink, which is called on this thread, has all.
  Status Copy(const CopySink& sink) const;
  // Whether the first `size` entries of the log are those of `root`.
  Result<bool> Contains(std::uint64_t size, const Sha256Digest& root) const;
  // What a start would say of the token's anchors: kAnchorMissing, kAnchorForeign,
  // kStoreRolledBack. Creates nothing.
  Status CheckAnchors(AnchorObjects& objects) const;
  // On a store that was opened and does not serve. `window`: the configured one. Afterwards a start
  // goes on above every epoch and counter. Fails as CheckAnchors does when there is no base, with
  //   kCounterRegression  the base is not above what the store knows.
  //   kCounterLimit       it leaves too few counters above it.
  //   kBackupDamaged      the entries are not those of this log, or some are missing.
  //   kOvertaken, kBusy   a box is starting or running with this token.
  Result<Recovery> Recover(AnchorObjects& objects, const RecoverOrder& order, std::uint64_t window);

  // Compares the check values of the next records, at most `most`, as they are at this moment, and
  // moves `place` on. A damaged one is no failure: it is named, and the next one follows.
  Result<RecordsChecked> CheckRecords(RecordPlace& place, std::size_t most) const;
  // P6: recomputes the tree over the next entries, at most `most`, from their octets, up to the
  // newest anchor of the first call. kRecordDamaged: one is not what its leaf says, or all of them
  // are not what the anchor in the HSM says.
  Status CheckLog(LogPlace& place, std::size_t most) const;
  // From now on no counter is given out, with this failure. For good: a start looks anew.
  void StopReserving(const Failure& why);
  // Why, when that was said.
  std::optional<Failure> stopped_reserving() const;

  // Reservations that wait for their answer.
  Result<std::uint64_t> UnansweredCount() const;
  Statistics statistics() const;

 private:
  struct Core;
  explicit Store(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

}  // namespace acb::store
