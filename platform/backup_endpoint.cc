#include "platform/backup_endpoint.h"

#include <memory>
#include <mutex>

#include "platform/backup.h"
#include "platform/unnamed_file.h"
#include "store/acts.h"

namespace acb::platform {
namespace {

HttpResponse PostBackup(Box& box, const Config& config, const Clock& clock,
                        const HttpRequest& request) {
  if (config.backup_public_key.empty()) {
    return Problem(
        Failure(Reason::kConfiguration,
                "no backup key is configured: set public_key in [backup] of acbd.toml to a P-256 "
                "public key or certificate in PEM, whose private key is kept off this box, and "
                "restart"));
  }
  const auto recipient = ReadBackupPublicKey(config.backup_public_key);
  if (!recipient) return Problem(recipient.error());
  auto file = UnnamedFile::Create(config.backup_directory.empty() ? config.store_directory / "tmp"
                                                                  : config.backup_directory);
  if (!file) return Problem(file.error());
  audit::Entry entry("export", clock.Now());
  entry.Set("act", store::acts::kBackup)
      .Set("operators", audit::List{request.client.name})
      .Set("backup_key_sha256", ToHex(Sha256(*recipient)));
  const auto outcome = WriteBackup(box.store(), box.hsm().checkpoint_signer(), *recipient, entry,
                                   [&file](BytesView octets) { return file->Append(octets); });
  if (!outcome) return Problem(outcome.error());
  HttpResponse response;
  response.content_type = "application/octet-stream";
  response.file = file->Share();
  response.file_size = file->size();
  response.headers.push_back({"X-Backup-Manifest", ManifestJson(outcome->manifest)});
  response.headers.push_back({"X-Backup-SHA256", ToHex(outcome->sha256)});
  return response;
}

}  // namespace

void AddBackupRoute(Router& router, Box& box, const Config& config, const Clock& clock) {
  // Each holds a read transaction open, and a file as large as the store's.
  const auto one_at_a_time = std::make_shared<std::mutex>();
  router.Add("POST", "/v1/backup", 0,
             [&box, &config, &clock, one_at_a_time](const HttpRequest& request) {
               const std::unique_lock lock(*one_at_a_time, std::try_to_lock);
               if (!lock) return Problem(Failure(Reason::kBusy, "a backup is being made"));
               return PostBackup(box, config, clock, request);
             });
}

}  // namespace acb::platform
