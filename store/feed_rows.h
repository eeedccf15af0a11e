// Payloads and keys of the tables that feeds replace or add to, besides those of rows.h: as
// FORMAT.md gives them. Private to store/.
//
// Encoding never fails: what comes in was checked against the limits below. Decoding gives nothing
// when the payload does not have the form: the caller makes that kRecordDamaged.
#pragma once

#include <optional>

#include "firmware/records.h"

namespace acb::store {

inline constexpr std::size_t kMaxFirmware = 128;   // octets of a firmware version
inline constexpr std::size_t kMaxProxyName = 255;  // of what identifies a certificate
inline constexpr std::size_t kMaxStatusReason = 255;

// Table mpan-prefixes. The key is the two digits.
Bytes KeyOf(const MpanPrefix& row);
Bytes EncodeMpanPrefix(const MpanPrefix& row);
std::optional<MpanPrefix> DecodeMpanPrefix(BytesView key, BytesView payload);

// Table calendar.
Bytes KeyOf(const CalendarDay& row);
Bytes EncodeCalendarDay(const CalendarDay& row);
std::optional<CalendarDay> DecodeCalendarDay(BytesView key, BytesView payload);

// Table products.
Bytes KeyOf(const CertifiedProduct& row);
Bytes PrefixOfProducts(std::string_view model);  // what the keys of all its entries start with
Bytes EncodeProduct(const CertifiedProduct& row);
std::optional<CertifiedProduct> DecodeProduct(BytesView key, BytesView payload);

// Table proxy-certificates: by source first, so that one source is replaced in one walk.
Bytes KeyOf(ProxySource source, Eui64 device);
Bytes PrefixOf(ProxySource source);
Bytes EncodeProxyCertificate(const ProxyCertificate& row);
std::optional<ProxyCertificate> DecodeProxyCertificate(BytesView key, BytesView payload);

// Table repository-status. The key is the certificate's SHA-256.
Bytes EncodeRepositoryEntry(const RepositoryEntry& row);
std::optional<RepositoryEntry> DecodeRepositoryEntry(BytesView key, BytesView payload);

}  // namespace acb::store
