#include "platform/backup.h"

#include "platform/backup_content.h"
#include "platform/page_index.h"

namespace acb::platform {
namespace {

// The copy into `writer`, all of it or what has changed.
Result<ContentWriter::Copy> WriteContent(const store::Store& store, PageIndexReader* since,
                                         PageIndexWriter& index, BackupWriter& writer) {
  ContentWriter content(since, index, [&](BytesView octets) { return writer.Append(octets); });
  Status copied = store.Copy([&](BytesView piece) { return content.Append(piece); });
  if (!copied) return std::move(copied).error();
  return content.End();
}

}  // namespace

Result<BackupOutcome> WriteBackup(store::Store& store, hsm::CheckpointSigner& signer,
                                  const BackupOrder& order, const audit::Entry& entry,
                                  const BackupSink& sink) {
  BackupOutcome outcome;
  std::optional<PageIndexReader> earlier;
  if (order.since) {
    auto opened = PageIndexReader::Open(order.page_indexes, *order.since);
    if (!opened) return std::move(opened).error();
    earlier = *std::move(opened);
    outcome.manifest.since = {.sha256 = *order.since, .tree_size = earlier->tree_size()};
  }
  auto index = PageIndexWriter::Begin(order.page_indexes);
  if (!index) return std::move(index).error();
  const auto state = store.BeginBackup(entry);
  if (!state) return state.error();
  if (earlier && state->tree_size < earlier->tree_size()) {
    return Failure(Reason::kNotFound,
                   "the backup that 'since' names has more of the log than this store, which was "
                   "put back to an earlier state: make a full backup");
  }
  Sha256Stream sha256;
  auto writer = BackupWriter::Begin(earlier ? BackupKind::kIncremental : BackupKind::kFull,
                                    order.recipient, [&](BytesView octets) {
                                      outcome.octets += octets.size();
                                      sha256.Update(octets);
                                      return sink(octets);
                                    });
  if (!writer) return std::move(writer).error();
  const auto copy = WriteContent(store, earlier ? &*earlier : nullptr, *index, *writer);
  if (!copy) return copy.error();
  outcome.carried_pages = copy->carried;
  outcome.manifest.state = *state;
  outcome.manifest.octets = copy->octets;
  outcome.manifest.sha256 = copy->sha256;
  outcome.manifest.created = entry.at();
  outcome.manifest.checkpoint_key = signer.public_key();
  const std::string json = ManifestJson(outcome.manifest);
  const auto signature = signer.Sign(SignedOctetsOf(json));
  if (!signature) return signature.error();
  Status finished = writer->Finish(ManifestChunk(json, *signature));
  if (!finished) return std::move(finished).error();
  outcome.sha256 = sha256.Finish();
  // Last: a box that knows the pages of a backup has made that backup whole.
  Status kept = index->Keep(outcome.sha256, state->tree_size);
  if (!kept) return std::move(kept).error();
  return outcome;
}

}  // namespace acb::platform
