#include "store/store.h"

#include <utility>

#include "store/answers.h"
#include "store/audit_log.h"
#include "store/core.h"
#include "store/counters.h"
#include "store/devices_ahead.h"
#include "store/elsewhere.h"
#include "store/environment.h"
#include "store/feeds.h"
#include "store/interchange.h"
#include "store/observe.h"
#include "store/observed_rows.h"
#include "store/proxy_pages.h"
#include "store/quarantine.h"
#include "store/raise.h"
#include "store/reading.h"
#include "store/snapshot.h"
#include "store/suspensions.h"

namespace acb::store {
namespace {

Result<std::vector<Bytes>> LoadAll(const Transaction& transaction, Table table) {
  std::vector<Bytes> rows;
  auto walked = transaction.Walk(table, {}, {}, [&](BytesView, BytesView payload) -> Result<bool> {
    rows.push_back(ToBytes(payload));
    if (rows.size() > kMaxTrustRows) {
      return Failure(Reason::kStoreUnavailable, {}, "too many rows in " + std::string(Name(table)));
    }
    return true;
  });
  if (!walked) return std::move(walked).error();
  return rows;
}

Result<Identity> ReadIdentity(const Transaction& transaction) {
  const Bytes key = KeyOf(Setting::kIdentity);
  const auto payload = transaction.Get(Table::kSettings, key);
  if (!payload) return payload.error();
  if (!payload->has_value()) {
    return Failure(Reason::kStoreMissing, "the store has no settings: it was never provisioned");
  }
  const auto identity = DecodeIdentity(**payload);
  if (!identity) return Failure(Reason::kStoreMissing, "the store has a format not known here");
  return *identity;
}

// What a store says about itself, and that its parts agree, before anything is done with it.
Result<Identity> CheckAtOpen(const Transaction& transaction, const OpenSettings& settings) {
  const auto identity = ReadIdentity(transaction);
  if (!identity) return identity;
  if (settings.environment && *settings.environment != identity->environment) {
    return Failure(Reason::kConfiguration, "the store was provisioned for environment " +
                                               std::string(Name(identity->environment)) +
                                               ", the configuration says " +
                                               std::string(Name(*settings.environment)));
  }
  if (auto fence = ReadSetting(transaction, Setting::kFence, DecodeFence); !fence) {
    return std::move(fence).error();
  }
  if (auto number = ReadSetting(transaction, Setting::kTrustGeneration, DecodeNumber); !number) {
    return std::move(number).error();
  }
  if (auto epoch = ReadSetting(transaction, Setting::kEpoch, DecodeEpoch); !epoch) {
    return std::move(epoch).error();
  }
  if (auto end = CheckAuditEnd(transaction); !end) return std::move(end).error();
  return identity;
}

Status PutSettings(WriteTransaction& transaction, const Identity& identity) {
  const std::pair<Setting, Bytes> settings[] = {
      {Setting::kIdentity, EncodeIdentity(identity)},
      {Setting::kFence, EncodeFence({})},
      {Setting::kTrustGeneration, EncodeNumber(0)},
      {Setting::kEpoch, EncodeEpoch({})},
  };
  for (const auto& [setting, payload] : settings) {
    if (auto put = transaction.Put(Table::kSettings, KeyOf(setting), payload); !put) return put;
  }
  return Done{};
}

}  // namespace

std::string_view Name(Environment environment) {
  return environment == Environment::kLive ? "live" : "test";
}

Store::Store(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Store::~Store() = default;

Status Store::Create(const std::filesystem::path& directory, const Identity& identity) {
  if (auto made = LmdbEnvironment::Create(directory); !made) return made;
  constexpr std::uint64_t kSmallMap = std::uint64_t{16} << 20;
  auto environment = LmdbEnvironment::Open(directory, kSmallMap, {});
  if (!environment) return std::move(environment).error();
  auto transaction = WriteTransaction::Begin(*environment);
  if (!transaction) return std::move(transaction).error();
  if (auto put = PutSettings(*transaction, identity); !put) return put;
  // If power fails before this: a store without settings, which Open refuses. After: a whole one.
  return std::move(*transaction).Commit();
}

Result<std::unique_ptr<Store>> Store::Open(const OpenSettings& settings, Seams seams) {
  if (settings.anchor_every < 1 || settings.anchor_every > OpenSettings::kMaxAnchorEvery) {
    return Failure(Reason::kConfiguration,
                   "anchor_every is " + std::to_string(settings.anchor_every) + ", not 1 to " +
                       std::to_string(OpenSettings::kMaxAnchorEvery));
  }
  auto environment =
      LmdbEnvironment::Open(settings.directory, settings.map_size, std::move(seams.commit));
  if (!environment) return std::move(environment).error();
  auto identity = [&]() -> Result<Identity> {
    const auto transaction = ReadTransaction::Begin(*environment);
    if (!transaction) return transaction.error();
    return CheckAtOpen(*transaction, settings);
  }();
  if (!identity) return std::move(identity).error();
  return std::unique_ptr<Store>(
      new Store(std::make_unique<Core>(*std::move(environment), settings, *identity, seams)));
}

const Identity& Store::identity() const { return core_->identity; }
Result<std::unique_ptr<Records>> Store::Open() const {
  auto transaction = core_->Read();
  if (!transaction) return std::move(transaction).error();
  return std::unique_ptr<Records>(
      std::make_unique<Snapshot>(*std::move(transaction), core_->parties_against));
}

Result<ReservedCounter> Store::Reserve(const ReservationWish& wish) {
  core_->SettleOwed(wish.request.target);
  if (Status may = core_->MakeAnchorable(); !may) return std::move(may).error();
  std::optional<OriginatorCounter> counter;
  bool flushed = false;
  auto reserve = [&](WriteTransaction& transaction) -> Status {
    auto next = ReserveNext(transaction, wish, core_->settings, environment());
    if (!next) return std::move(next).error();
    counter = *next;
    return Done{};
  };
  auto released = core_->Run(Lane::kNewWork, reserve, &flushed);
  if (released) return Mint(wish.request, wish.role, *counter);
  // On the disk, and not handed out: given up at once, so that the device does not wait for a
  // restart. The abandonment counts when it is written, whether or not it is released.
  if (flushed && !ended()) {
    (void)core_->GiveUp(
        {wish.request, wish.role, *counter},
        {Describe(released.error().reason).name, "the counter was not handed out", wish.at});
  }
  return std::move(released).error();
}

Result<OriginatorCounter> Store::Preview(const ReservationWish& wish) const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  return PreviewNext(*transaction, wish, core_->settings);
}

// `counter` is worth nothing afterwards: whoever still holds it finds the RequestID changed.
Status Store::Abandon(ReservedCounter&& counter, const Failure& why, UtcTime at) {
  return core_->GiveUp({counter.request(), counter.role(), counter.counter()},
                       {Describe(why.reason).name, why.explanation, at});
}

Status Store::AbandonWithAlarm(ReservedCounter&& counter, const Failure& why, std::string_view what,
                               UtcTime at) {
  return core_->GiveUp({counter.request(), counter.role(), counter.counter()},
                       {Describe(why.reason).name, why.explanation, at, what});
}

Result<Elsewhere> Store::ReserveElsewhere(const ElsewhereWish& wish) {
  if (Status may = core_->MakeAnchorable(); !may) return std::move(may).error();
  return core_->Write(Lane::kNewWork, [&](WriteTransaction& transaction) {
    return ReserveForOthers(transaction, wish, core_->settings, environment());
  });
}

Result<Raising> Store::AgreeToRaise(const RaiseWish& wish) {
  return core_->Write(Lane::kAlone, [&](WriteTransaction& transaction) -> Result<Raising> {
    if (Status may = core_->CheckMaySpeak(wish.operator_name); !may) return std::move(may).error();
    return AgreeOnRaise(transaction, wish, core_->settings, environment());
  });
}

Result<std::optional<DeviceCounters>> Store::ShowCounters(Eui64 device) const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  return ReadDeviceCounters(*transaction, device, core_->settings);
}

