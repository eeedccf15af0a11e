// What a token says of the keys in it. No PKCS#11 in this header.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "firmware/base/bytes.h"

namespace acb::hsm {

inline constexpr std::size_t kMaxKeyObjects = 256;

struct KeyObject {
  enum class Half { kPrivate, kPublic, kSecret };
  Half half = Half::kPrivate;
  std::string label;      // at most 256 octets
  std::string algorithm;  // "P-256", "Ed25519", or "other"
  Bytes point;            // of a public half: as PublicKey::octets; empty when it cannot be read
  // Of a private or secret one.
  bool sensitive = false;
  bool extractable = false;
  bool generated_in_token = false;  // CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE
  bool signs = false;
  bool derives = false;
};
std::string_view Name(KeyObject::Half half);  // "private", "public", "secret"

// One call of C_DestroyObject.
struct Destruction {
  KeyObject::Half half = KeyObject::Half::kPrivate;
  std::string returned;  // "CKR_OK"
  bool done = false;
};

}  // namespace acb::hsm
