#include "store/feed_rows.h"

#include "store/fields.h"

namespace acb::store {
namespace {

constexpr std::uint8_t kHasTo = 1;

}  // namespace

Bytes KeyOf(const MpanPrefix& row) { return ToBytes(AsBytes(row.prefix)); }

Bytes EncodeMpanPrefix(const MpanPrefix& row) {
  ByteWriter out;
  PutText(out, row.party);
  return std::move(out).bytes();
}

std::optional<MpanPrefix> DecodeMpanPrefix(BytesView key, BytesView payload) {
  ByteReader in(payload);
  MpanPrefix row{std::string(AsText(key)), TakeText(in)};
  if (!in.Finished()) return {};
  return row;
}

Bytes KeyOf(const CalendarDay& row) { return ByteWriter().U64(Biased(row.day)).bytes(); }

Bytes EncodeCalendarDay(const CalendarDay& row) {
  return {static_cast<std::uint8_t>(row.working ? 1 : 0)};
}

std::optional<CalendarDay> DecodeCalendarDay(BytesView key, BytesView payload) {
  ByteReader name(key);
  ByteReader in(payload);
  const UtcTime day = Unbiased(name.U64());
  const std::uint8_t working = in.U8();
  if (!name.Finished() || !in.Finished() || working > 1) return {};
  return CalendarDay{day, working == 1};
}

Bytes PrefixOfProducts(std::string_view model) {
  ByteWriter prefix;
  // The length first: no model's key is the start of another's.
  PutText(prefix, model);
  return std::move(prefix).bytes();
}

Bytes KeyOf(const CertifiedProduct& row) {
  ByteWriter key;
  PutText(key, row.model);
  PutText(key, row.firmware);
  return std::move(key.U64(Biased(row.from))).bytes();
}

Bytes EncodeProduct(const CertifiedProduct& row) {
  ByteWriter out;
  out.U8(row.to ? kHasTo : 0);
  if (row.to) out.U64(Biased(*row.to));
  out.Raw(row.firmware_sha256);
  return std::move(out).bytes();
}

std::optional<CertifiedProduct> DecodeProduct(BytesView key, BytesView payload) {
  ByteReader name(key);
  ByteReader in(payload);
  CertifiedProduct row;
  row.model = TakeText(name);
  row.firmware = TakeText(name);
  row.from = Unbiased(name.U64());
  row.to = TakeTimeIf((in.U8() & kHasTo) != 0, in);
  row.firmware_sha256 = TakeArray<32>(in);
  if (!name.Finished() || !in.Finished()) return {};
  return row;
}

Bytes PrefixOf(ProxySource source) { return {static_cast<std::uint8_t>(source)}; }

Bytes KeyOf(ProxySource source, Eui64 device) {
  return ByteWriter().U8(static_cast<std::uint8_t>(source)).U64(device.value()).bytes();
}

Bytes EncodeProxyCertificate(const ProxyCertificate& row) {
  ByteWriter out;
  PutText(out.U64(row.owner.value()), row.certificate);
  return std::move(out).bytes();
}

std::optional<ProxyCertificate> DecodeProxyCertificate(BytesView key, BytesView payload) {
  ByteReader name(key);
  ByteReader in(payload);
  ProxyCertificate row;
  row.source = static_cast<ProxySource>(name.U8());
  row.device = Eui64(name.U64());
  row.owner = Eui64(in.U64());
  row.certificate = TakeText(in);
  if (!name.Finished() || !in.Finished() || Name(row.source).empty()) return {};
  return row;
}

Bytes EncodeRepositoryEntry(const RepositoryEntry& row) {
  ByteWriter out;
  PutText(out.U8(static_cast<std::uint8_t>(row.status)).U64(Biased(row.since)), row.reason);
  return std::move(out).bytes();
}

std::optional<RepositoryEntry> DecodeRepositoryEntry(BytesView key, BytesView payload) {
  ByteReader name(key);
  ByteReader in(payload);
  RepositoryEntry row;
  row.certificate = TakeArray<32>(name);
  row.status = static_cast<RepositoryStatus>(in.U8());
  row.since = Unbiased(in.U64());
  row.reason = TakeText(in);
  if (!name.Finished() || !in.Finished() || Name(row.status).empty()) return {};
  return row;
}

}  // namespace acb::store