Result<Exporting> Store::AgreeToExport(const ExportWish& wish) {
  return core_->Write(Lane::kAlone, [&](WriteTransaction& transaction) -> Result<Exporting> {
    // A plain export takes no word of anybody.
    if (Status may = core_->CheckMaySpeak(wish.operator_name); wish.fenced && !may) {
      return std::move(may).error();
    }
    return AgreeOnExport(transaction, wish, environment());
  });
}

Status Store::ReadForExport(const std::function<Status(const ExportHead&)>& begin,
                            const std::function<Status(const ExportedCounters&)>& row) const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  return ReadExport(*transaction, begin, [&](const ExportedCounters& counters) {
    Status goes_on = core_->CheckGoesOn();
    return goes_on ? row(counters) : goes_on;
  });
}

Result<CountersImport> Store::ImportCounters(const ImportWish& wish, const CountersSource& next) {
  return core_->Write(Lane::kAlone, [&](WriteTransaction& transaction) -> Result<CountersImport> {
    if (Status may = core_->CheckMaySpeak(wish.operator_name); !may) return std::move(may).error();
    const CountersSource checked = [&]() -> Result<std::optional<ExportedCounters>> {
      if (auto goes_on = core_->CheckGoesOn(); !goes_on) return std::move(goes_on).error();
      return next();
    };
    return AgreeOnImport(transaction, wish, checked, core_->settings, environment());
  });
}

