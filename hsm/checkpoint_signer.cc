#include "hsm/checkpoint_signer.h"

#include "hsm/operations.h"
#include "hsm/session_pool.h"
#include "hsm/supervisor.h"

namespace acb::hsm {

Result<Bytes> CheckpointSigner::Sign(BytesView checkpoint) {
  if (checkpoint.size() > kMaxCheckpointOctets) {
    return Failure{Reason::kHsmUnavailable, {}, "a checkpoint is too long to sign"};
  }
  // A copy: the job may outlive this call.
  return supervisor_.Ask<Bytes>([this, own = ToBytes(checkpoint)]() -> Result<Bytes> {
    auto lease = sessions_.Borrow();
    if (!lease) return std::move(lease).error();
    return SignVerified(lease->session(), key_, own);
  });
}

const PublicKey& CheckpointSigner::public_key() const { return key_.public_key(); }

std::uint64_t CheckpointSigner::sign_operations() const { return key_.operations(); }

}  // namespace acb::hsm
