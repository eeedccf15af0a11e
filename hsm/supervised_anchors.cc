#include "hsm/supervised_anchors.h"

namespace acb::hsm {
namespace {

// For the StartLock, and for the process that lists: some milliseconds unless others are busy too.
constexpr int kTimesForOthers = 2;

}  // namespace

using Objects = std::vector<Bytes>;

Result<Objects> SupervisedAnchors::List() {
  return supervisor_.AskOfAnchors<Objects>([this] { return anchors_.List(); });
}

Result<Objects> SupervisedAnchors::ListAnew() {
  return supervisor_.AskOfListings<Objects>([this] { return anchors_.ListAnew(); },
                                            kTimesForOthers);
}

// The octets are the job's own: it may outlive this call.
Status SupervisedAnchors::Create(BytesView octets) {
  const Status created = supervisor_.AskOfAnchors<Done>(
      [this, own = ToBytes(octets)] { return anchors_.Create(own); }, kTimesForOthers);
  supervisor_.NoteCreated(created);
  return created;
}

Status SupervisedAnchors::Destroy(BytesView octets) {
  return supervisor_.AskOfAnchors<Done>(
      [this, own = ToBytes(octets)] { return anchors_.Destroy(own); }, kTimesForOthers);
}

}  // namespace acb::hsm