Result<audit::Receipt> Store::AppendSigned(const ReservedCounter& counter,
                                           const audit::Entry& entry, Eui64 acb,
                                           const gbcs::SignedCommand& command,
                                           BytesView request_octets) {
  // What needs no transaction is done here: the writer is one thread.
  const audit::PreparedEntry prepared = Prepare(entry, environment());
  const SignedAnswer answer{counter, prepared, acb, EvidenceOf(command.octets),
                            EvidenceOf(request_octets)};
  return core_->Write(Lane::kFinish, [&](WriteTransaction& transaction) {
    return StoreSigned(transaction, answer);
  });
}

Result<audit::Receipt> Store::AppendRefused(const RequestId& request, const Sha256Digest& body,
                                            const audit::Entry& entry, const Failure& why,
                                            BytesView request_octets) {
  const audit::PreparedEntry prepared = Prepare(entry, environment());
  const RefusedAnswer answer{request, body, prepared, why, entry.at(), EvidenceOf(request_octets)};
  return core_->Write(Lane::kFinish, [&](WriteTransaction& transaction) {
    return StoreAnswered(transaction, answer, StoredRequest::State::kRefused, {});
  });
}

Result<audit::Receipt> Store::AppendQuarantined(const RequestId& request, const Sha256Digest& body,
                                                RemotePartyRole role, const audit::Entry& entry,
                                                const Failure& why, BytesView request_octets) {
  const audit::PreparedEntry prepared = Prepare(entry, environment());
  const RefusedAnswer answer{request, body, prepared, why, entry.at(), EvidenceOf(request_octets)};
  return core_->Write(Lane::kFinish, [&](WriteTransaction& transaction) {
    return StoreQuarantined(transaction, answer, role);
  });
}

Result<RecordedObservation> Store::Record(const Observation& seen) {
  // New work: outside it is sent again, so it has no claim to the reserve of space.
  return core_->Write(Lane::kNewWork, [&](WriteTransaction& transaction) {
    return StoreObservation(transaction, seen, core_->settings.counter_jump, environment());
  });
}

Result<std::optional<Bytes>> Store::FindPendingCommand(Eui64 device, Eui64 originator,
                                                       std::uint64_t counter) const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  return FindPending(*transaction, device, originator, counter);
}

Result<std::optional<PublicPoint>> Store::FindDeviceSigningKey(Eui64 device) const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  return FindSigningKey(*transaction, device);
}

Result<std::vector<QuarantinedItem>> Store::ListQuarantine(std::uint64_t from, std::uint64_t count,
                                                           std::optional<UtcTime> now) const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  return ListQuarantined(*transaction, from, count, now);
}

Result<Agreement> Store::AgreeOnQuarantined(std::uint64_t id, QuarantineAct act,
                                            std::string_view operator_name, UtcTime at,
                                            std::string_view operator_key) {
  const OperatorWord word{at, std::string(operator_name), std::string(operator_key)};
  return core_->WriteOperatorsAct([&](WriteTransaction& transaction) -> Result<Agreement> {
    if (Status may = core_->CheckMaySpeak(word.operator_name); !may) return std::move(may).error();
    return Agree(transaction, id, act, word, environment());
  });
}

Result<audit::Receipt> Store::Suspend(const std::vector<Suspension>& rows, UtcTime at) {
  return core_->WriteOperatorsAct([&](WriteTransaction& transaction) {
    return StoreSuspensions(transaction, rows, at, environment());
  });
}

Result<Lifting> Store::AgreeToLift(const std::vector<Suspension>& rows, UtcTime at,
                                   std::string_view operator_key) {
  const OperatorWord word{at, rows.empty() ? "" : rows.front().by, std::string(operator_key)};
  return core_->WriteOperatorsAct([&](WriteTransaction& transaction) -> Result<Lifting> {
    if (Status may = core_->CheckMaySpeak(word.operator_name); !may) return std::move(may).error();
    return Lift(transaction, rows, word, environment());
  });
}

Result<std::vector<Suspension>> Store::ListSuspensions(std::optional<UtcTime> now) const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  return ReadSuspensions(*transaction, now);
}

