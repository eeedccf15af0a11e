// Public keys outside the module: checking what the module says. Thread-safe; nothing blocks.
#pragma once

#include <optional>

#include "firmware/base/bytes.h"
#include "firmware/base/handle.h"
#include "firmware/base/p256.h"
#include "firmware/base/result.h"
#include "firmware/base/secret.h"
#include "firmware/records.h"

namespace acb::hsm {

enum class KeyAlgorithm { kP256, kEd25519 };

struct PublicKey {
  KeyAlgorithm algorithm;
  Bytes octets;  // kP256: 04 || x (32) || y (32); kEd25519: the 32 octets of RFC 8032
};

// The point of a kP256 key. Using it for another key is a bug.
PublicPoint ToPoint(const PublicKey& key);

// SubjectPublicKeyInfo, DER.
Bytes ToSpki(const PublicKey& key);
// Nothing for other algorithms, for a point that is not on the curve, and for octets that are not
// exactly the DER of ToSpki.
std::optional<PublicKey> FromSpki(BytesView der);

// A kP256 key ready to verify; nothing for another algorithm.
std::optional<VerifyingKey> PrepareToVerify(const PublicKey& key);

// Whether `signature` (64 octets) is one over `message`: ECDSA with SHA-256 as r || s, or Ed25519.
[[nodiscard]] bool Verify(const PublicKey& key, BytesView message, BytesView signature);

}  // namespace acb::hsm
