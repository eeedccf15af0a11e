// The DCC's public test data as the tests of gbcs/ need it, and the two 6.21 messages in parts.
// Everything here is independent of the code under test: OpenSSL, hex and offsets.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "firmware/base/secret.h"
#include "firmware/gbcs/update_security_credentials.h"
#include "firmware/records.h"
#include "tests/support/public_parties.h"

namespace acb::testing {

// Of hex that is known to be good; blanks are skipped.
Bytes Hex(std::string_view text);
template <std::size_t N>
std::array<std::uint8_t, N> HexArray(std::string_view text) {
  const Bytes bytes = Hex(text);
  std::array<std::uint8_t, N> array{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), N), array.begin());
  return array;
}

// rtds/gbcs/<name>_GBCS.HEX
Bytes ReadVector(std::string_view name);
// rtds/certificates/<name>.pem: DER, and the public key in it.
Bytes ReadCertificate(std::string_view name);
PublicPoint ReadPublicKey(std::string_view name);
// x coordinate of d * Q: the private key of rtds/certificates/<name>.key with the point.
Secret Ecdh(std::string_view private_key_name, const PublicPoint& point);

inline constexpr std::string_view kNetworkOperator621 = "CS02bNOByNOHandover_6.21_SUCCESS_COMMAND";
inline constexpr std::string_view kSupplier621 =
    "CS02bSupplierBySupplierHandover_6.21_SUCCESS_COMMAND";

// What went into the two 6.21 vectors: certificates from files, the path certificate from the DUIS
// template.
gbcs::HandoverContent NetworkOperatorContent();
gbcs::HandoverContent SupplierContent();
ReservedCounter ReserveFor(RemotePartyRole role, std::uint64_t counter);

// Signature and MAC of a vector, by offset from its end.
gbcs::Signature SignatureOf(BytesView vector);
gbcs::Mac MacOf(BytesView vector);
// From DF to the last octet of the payload of a vector with a 15-octet MAC Header.
BytesView UnsignedPartOf(BytesView vector);

// Contents that need no ../shared: certificates are SEQUENCEs with something in them.
gbcs::HandoverContent SmallContent(RemotePartyRole role);

}  // namespace acb::testing
