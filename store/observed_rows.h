// Rows that observations leave (FORMAT.md, tables 24 to 27), and how they are found. Private to
// store/.
#pragma once

#include <optional>

#include "store/store.h"
#include "store/transactions.h"

namespace acb::store {

// Table device-signing-keys.
Bytes EncodeSigningKey(const DeviceKey& key);
std::optional<DeviceKey> DecodeSigningKey(BytesView key, BytesView payload);

// Table observed: the newest of an originator's commands that moved the cell (CellRecord).
struct ObservedRow {
  std::uint64_t counter = 0;  // greatest of those executed on receipt
  Sha256Digest command{};
  Sha256Digest response{};
  std::uint64_t audit_index = 0;
  std::optional<Eui64> unexplained;  // CellRecord
  bool on_receipt = true;            // there is one; `counter` and `recorded` mean something
  UtcTime recorded{0};
  std::optional<DatedMove> dated;  // the future dated one that was executed last
  bool last_is_dated = false;      // what was recorded last, and has command and audit_index
  Eui64 originator{0};             // from the key, by FindLastMoved
};
// What the row becomes with one more command: `dated`, or executed on receipt and recorded `at`.
void NoteMoved(ObservedRow& row, std::uint64_t counter, std::optional<UtcTime> dated, UtcTime at);
Bytes EncodeObserved(const ObservedRow& row);
std::optional<ObservedRow> DecodeObserved(BytesView payload);
Bytes KeyOfObserved(Eui64 device, RemotePartyRole role, Eui64 originator);
// Of a command that bears the ACB as originator and was not given out here.
Bytes KeyOfForeign(Eui64 device, std::uint64_t counter, const Sha256Digest& command);
// Table elsewhere.
Bytes KeyOfElsewhere(Eui64 device, std::uint64_t counter);

// Table pending.
struct PendingRow {
  Sha256Digest command{};  // in table evidence
  std::uint16_t message_code = 0;
  std::uint64_t audit_index = 0;
  bool future_dated = false;
  bool supplier = false;  // whose cells it replaces
  bool network_operator = false;
  UtcTime due{0};  // then the outcome is not waited for any more
};
// Table pending-due.
Bytes KeyOfDue(UtcTime due, BytesView pending_key);
Bytes EncodePending(const PendingRow& row);
std::optional<PendingRow> DecodePending(BytesView payload);
Bytes KeyOfPending(Eui64 device, Eui64 originator, std::uint64_t counter);

// The command's octets; nothing when none waits under these.
Result<std::optional<Bytes>> FindPending(const Transaction& transaction, Eui64 device,
                                         Eui64 originator, std::uint64_t counter);
Result<std::optional<PublicPoint>> FindSigningKey(const Transaction& transaction, Eui64 device);

// The newest of all originators for the cell.
Result<std::optional<ObservedRow>> FindLastMoved(const Transaction& transaction, Eui64 device,
                                                 RemotePartyRole role);
// Something newer than the entry of this index was observed of the cell.
Result<bool> ObservedSince(const Transaction& transaction, Eui64 device, RemotePartyRole role,
                           std::uint64_t audit_index);

}  // namespace acb::store
