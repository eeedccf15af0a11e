// The cryptography of GBCS messages that needs no private key: key derivation from an ECDH secret,
// the GMAC, and checking of signatures.
//
// Source: gbcs-cs02b.md section 5. Thread-safe; nothing blocks. A crypto library that has no memory
// or no provider left ends the process: there is no safe answer without it.
#pragma once

#include <array>
#include <cstdint>

#include "firmware/base/bytes.h"
#include "firmware/base/eui64.h"
#include "firmware/base/secret.h"
#include "firmware/gbcs/update_security_credentials.h"
#include "firmware/records.h"

namespace acb::gbcs {

enum class CraFlag : std::uint8_t { kCommand = 1, kResponse = 2, kAlert = 3 };

// AlgorithmID (7) || originator (8) || 09 || CRA Flag || counter (8) || target (8).
inline constexpr std::size_t kOtherInfoOctets = 7 + 8 + 1 + 1 + 8 + 8;
using OtherInfo = std::array<std::uint8_t, kOtherInfoOctets>;
inline constexpr std::size_t kEcdhSecretOctets = 32;  // x coordinate on P-256
inline constexpr std::size_t kMacKeyOctets = 16;      // AES-128
using MacIv = std::array<std::uint8_t, 12>;

// All four from the Grouping Header, also where the originator is not the ACB: for 6.15.1 the
// originator is the User while the secret Z comes from the ACB's key (section 12, trap 4).
OtherInfo MakeOtherInfo(Eui64 originator, CraFlag cra, std::uint64_t counter, Eui64 target);

// The first 16 octets of SHA-256(00000001 || Z || OtherInfo): single-step KDF of SP 800-56A.
// `z` must have 32 octets; anything else is a bug and ends the process.
// `other_info` is an OtherInfo in use; NIST's test vectors have other lengths.
Secret DeriveMacKey(const Secret& z, BytesView other_info);

// originator || 00000000. The same for every message of an originator: only the counter inside
// OtherInfo makes a MAC unique, so never MAC two different messages with one originator, target and
// counter.
MacIv MakeMacIv(Eui64 originator);

// 11 || 0000000000 || body, where the body runs from the tag DF to the end of the signature, the
// octet 40 included, or to the 00 of an unsigned message. The five zero octets are the empty fields
// of the MAC Header; GBCS 0.8.1 prints the formula without them, and no vector verifies so.
Bytes MacAad(BytesView body);
// The same for a command that is about to be assembled with `signature`.
Bytes MacAad(const UnsignedCommand& command, const Signature& signature);

// GMAC (AES-128-GCM without plaintext), first 12 octets of the tag.
// `key` must have 16 octets; anything else is a bug and ends the process.
Mac ComputeMac(const Secret& key, const MacIv& iv, BytesView aad);

// Compares in constant time.
[[nodiscard]] bool EqualMacs(const Mac& a, const Mac& b);

// Whether `signature` is an ECDSA P-256 / SHA-256 signature over `message` by the key `signer`.
// False, too, for r or s outside 1 .. n-1, a point that is not on the curve, and any encoding but
// 04 || x || y. High s is as good as low s: GBCS has no low-s rule (section 2.3).
[[nodiscard]] bool VerifySignature(BytesView message, const Signature& signature,
                                   const PublicPoint& signer);

}  // namespace acb::gbcs
