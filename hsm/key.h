// A key pair in the token, found by its label.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "firmware/base/result.h"
#include "hsm/key_purpose.h"
#include "hsm/public_key.h"
#include "hsm/session.h"

namespace acb::hsm {

// Found once at start and kept: searching a full token takes tens of milliseconds. Thread-safe.
class Key {
 public:
  // The one private key and the one public key of that label. Refuses a key that could leave the
  // token (R-SEC3-42), a key that may be used for more or less than `purpose`, another curve, and a
  // public point that is not on it. That the two halves belong together is for TestKey
  // (operations.h).
  //
  // Fails with kHsmUnavailable; the detail says what is wrong with which key.
  static Result<std::unique_ptr<Key>> Find(Session& session, std::string_view label,
                                           KeyPurpose purpose);
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;

  CK_OBJECT_HANDLE handle() const { return handle_.load(); }
  // After another login handles are others. Good when the key is the same as before, which the
  // caller has to test (TestKey). Fails as Find does.
  Status FindAgain(Session& session) const;
  const std::string& label() const { return label_; }
  KeyPurpose purpose() const { return purpose_; }
  const PublicKey& public_key() const { return public_key_; }
  // Whether `signature` (64 octets) over `message` is this key's: asked outside the module.
  [[nodiscard]] bool Verifies(BytesView message, BytesView signature) const;
  // Made in the token and never outside it: CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE.
  bool generated_in_token() const { return generated_in_token_; }

  // Private-key operations the module was asked for since start, also those that failed.
  std::uint64_t operations() const { return operations_.load(std::memory_order_relaxed); }
  void CountOperation() const { operations_.fetch_add(1, std::memory_order_relaxed); }

 private:
  Key(std::string label, KeyPurpose purpose, CK_OBJECT_HANDLE handle, PublicKey public_key,
      bool generated_in_token)
      : label_(std::move(label)),
        purpose_(purpose),
        handle_(handle),
        public_key_(std::move(public_key)),
        verifying_(PrepareToVerify(public_key_)),
        generated_in_token_(generated_in_token) {}

  const std::string label_;
  const KeyPurpose purpose_;
  mutable std::atomic<CK_OBJECT_HANDLE> handle_;
  const PublicKey public_key_;
  const std::optional<VerifyingKey> verifying_;  // of a kP256 key: made once, used for each command
  const bool generated_in_token_;
  mutable std::atomic<std::uint64_t> operations_{0};
};

// Objects of that class and label: at most Session::kMaxFound.
Result<std::vector<CK_OBJECT_HANDLE>> FindByLabel(Session& session, CK_OBJECT_CLASS object_class,
                                                  std::string_view label);

// CKA_EC_PARAMS of P-256: OBJECT IDENTIFIER 1.2.840.10045.3.1.7.
inline constexpr std::uint8_t kP256Parameters[] = {0x06, 0x08, 0x2a, 0x86, 0x48,
                                                   0xce, 0x3d, 0x03, 0x01, 0x07};
// CKA_EC_PARAMS of Ed25519: OBJECT IDENTIFIER 1.3.101.112.
inline constexpr std::uint8_t kEd25519Parameters[] = {0x06, 0x03, 0x2b, 0x65, 0x70};

}  // namespace acb::hsm
