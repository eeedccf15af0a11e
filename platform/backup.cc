#include "platform/backup.h"

namespace acb::platform {

Result<BackupOutcome> WriteBackup(store::Store& store, hsm::CheckpointSigner& signer,
                                  const PublicPoint& recipient, const audit::Entry& entry,
                                  const BackupSink& sink) {
  const auto state = store.BeginBackup(entry);
  if (!state) return state.error();
  BackupOutcome outcome;
  Sha256Stream sha256;
  auto writer = BackupWriter::Begin(recipient, [&](BytesView octets) {
    outcome.octets += octets.size();
    sha256.Update(octets);
    return sink(octets);
  });
  if (!writer) return std::move(writer).error();
  Status copied = store.Copy([&writer](BytesView piece) { return writer->Append(piece); });
  if (!copied) return std::move(copied).error();
  const auto copy = writer->EndCopy();
  if (!copy) return copy.error();
  outcome.manifest = {.state = *state,
                      .octets = copy->octets,
                      .sha256 = copy->sha256,
                      .created = entry.at(),
                      .checkpoint_key = signer.public_key()};
  const std::string json = ManifestJson(outcome.manifest);
  const auto signature = signer.Sign(SignedOctetsOf(json));
  if (!signature) return signature.error();
  Status finished = writer->Finish(ManifestChunk(json, *signature));
  if (!finished) return std::move(finished).error();
  outcome.sha256 = sha256.Finish();
  return outcome;
}

}  // namespace acb::platform
