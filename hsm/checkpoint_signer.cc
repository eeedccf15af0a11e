#include "hsm/checkpoint_signer.h"

#include "hsm/operations.h"
#include "hsm/session_pool.h"

namespace acb::hsm {

Result<Bytes> CheckpointSigner::Sign(BytesView checkpoint) {
  if (checkpoint.size() > kMaxCheckpointOctets) {
    return Failure{Reason::kHsmUnavailable, {}, "a checkpoint is too long to sign"};
  }
  auto lease = sessions_.Borrow();
  if (!lease) return std::move(lease).error();
  return SignVerified(lease->session(), key_, checkpoint);
}

const PublicKey& CheckpointSigner::public_key() const { return key_.public_key(); }

std::uint64_t CheckpointSigner::sign_operations() const { return key_.operations(); }

}  // namespace acb::hsm
