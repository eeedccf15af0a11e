// smki::RevocationList::Parse, its look-up and its signature.
#include "firmware/smki/revocation_list.h"

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using acb::fuzz::Require;
  const auto parsed = acb::smki::RevocationList::Parse({data, size});
  if (!parsed) {
    Require(parsed.error().reason == acb::Reason::kCrlStale, "refused as CRL_STALE alone");
    return 0;
  }
  const acb::smki::RevocationList& list = **parsed;
  Require(!list.Label().empty() && !list.number().Text().empty(), "it has a label");
  static const acb::Bytes zero = {0x00};
  static const acb::Bytes serial = {0x15, 0x42, 0x6e, 0xc2};
  const bool listed = list.Lists(serial) || list.Lists(zero);
  Require(!listed || list.size() > 0, "an empty list lists nothing");
  // The base point of P-256: nobody's key.
  static const acb::PublicPoint generator = [] {
    acb::PublicPoint point;
    const auto octets = acb::FromHex(
        "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5");
    std::copy(octets->begin(), octets->end(), point.begin());
    return point;
  }();
  static_cast<void>(list.VerifyBy(generator));
  return 0;
}