Status Store::Confirm() {
  return core_->Run(Lane::kFinish, [](WriteTransaction&) -> Status { return Done{}; });
}

Result<audit::Receipt> Store::Append(const audit::Entry& entry) {
  const audit::PreparedEntry prepared = Prepare(entry, environment());
  return core_->Write(Lane::kFinish, [&](WriteTransaction& transaction) {
    return AppendEntry(transaction, prepared);
  });
}

Result<audit::Receipt> Store::AppendAccess(audit::Entry entry,
                                           const std::vector<std::string>& operators,
                                           const std::vector<std::string>& narrowed) {
  // First: what is written before this job it drops, what would be written after it is refused.
  std::vector<std::string> speakers = operators;
  speakers.insert(speakers.end(), narrowed.begin(), narrowed.end());
  core_->LetSpeak(std::move(speakers));
  return core_->WriteOperatorsAct([&](WriteTransaction& transaction) -> Result<audit::Receipt> {
    const auto whose = DropWordsOfOthers(transaction, operators);
    if (!whose) return whose.error();
    audit::Entry recorded = entry;
    if (!whose->empty())
      recorded.Set("words_dropped_of", audit::List(whose->begin(), whose->end()));
    return AppendEntry(transaction, recorded, environment());
  });
}

Result<std::vector<std::string>> Store::ReadAudit(std::uint64_t from, std::uint64_t count) const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  return ReadEntries(*transaction, from, count);
}

Result<std::vector<Sha256Digest>> Store::ReadLeaves(std::uint64_t from, std::uint64_t count) const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  return ReadLeafHashes(*transaction, from, count);
}

Result<std::uint64_t> Store::AuditSize() const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  return AuditSizeOf(*transaction);
}

Result<std::optional<Bytes>> Store::FindEvidence(const Sha256Digest& sha256) const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  return transaction->Get(Table::kEvidence, sha256);
}

Result<ImportOutcome> Store::ImportParties(const std::vector<PartyRecord>& rows,
                                           const audit::Entry& entry) {
  return core_->ImportRows(Feed::kParties, entry, [&](Import& import) -> Status {
    for (const PartyRecord& row : rows) {
      if (auto added = import.Add(row); !added) return added;
    }
    return Done{};
  });
}

Result<ImportOutcome> Store::ImportRegistrations(const std::vector<Registration>& rows,
                                                 const audit::Entry& entry) {
  return core_->ImportRows(Feed::kRegistrations, entry, [&](Import& import) -> Status {
    for (const Registration& row : rows) {
      if (auto added = import.Add(row); !added) return added;
    }
    return Done{};
  });
}

Result<ImportOutcome> Store::ImportDevices(const DeviceSource& next, const audit::Entry& entry,
                                           HubColumn hub) {
  return core_->ImportRows(Feed::kDevices, entry, [&](Import& import) -> Status {
    while (true) {  // ends with the source, whose file has a limit
      const auto row = next();
      if (!row) return row.error();
      if (!row->has_value()) return Done{};
      if (auto added = import.Add(**row, hub); !added) return added;
    }
  });
}

Result<ImportOutcome> Store::ImportPackedDevices(const PackedDeviceSource& next,
                                                 const audit::Entry& entry, HubColumn hub) {
  return core_->ImportRows(Feed::kDevices, entry, [&](Import& import) -> Status {
    DevicesAhead rows(next);
    while (true) {  // ends with the source, whose file has a limit
      const auto row = rows.Next();
      if (!row) return row.error();
      if (*row == nullptr) return Done{};
      if (auto added = import.Add((*row)->device, hub, (*row)->record); !added) return added;
    }
  });
}

Result<ImportOutcome> Store::ImportMpanPrefixes(const std::vector<MpanPrefix>& rows,
                                                const audit::Entry& entry) {
  return core_->ImportRows(Feed::kMpanPrefixes, entry,
                           [&](Import& import) { return import.Replace(rows); });
}

Result<ImportOutcome> Store::ImportWorkingDays(const std::vector<CalendarDay>& rows,
                                               const audit::Entry& entry) {
  return core_->ImportRows(Feed::kWorkingDays, entry,
                           [&](Import& import) { return import.Replace(rows); });
}

Result<ImportOutcome> Store::ImportProducts(const std::vector<CertifiedProduct>& rows,
                                            const audit::Entry& entry) {
  return core_->ImportRows(Feed::kCertifiedProducts, entry,
                           [&](Import& import) { return import.Replace(rows); });
}

