// The log as others read it: tiles, proofs, and the checkpoints that were signed of it.
#include <algorithm>

#include "store/audit_log.h"
#include "store/audit_tree.h"
#include "store/core.h"
#include "store/rows.h"

namespace acb::store {
namespace {

// kNotFound unless the log has `size` entries.
Status CheckHas(const Transaction& transaction, std::uint64_t size) {
  const auto held = AuditSizeOf(transaction);
  if (!held) return held.error();
  if (size <= *held) return Done{};
  return Failure(Reason::kNotFound,
                 "the log has " + std::to_string(*held) + " entries, not " + std::to_string(size));
}

// kNotFound unless the log has every hash of the tile.
Status CheckHas(const Transaction& transaction, const audit::Tile& tile) {
  const auto held = AuditSizeOf(transaction);
  if (!held) return held.error();
  if (tile.width <= audit::TileWidthAt(*held, tile.level, tile.index)) return Done{};
  return Failure(Reason::kNotFound, "the log does not reach to " + audit::PathOf(tile));
}

}  // namespace

Result<std::vector<std::string>> Store::ReadDisclosures(std::uint64_t from,
                                                        std::uint64_t count) const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  return store::ReadDisclosures(*transaction, from, count);
}

Result<std::vector<Sha256Digest>> Store::ReadTile(const audit::Tile& tile) const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  if (auto has = CheckHas(*transaction, tile); !has) return std::move(has).error();
  return ReadHashes(*transaction, audit::kTileHeight * tile.level, tile.index * audit::kTileWidth,
                    tile.width);
}

Result<std::vector<std::string>> Store::ReadBundle(const audit::Tile& tile) const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  if (auto has = CheckHas(*transaction, tile); !has) return std::move(has).error();
  return ReadEntries(*transaction, tile.index * audit::kTileWidth, tile.width);
}

Result<audit::Proof> Store::ProveInclusion(std::uint64_t index, std::uint64_t size) const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  if (auto has = CheckHas(*transaction, size); !has) return std::move(has).error();
  return audit::MakeInclusionProof(SubtreesOf(*transaction), index, size);
}

Result<audit::Proof> Store::ProveConsistency(std::uint64_t old_size, std::uint64_t size) const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  if (auto has = CheckHas(*transaction, size); !has) return std::move(has).error();
  return audit::MakeConsistencyProof(SubtreesOf(*transaction), old_size, size);
}

Status Store::KeepCheckpoint(const KeptCheckpoint& checkpoint) {
  return core_->Run(Lane::kFinish, [&](WriteTransaction& transaction) {
    return transaction.Put(Table::kCheckpoints, KeyOf(checkpoint.tree_size),
                           AsBytes(checkpoint.note));
  });
}

Result<std::optional<KeptCheckpoint>> Store::NewestCheckpoint() const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  const auto last = transaction->Last(Table::kCheckpoints);
  if (!last) return last.error();
  if (!last->has_value()) return std::optional<KeptCheckpoint>();
  return std::optional(
      KeptCheckpoint{ByteReader((*last)->key).U64(), std::string(AsText((*last)->payload))});
}

Result<std::vector<KeptCheckpoint>> Store::ListCheckpoints(std::uint64_t size,
                                                           std::uint64_t count) const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  count = std::min(count, kMaxAuditRead);
  std::vector<KeptCheckpoint> found;
  if (count == 0) return found;
  auto read = transaction->Walk(
      Table::kCheckpoints, KeyOf(size), {}, [&](BytesView key, BytesView payload) -> Result<bool> {
        found.push_back({ByteReader(key).U64(), std::string(AsText(payload))});
        return found.size() < count;
      });
  if (!read) return std::move(read).error();
  return found;
}

}  // namespace acb::store
