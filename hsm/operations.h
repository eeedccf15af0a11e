// What is done with a private key in the token. Each call blocks for the module.
#pragma once

#include "firmware/base/bytes.h"
#include "firmware/base/result.h"
#include "firmware/base/secret.h"
#include "firmware/records.h"
#include "hsm/key.h"
#include "hsm/session.h"

namespace acb::hsm {

// 64 octets: ECDSA over SHA-256(message) as r || s, or Ed25519. No signature leaves this function
// that was not verified outside the module with the key's public half (design.md section 5). Fails
// with kHsmUnavailable; `*lied`, which may be null, becomes true when one was made and is wrong.
Result<Bytes> SignVerified(Session& session, const Key& key, BytesView message,
                           bool* lied = nullptr);

// The x coordinate of key * point, 32 octets. `point` is on the curve.
//
// Unlike a signature the result cannot be verified with public keys alone: a module that gives a
// wrong one is found by AgreementChecker, before anything that was made with it is released. Fails
// with kHsmUnavailable.
Result<Secret> Agree(Session& session, const Key& key, const PublicPoint& point);

// Known-answer test: the two halves of `key` belong together, and the module can use the private
// one. Signs and verifies, or compares an agreement with a new software key to the same computed
// outside. One operation on the key. Fails with kHsmUnavailable.
Status TestKey(Session& session, const Key& key);

}  // namespace acb::hsm
