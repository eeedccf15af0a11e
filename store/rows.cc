#include "store/rows.h"

#include <algorithm>
#include <array>

#include "store/fields.h"

namespace acb::store {
namespace {

// Bits of the flags octets.
constexpr std::uint8_t kHasCommissioned = 1;
constexpr std::uint8_t kHasKey = 2;
constexpr std::uint8_t kHasKeyCertificate = 4;
constexpr std::uint8_t kHasHub = 8;

constexpr std::uint8_t kHasTo = 1;
constexpr std::uint8_t kIsUept = 2;
constexpr std::uint8_t kHasNoticeToCease = 4;

constexpr std::uint8_t kIsReleased = 0x80;  // beside the role of a request
constexpr std::uint8_t kIsLost = 1;         // behind an import
constexpr std::uint8_t kHolderMask = 0x0F;
constexpr std::uint8_t kHasFloor = 0x10;
constexpr std::uint8_t kHasAcbKey = 0x20;

constexpr std::uint8_t kUncompressed = 0x04;  // first octet of a PublicPoint, not stored

void PutCell(ByteWriter& out, RemotePartyRole role, const CellState& cell) {
  const auto holder = static_cast<std::uint8_t>(cell.holder);
  out.U8(static_cast<std::uint8_t>(role));
  // Kept while the holder is unknown: the cell may turn out to be the ACB's still.
  const bool has_key = cell.acb_key && cell.holder != CellState::Holder::kParty;
  out.U8(static_cast<std::uint8_t>(holder | (cell.floor ? kHasFloor : 0) |
                                   (has_key ? kHasAcbKey : 0)));
  if (cell.holder == CellState::Holder::kParty) out.U64(cell.party.value());
  if (cell.floor) PutShort(out, cell.floor->value());
  if (has_key) out.U64(cell.acb_key->value);
}

std::optional<CellState> TakeCell(ByteReader& in) {
  const std::uint8_t state = in.U8();
  CellState cell;
  if ((state & kHolderMask) > static_cast<std::uint8_t>(CellState::Holder::kParty)) return {};
  if ((state & ~(kHolderMask | kHasFloor | kHasAcbKey)) != 0) return {};
  cell.holder = static_cast<CellState::Holder>(state & kHolderMask);
  if (cell.holder == CellState::Holder::kParty) cell.party = Eui64(in.U64());
  if ((state & kHasFloor) != 0) {
    const auto number = TakeShort(in);
    if (!number) return {};
    cell.floor = FloorSeqNumber::From(*number);
    if (!cell.floor) return {};
  }
  if ((state & kHasAcbKey) != 0) {
    if (cell.holder == CellState::Holder::kParty) return {};
    cell.acb_key = AcbKeyId{in.U64()};
  }
  return cell;
}

}  // namespace

Bytes KeyOf(Eui64 device) { return ByteWriter().U64(device.value()).bytes(); }
Bytes KeyOf(std::uint64_t audit_index) { return ByteWriter().U64(audit_index).bytes(); }
Bytes KeyOf(Setting setting) { return {static_cast<std::uint8_t>(setting)}; }
Bytes PrefixOf(Eui64 user_id) { return KeyOf(user_id); }

Bytes KeyOf(const PartyRecord& party) {
  return ByteWriter()
      .U64(party.user_id.value())
      .U8(static_cast<std::uint8_t>(party.role))
      .U64(Biased(party.from))
      .bytes();
}

Bytes PrefixOf(std::string_view mpxn) {
  ByteWriter prefix;
  // The length first: no meter point's key is the start of another's.
  PutText(prefix, mpxn);
  return std::move(prefix).bytes();
}

Bytes KeyOf(const Registration& registration) {
  return ByteWriter().Raw(PrefixOf(registration.mpxn)).U64(Biased(registration.from)).bytes();
}

Bytes EncodeDevice(const Device& device) {
  ByteWriter out;
  PutDevice(out, device);
  return std::move(out).bytes();
}

void PutDevice(ByteWriter& out, const Device& device) {
  const bool has_certificate = device.key_agreement_certificate != Sha256Digest{};
  out.U8(static_cast<std::uint8_t>(device.type)).U8(static_cast<std::uint8_t>(device.smets));
  out.U8(static_cast<std::uint8_t>(device.smi_status));
  out.U8(static_cast<std::uint8_t>(
      (device.commissioned ? kHasCommissioned : 0) | (device.key_agreement ? kHasKey : 0) |
      (has_certificate ? kHasKeyCertificate : 0) | (device.communications_hub ? kHasHub : 0)));
  if (device.commissioned) out.U64(Biased(*device.commissioned));
  if (device.key_agreement) out.Raw(BytesView(*device.key_agreement).subspan(1));
  if (has_certificate) out.Raw(device.key_agreement_certificate);
  if (device.communications_hub) out.U64(device.communications_hub->value());
  PutText(out, device.mpxn);
  out.Raw(AsBytes(device.model));  // the rest
}

std::optional<Device> DecodeDevice(Eui64 id, BytesView payload) {
  ByteReader in(payload);
  Device device;
  device.id = id;
  device.type = static_cast<DeviceType>(in.U8());
  const std::uint8_t smets = in.U8();
  device.smi_status = static_cast<SmiStatus>(in.U8());
  const std::uint8_t flags = in.U8();
  device.commissioned = TakeTimeIf((flags & kHasCommissioned) != 0, in);
  if ((flags & kHasKey) != 0) {
    device.key_agreement.emplace();
    device.key_agreement->front() = kUncompressed;
    std::ranges::copy(TakeArray<64>(in), device.key_agreement->begin() + 1);
  }
  if ((flags & kHasKeyCertificate) != 0) device.key_agreement_certificate = TakeArray<32>(in);
  if ((flags & kHasHub) != 0) device.communications_hub = Eui64(in.U64());
  device.mpxn = TakeText(in);
  device.model = AsText(in.rest());
  if (!in.ok() || Name(device.type).empty() || Name(device.smi_status).empty() || smets > 2)
    return {};
  device.smets = static_cast<SmetsGeneration>(smets);
  return device;
}

const CellState* CountersRow::Find(RemotePartyRole role) const {
  if (role == RemotePartyRole::kSupplier) return &supplier;
  if (role == RemotePartyRole::kNetworkOperator) return &network_operator;
  return nullptr;
}
CellState* CountersRow::Find(RemotePartyRole role) {
  return const_cast<CellState*>(std::as_const(*this).Find(role));
}

Bytes EncodeCounters(const CountersRow& row) {
  ByteWriter out;
  PutCounters(out, row);
  return std::move(out).bytes();
}

void PutCounters(ByteWriter& out, const CountersRow& row) {
  PutShort(out, row.last_issued);
  PutShort(out, row.raise);
  PutCell(out, RemotePartyRole::kSupplier, row.supplier);
  PutCell(out, RemotePartyRole::kNetworkOperator, row.network_operator);
}

std::optional<CountersRow> DecodeCounters(BytesView payload) {
  ByteReader in(payload);
  const auto last_issued = TakeShort(in);
  const auto raise = TakeShort(in);
  if (!last_issued || !raise || *last_issued > kMaxSeqNumber) return {};
  CountersRow row{*last_issued, *raise, {}, {}};
  for (const auto role : {RemotePartyRole::kSupplier, RemotePartyRole::kNetworkOperator}) {
    if (in.U8() != static_cast<std::uint8_t>(role)) return {};
    const auto cell = TakeCell(in);
    if (!cell) return {};
    *row.Find(role) = *cell;
  }
  if (!in.Finished()) return {};
  return row;
}

Bytes EncodeParty(const PartyRecord& party) {
  ByteWriter out;
  out.U8(static_cast<std::uint8_t>(party.status));
  out.U8(static_cast<std::uint8_t>((party.to ? kHasTo : 0) | (party.uept ? kIsUept : 0) |
                                   (party.notice_to_cease ? kHasNoticeToCease : 0)));
  if (party.to) out.U64(Biased(*party.to));
  if (party.notice_to_cease) out.U64(Biased(*party.notice_to_cease));
  PutText(out, party.party);
  return std::move(out).bytes();
}

std::optional<PartyRecord> DecodeParty(BytesView key, BytesView payload) {
  ByteReader name(key);
  ByteReader in(payload);
  PartyRecord party;
  party.user_id = Eui64(name.U64());
  party.role = static_cast<UserRole>(name.U8());
  party.from = Unbiased(name.U64());
  party.status = static_cast<PartyStatus>(in.U8());
  const std::uint8_t flags = in.U8();
  party.to = TakeTimeIf((flags & kHasTo) != 0, in);
  party.uept = (flags & kIsUept) != 0;
  party.notice_to_cease = TakeTimeIf((flags & kHasNoticeToCease) != 0, in);
  party.party = TakeText(in);
  if (!name.Finished() || !in.Finished()) return {};
  if (Name(party.role).empty() || Name(party.status).empty()) return {};
  return party;
}

Bytes EncodeRegistration(const Registration& registration) {
  ByteWriter out;
  out.U8(registration.to ? kHasTo : 0);
  if (registration.to) out.U64(Biased(*registration.to));
  PutText(out, registration.supplier);
  PutText(out, registration.network_operator);
  return std::move(out).bytes();
}

std::optional<Registration> DecodeRegistration(BytesView key, BytesView payload) {
  ByteReader name(key);
  ByteReader in(payload);
  Registration registration;
  registration.mpxn = TakeText(name);
  registration.from = Unbiased(name.U64());
  registration.to = TakeTimeIf((in.U8() & kHasTo) != 0, in);
  registration.supplier = TakeText(in);
  registration.network_operator = TakeText(in);
  if (!name.Finished() || !in.Finished()) return {};
  return registration;
}

Bytes EncodeRequest(const RequestRow& row) {
  const StoredRequest& request = row.request;
  ByteWriter out;
  out.U8(static_cast<std::uint8_t>(request.state)).Raw(request.body);
  const auto role = static_cast<std::uint8_t>(request.role);
  out.U8(static_cast<std::uint8_t>(role | (request.released ? kIsReleased : 0)));
  out.U64(request.counter ? request.counter->value() : 0);
  switch (request.state) {
    case StoredRequest::State::kReserved:
    case StoredRequest::State::kAbandoned:
      break;
    case StoredRequest::State::kSigned:
      out.U64(request.audit.index).Raw(request.audit.leaf);
      out.U64(request.acb.value()).Raw(row.command);
      break;
    case StoredRequest::State::kRefused:
    case StoredRequest::State::kQuarantined:
      out.U64(request.audit.index).Raw(request.audit.leaf);
      out.U16(static_cast<std::uint16_t>(request.reason)).Raw(AsBytes(request.explanation));
      break;
  }
  return std::move(out).bytes();
}

std::optional<RequestRow> DecodeRequest(BytesView payload) {
  using State = StoredRequest::State;
  ByteReader in(payload);
  RequestRow row;
  StoredRequest& request = row.request;
  const std::uint8_t state = in.U8();
  if (state < 1 || state > static_cast<std::uint8_t>(State::kAbandoned)) return {};
  request.state = static_cast<State>(state);
  request.body = TakeArray<32>(in);
  const std::uint8_t role = in.U8();
  request.role = static_cast<RemotePartyRole>(role & ~kIsReleased);
  request.released = (role & kIsReleased) != 0;
  const std::uint64_t counter = in.U64();
  request.counter = OriginatorCounter::From(counter);
  if (counter != 0 && !request.counter) return {};
  if (request.state == State::kReserved || request.state == State::kAbandoned) {
    return in.Finished() ? std::optional(row) : std::nullopt;
  }
  request.audit.index = in.U64();
  request.audit.leaf = TakeArray<32>(in);
  if (request.state == State::kSigned) {
    request.acb = Eui64(in.U64());
    row.command = TakeArray<32>(in);
    return in.Finished() ? std::optional(row) : std::nullopt;
  }
  request.reason = static_cast<Reason>(in.U16());
  request.explanation = AsText(in.rest());
  const bool known =
      std::ranges::find(AllReasons(), request.reason, &ReasonInfo::reason) != AllReasons().end();
  return in.ok() && known ? std::optional(row) : std::nullopt;
}

Bytes EncodeRequestId(const RequestId& request) { return request.Key(); }

std::optional<RequestId> DecodeRequestId(BytesView octets) {
  ByteReader in(octets);
  const Eui64 originator(in.U64());
  const Eui64 target(in.U64());
  const std::uint64_t counter = in.U64();
  if (!in.Finished()) return {};
  return RequestId{originator, target, counter};
}

// Of an import without anything lost.
constexpr std::size_t kImportOctets = 4 * sizeof(std::uint64_t);

Bytes EncodeLastImport(const LastImport& import, std::uint32_t lost) {
  ByteWriter out;
  out.U64(import.rows).U64(import.changed).U64(import.audit_index).U64(Biased(import.at));
  if (lost != 0) out.U8(kIsLost);
  if (lost > 1) out.U32(lost);
  return std::move(out).bytes();
}

std::uint32_t LostImportsOf(BytesView payload) {
  ByteReader in(payload.subspan(std::min(kImportOctets, payload.size())));
  if (in.rest().empty() || in.U8() != kIsLost) return 0;
  return in.rest().empty() ? 1 : in.U32();
}

std::optional<LastImport> DecodeLastImport(BytesView payload) {
  ByteReader in(payload);
  LastImport import;
  import.rows = in.U64();
  import.changed = in.U64();
  import.audit_index = in.U64();
  import.at = Unbiased(in.U64());
  if (in.Finished()) return import;
  import.lost = in.U8() == kIsLost;
  if (!in.rest().empty() && in.U32() < 2) return {};
  if (!in.Finished() || !import.lost) return {};
  return import;
}

Bytes KeyOf(SuspensionScope scope, std::string_view subject) {
  return ByteWriter().U8(static_cast<std::uint8_t>(scope)).Raw(AsBytes(subject)).bytes();
}

Bytes EncodeSuspension(const Suspension& suspension) {
  ByteWriter out;
  out.U64(Biased(suspension.since));
  for (const std::string& text : {suspension.authority, suspension.by, suspension.lift_by}) {
    PutText(out, text);
  }
  return std::move(out).bytes();
}

std::optional<Suspension> DecodeSuspension(BytesView key, BytesView payload) {
  ByteReader name(key);
  ByteReader in(payload);
  Suspension suspension;
  suspension.scope = static_cast<SuspensionScope>(name.U8());
  suspension.subject = AsText(name.rest());
  suspension.since = Unbiased(in.U64());
  suspension.authority = TakeText(in);
  suspension.by = TakeText(in);
  suspension.lift_by = TakeText(in);
  if (!name.ok() || !in.Finished() || Name(suspension.scope).empty()) return {};
  return suspension;
}

// The format of the whole: what tables there are and what their records mean.
constexpr std::uint16_t kFormat = 3;

Bytes EncodeIdentity(const Identity& identity) {
  return ByteWriter()
      .U16(kFormat)
      .U8(static_cast<std::uint8_t>(identity.environment))
      .Raw(identity.id)
      .U64(Biased(identity.created))
      .bytes();
}

std::optional<Identity> DecodeIdentity(BytesView payload) {
  ByteReader in(payload);
  if (in.U16() != kFormat) return {};
  Identity identity;
  const std::uint8_t environment = in.U8();
  identity.environment = static_cast<Environment>(environment);
  identity.id = TakeArray<16>(in);
  identity.created = Unbiased(in.U64());
  if (!in.Finished() || environment < 1 || environment > 2) return {};
  return identity;
}

Bytes EncodeFence(const Fence& fence) {
  return ByteWriter()
      .U64(fence.raise)
      .U64(fence.base)
      .U64(fence.recovered)
      .U64(fence.recovered_at)
      .U8(fence.exported ? 1 : 0)
      .bytes();
}
std::optional<Fence> DecodeFence(BytesView payload) {
  ByteReader in(payload);
  Fence fence;
  fence.raise = in.U64();
  fence.base = in.U64();
  fence.recovered = in.U64();
  fence.recovered_at = in.U64();
  const std::uint8_t exported = in.U8();
  fence.exported = exported != 0;
  if (!in.Finished() || fence.raise > kMaxSeqNumber || fence.base > kMaxSeqNumber ||
      fence.recovered > fence.raise || exported > 1) {
    return {};
  }
  return fence;
}

Bytes EncodeEpoch(const Epoch& epoch) {
  return ByteWriter().U64(epoch.epoch).Raw(epoch.instance).bytes();
}
std::optional<Epoch> DecodeEpoch(BytesView payload) {
  ByteReader in(payload);
  Epoch epoch;
  epoch.epoch = in.U64();
  epoch.instance = TakeArray<16>(in);
  if (!in.Finished()) return {};
  return epoch;
}

Bytes EncodeNumber(std::uint64_t number) { return ByteWriter().U64(number).bytes(); }
std::optional<std::uint64_t> DecodeNumber(BytesView payload) {
  ByteReader in(payload);
  const std::uint64_t number = in.U64();
  if (!in.Finished()) return {};
  return number;
}

}  // namespace acb::store
