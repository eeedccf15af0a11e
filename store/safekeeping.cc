// How a Store is copied, put back and recovered: what of Store needs backup.h and recover.h.
#include "store/audit_tree.h"
#include "store/backup.h"
#include "store/core.h"
#include "store/recover.h"

namespace acb::store {

Result<StoreState> Store::BeginBackup(const audit::Entry& entry) {
  const auto receipt = core_->WriteOperatorsAct([&](WriteTransaction& transaction) {
    return AppendExport(transaction, entry, environment());
  });
  if (!receipt) return receipt.error();
  // Not the newest tree, but one that no successor of this box can lack.
  const auto anchor = core_->anchors.state().passed;
  if (!anchor || anchor->tree_size <= receipt->index) {
    return Failure(Reason::kStoreUnavailable, {}, "the export's entry is not anchored");
  }
  return StoreState{.identity = identity(),
                    .epoch = anchor->epoch,
                    .instance = anchor->instance,
                    .raise = anchor->raise,
                    .base = anchor->base,
                    .tree_size = anchor->tree_size,
                    .root = anchor->root};
}

Status Store::Copy(const CopySink& sink) const {
  if (auto sound = core_->writer.CheckNotEnded(); !sound) return sound;
  return CopyTo(*core_->environment, [&](BytesView piece) {
    Status taken = sink(piece);
    return taken ? core_->CheckGoesOn() : taken;
  });
}

Result<bool> Store::Contains(std::uint64_t size, const Sha256Digest& root) const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  return ContainsTree(*transaction, size, root);
}

Status Store::CheckAnchors(AnchorObjects& objects) const {
  return CheckAnchorsOf(core_->PartsFor(objects, 0));
}

Result<Recovery> Store::Recover(AnchorObjects& objects, const RecoverOrder& order,
                                std::uint64_t window) {
  std::optional<Recovery> recovery;
  Status done =
      core_->writer.RunAct(Writer::Gate::kOffline, Writer::Gate::kOffline, [&]() -> Status {
        auto recovered =
            RecoverStore(core_->PartsFor(objects, window), order, core_->settings.counter_jump);
        if (!recovered) return std::move(recovered).error();
        recovery = *std::move(recovered);
        return Done{};
      });
  if (!done) return std::move(done).error();
  return *std::move(recovery);
}

}  // namespace acb::store
