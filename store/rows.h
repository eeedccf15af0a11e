// Payloads and keys of the tables' records, as FORMAT.md gives them. Private to store/.
//
// Encoding never fails: what comes in was checked against the limits below. Decoding gives nothing
// when the payload does not have the form: the caller makes that kRecordDamaged.
#pragma once

#include <optional>

#include "firmware/records.h"
#include "store/store.h"

namespace acb::store {

inline constexpr std::size_t kMaxName = 255;  // octets of a model or a party's short name
inline constexpr std::size_t kMaxMpxn = 32;   // an MPAN core has 13
// Of what a suspension is for: its key stays well below LMDB's limit.
inline constexpr std::size_t kMaxSuspensionSubject = 255;

// Keys.
Bytes KeyOf(Eui64 device);
Bytes KeyOf(const PartyRecord& party);
Bytes KeyOf(const Registration& registration);
Bytes KeyOf(std::uint64_t audit_index);
// What the keys of all rows of that User or meter point start with.
Bytes PrefixOf(Eui64 user_id);
Bytes PrefixOf(std::string_view mpxn);

// Table devices: what the device feed says, but cells and counters.
Bytes EncodeDevice(const Device& device);
void PutDevice(ByteWriter& out, const Device& device);  // likewise, behind what is there
std::optional<Device> DecodeDevice(Eui64 id, BytesView payload);

// Table counters: one row for every device, made with it. A device without one is damage, never a
// device whose counters start at zero.
struct CountersRow {
  std::uint64_t last_issued = 0;
  std::uint64_t raise = 0;  // of the settings, when last_issued was written
  CellState supplier;
  CellState network_operator;

  // nullptr for a role whose cells are not kept.
  CellState* Find(RemotePartyRole role);
  const CellState* Find(RemotePartyRole role) const;
};
Bytes EncodeCounters(const CountersRow& row);
void PutCounters(ByteWriter& out, const CountersRow& row);
std::optional<CountersRow> DecodeCounters(BytesView payload);

Bytes EncodeParty(const PartyRecord& party);
std::optional<PartyRecord> DecodeParty(BytesView key, BytesView payload);

Bytes EncodeRegistration(const Registration& registration);
std::optional<Registration> DecodeRegistration(BytesView key, BytesView payload);

// Table requests. The command itself is in table evidence.
struct RequestRow {
  StoredRequest request;  // without `command`
  Sha256Digest command{};
};
Bytes EncodeRequest(const RequestRow& row);
std::optional<RequestRow> DecodeRequest(BytesView payload);

Bytes EncodeRequestId(const RequestId& request);  // RequestId::Key()
std::optional<RequestId> DecodeRequestId(BytesView octets);

// Table feeds.
// `lost`: imports that went with the disk and have not come again; with 0 import.lost is false.
Bytes EncodeLastImport(const LastImport& import, std::uint32_t lost);
std::optional<LastImport> DecodeLastImport(BytesView payload);
std::uint32_t LostImportsOf(BytesView payload);

// Table suspensions. `subject`: at most kMaxSuspensionSubject octets; the other texts at most 255.
Bytes KeyOf(SuspensionScope scope, std::string_view subject);
Bytes EncodeSuspension(const Suspension& suspension);
std::optional<Suspension> DecodeSuspension(BytesView key, BytesView payload);

// Table settings.
enum class Setting : std::uint8_t {
  kIdentity = 1,
  kFence = 2,
  kTrustGeneration = 3,
  kEpoch = 4,
  kKeys = 5,
  kKeyOperations = 6,  // the key goes on with an AcbKeyId
  kNewestRelease = 7
};
Bytes KeyOf(Setting setting);
Bytes EncodeIdentity(const Identity& identity);
std::optional<Identity> DecodeIdentity(BytesView payload);
// raise and base of design.md section 4, and what operators did to all counters at once.
struct Fence {
  std::uint64_t raise = 0;
  std::uint64_t base = 0;
  // Raise of the last recovery that lost the log: cells of rows written under a lower one are
  // unknown. 0: none.
  std::uint64_t recovered = 0;
  // Entries that the log had at the last recovery: what waits in quarantine from before it makes no
  // cell the ACB's any more. 0: none.
  std::uint64_t recovered_at = 0;
  // An export handed the counters to another box for good: nothing is reserved here any more.
  bool exported = false;
};
Bytes EncodeFence(const Fence& fence);
std::optional<Fence> DecodeFence(BytesView payload);
// The start that this store last saw; epoch 0: none yet.
struct Epoch {
  std::uint64_t epoch = 0;
  std::array<std::uint8_t, 16> instance{};
};
Bytes EncodeEpoch(const Epoch& epoch);
std::optional<Epoch> DecodeEpoch(BytesView payload);
Bytes EncodeNumber(std::uint64_t number);
std::optional<std::uint64_t> DecodeNumber(BytesView payload);

}  // namespace acb::store