Result<ImportOutcome> Store::ImportProxyCertificates(const std::vector<ProxyCertificate>& rows,
                                                     const audit::Entry& entry) {
  return core_->ImportRows(Feed::kProxyCertificates, entry,
                           [&](Import& import) { return import.Replace(rows); });
}

Result<ImportOutcome> Store::ImportRepositoryStatus(const std::vector<RepositoryEntry>& rows,
                                                    const audit::Entry& entry) {
  return core_->ImportRows(Feed::kRepositoryStatus, entry, [&](Import& import) -> Status {
    for (const RepositoryEntry& row : rows) {
      if (auto added = import.Add(row); !added) return added;
    }
    return Done{};
  });
}

Result<ImportOutcome> Store::ImportDeviceCertificates(const DeviceCertificates& certificates,
                                                      const audit::Entry& entry) {
  return core_->ImportRows(Feed::kDeviceCertificates, entry, [&](Import& import) -> Status {
    for (const Bytes& authority : certificates.authorities) {
      if (auto added = import.Add(Table::kDeviceAuthorities, authority); !added) return added;
    }
    for (const DeviceKey& key : certificates.keys) {
      if (auto added = import.Add(key); !added) return added;
    }
    for (const DeviceKey& key : certificates.signing_keys) {
      if (auto added = import.AddSigning(key); !added) return added;
    }
    import.CountUnkept(certificates.not_kept);
    return Done{};
  });
}

Result<ImportOutcome> Store::ImportCertificates(const std::vector<Bytes>& certificates,
                                                const audit::Entry& entry) {
  return core_->ImportRows(Feed::kOrganisationCertificates, entry, [&](Import& import) -> Status {
    for (const Bytes& certificate : certificates) {
      if (auto added = import.Add(Table::kCertificates, certificate); !added) return added;
    }
    return Done{};
  });
}

Result<ImportOutcome> Store::ImportRevocationLists(const std::vector<Bytes>& lists,
                                                   const std::vector<Sha256Digest>& superseded,
                                                   const audit::Entry& entry) {
  return core_->ImportRows(Feed::kRevocationLists, entry, [&](Import& import) -> Status {
    for (const Bytes& list : lists) {
      if (auto added = import.Add(Table::kRevocationLists, list); !added) return added;
    }
    return import.Supersede(superseded);
  });
}

Result<std::optional<LastImport>> Store::FindLastImport(Feed feed) const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  return FindLastImportRow(*transaction, feed);
}

Result<TrustMaterial> Store::LoadTrustMaterial() const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  const auto generation = ReadSetting(*transaction, Setting::kTrustGeneration, DecodeNumber);
  if (!generation) return generation.error();
  auto certificates = LoadAll(*transaction, Table::kCertificates);
  if (!certificates) return std::move(certificates).error();
  auto lists = LoadAll(*transaction, Table::kRevocationLists);
  if (!lists) return std::move(lists).error();
  return TrustMaterial{*generation, *std::move(certificates), *std::move(lists)};
}

Result<std::uint64_t> Store::TrustGeneration() const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  return ReadSetting(*transaction, Setting::kTrustGeneration, DecodeNumber);
}

Result<std::vector<Bytes>> Store::LoadDeviceAuthorities() const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  return LoadAll(*transaction, Table::kDeviceAuthorities);
}

Result<ProxyPage> Store::ListProxyCertificates(Eui64 from, std::size_t devices) const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  return ReadProxyPage(*transaction, from, devices);
}

Result<std::uint64_t> Store::UnansweredCount() const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  return transaction->Count(Table::kUnanswered);
}

Statistics Store::statistics() const {
  const Writer::Counts counts = core_->writer.counts();
  const Anchors::State anchors = core_->anchors.state();
  std::optional<std::chrono::milliseconds> anchor_age;
  if (anchors.passed) {
    anchor_age = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - anchors.passed_at);
  }
  return {.jobs = counts.jobs,
          .batches = counts.batches,
          .commits = counts.commits,
          .dropped = counts.dropped,
          .queued = counts.queued,
          .alarms = counts.alarms,
          .map_octets = core_->environment->map_size(),
          .used_octets = core_->environment->used(),
          .in_doubt = in_doubt(),
          .outstanding = anchors.outstanding,
          .anchors_made = anchors.made,
          .anchored_size = anchors.passed ? anchors.passed->tree_size : 0,
          .anchor_age = anchor_age,
          .reserve_octets = core_->space.reserve(),
          .disk_available = core_->space.DiskAvailable(),
          .flushes = counts.flushes,
          .writer_rounds = counts.rounds,
          .in_long_job = counts.in_long_job};
}

}  // namespace acb::store
