#include "hsm/supervised_anchors.h"

namespace acb::hsm {
using Objects = std::vector<Bytes>;

Result<Objects> SupervisedAnchors::List() {
  return supervisor_.AskOfAnchors<Objects>([this] { return anchors_.List(); });
}

Result<Objects> SupervisedAnchors::ListAnew() {
  return supervisor_.AskOfListings<Objects>([this] { return anchors_.ListAnew(); });
}

// The octets are the job's own: it may outlive this call.
Status SupervisedAnchors::Create(BytesView octets) {
  const Status created = supervisor_.AskOfAnchorsLocked<Done>(
      [this, own = ToBytes(octets)] { return anchors_.Create(own); });
  supervisor_.NoteCreated(created);
  return created;
}

Status SupervisedAnchors::Destroy(BytesView octets) {
  return supervisor_.AskOfAnchorsLocked<Done>(
      [this, own = ToBytes(octets)] { return anchors_.Destroy(own); });
}

}  // namespace acb::hsm
