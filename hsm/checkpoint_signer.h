// Signs checkpoints of the audit log with a key that signs nothing else.
#pragma once

#include <cstddef>
#include <cstdint>

#include "firmware/base/bytes.h"
#include "firmware/base/result.h"
#include "hsm/public_key.h"

namespace acb::hsm {

class Key;
class SessionPool;
class Supervisor;

// Ed25519 hashes what it signs inside the module: modules limit it.
inline constexpr std::size_t kMaxCheckpointOctets = 4096;

// Thread-safe. Blocks as HsmCommandSigner does.
class CheckpointSigner {
 public:
  // All of them outlive this, and every job of the supervisor's.
  CheckpointSigner(Supervisor& supervisor, SessionPool& sessions, const Key& key)
      : supervisor_(supervisor), sessions_(sessions), key_(key) {}

  // 64 octets, verified in software: Ed25519 over `checkpoint`, or ECDSA P-256 over its SHA-256 as
  // r || s where public_key() says so. Fails with kHsmUnavailable, also when `checkpoint` is longer
  // than kMaxCheckpointOctets.
  Result<Bytes> Sign(BytesView checkpoint);
  const PublicKey& public_key() const;
  std::uint64_t sign_operations() const;

 private:
  Supervisor& supervisor_;
  SessionPool& sessions_;
  const Key& key_;
};

}  // namespace acb::hsm
