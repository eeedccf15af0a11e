// Observations and what they need: the newest of each originator for a cell, commands that wait for
// their outcome, devices' digital signing keys (FORMAT.md, tables 24 to 26). Private to store/.
//
// Each writing function is one job of the writer: it checks everything before it writes.
#pragma once

#include "firmware/observation.h"
#include "store/store.h"
#include "store/transactions.h"

namespace acb::store {

// Commands that wait for their outcome; more are refused.
inline constexpr std::uint64_t kMaxPending = 1'000'000;
// Of one device and originator that one cancellation takes back.
inline constexpr std::size_t kMaxCancelled = 1'000;

// Table device-signing-keys.
Bytes EncodeSigningKey(const DeviceKey& key);
std::optional<DeviceKey> DecodeSigningKey(BytesView key, BytesView payload);

// Table observed: the greatest counter of an originator whose command moved the cell.
struct ObservedRow {
  std::uint64_t counter = 0;
  Sha256Digest command{};
  Sha256Digest response{};
  std::uint64_t audit_index = 0;
  std::optional<Eui64> unexplained;  // CellRecord
};
Bytes EncodeObserved(const ObservedRow& row);
std::optional<ObservedRow> DecodeObserved(BytesView payload);
Bytes KeyOfObserved(Eui64 device, RemotePartyRole role, Eui64 originator);
// Of a command that bears the ACB as originator and was not given out here.
Bytes KeyOfForeign(Eui64 device, std::uint64_t counter);
// Table elsewhere.
Bytes KeyOfElsewhere(Eui64 device, std::uint64_t counter);

// Table pending.
struct PendingRow {
  Sha256Digest command{};  // in table evidence
  std::uint16_t message_code = 0;
  std::uint64_t audit_index = 0;
};
Bytes EncodePending(const PendingRow& row);
std::optional<PendingRow> DecodePending(BytesView payload);
Bytes KeyOfPending(Eui64 device, Eui64 originator, std::uint64_t counter);

// ObservationLog.
Result<RecordedObservation> StoreObservation(WriteTransaction& transaction, const Observation& seen,
                                             std::uint64_t counter_jump, Environment environment);
Result<std::optional<Bytes>> FindPending(const Transaction& transaction, Eui64 device,
                                         Eui64 originator, std::uint64_t counter);
Result<std::optional<PublicPoint>> FindSigningKey(const Transaction& transaction, Eui64 device);

// Something newer than the entry of this index was observed of the cell.
Result<bool> ObservedSince(const Transaction& transaction, Eui64 device, RemotePartyRole role,
                           std::uint64_t audit_index);

}  // namespace acb::store
