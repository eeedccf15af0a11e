#include "platform/backup_endpoint.h"

#include <algorithm>
#include <memory>
#include <mutex>

#include "platform/backup.h"
#include "platform/unnamed_file.h"
#include "store/acts.h"

namespace acb::platform {
namespace {

// Beside the store's file, where provision and restore leave room: they are of this store alone.
constexpr const char* kPageIndexes = "backup-pages";

// The earlier backup by the SHA-256 of its file, when the query names one.
Result<std::optional<Sha256Digest>> SinceOf(const HttpRequest& request) {
  const auto text = request.QueryParameter("since");
  if (request.query_parameters.size() != (text ? 1U : 0U)) {
    return Failure(Reason::kMalformed, "the only query is since=SHA-256 of an earlier backup");
  }
  if (!text) return std::optional<Sha256Digest>();
  const auto octets = FromHex(*text);
  if (!octets || octets->size() != std::tuple_size_v<Sha256Digest>) {
    return Failure(Reason::kMalformed, "since is a SHA-256, 64 hexadecimal digits");
  }
  Sha256Digest digest{};
  std::ranges::copy(*octets, digest.begin());
  return std::optional(digest);
}

HttpResponse PostBackup(Box& box, const Config& config, const Clock& clock,
                        const HttpRequest& request) {
  if (config.backup_public_key.empty()) {
    return Problem(
        Failure(Reason::kConfiguration,
                "no backup key is configured: set public_key in [backup] of acbd.toml to a P-256 "
                "public key or certificate in PEM, whose private key is kept off this box, and "
                "restart"));
  }
  const auto since = SinceOf(request);
  if (!since) return Problem(since.error());
  const auto recipient = ReadBackupPublicKey(config.backup_public_key);
  if (!recipient) return Problem(recipient.error());
  auto file = UnnamedFile::Create(config.backup_directory.empty() ? config.store_directory / "tmp"
                                                                  : config.backup_directory);
  if (!file) return Problem(file.error());
  audit::Entry entry("export", clock.Now());
  entry.Set("act", store::acts::kBackup)
      .Set("operators", audit::List{request.client.name})
      .Set("backup_key_sha256", ToHex(Sha256(*recipient)));
  if (*since) entry.Set("since_sha256", ToHex(**since));
  const auto outcome = WriteBackup(box.store(), box.hsm().checkpoint_signer(),
                                   {.recipient = *recipient,
                                    .since = *since,
                                    .page_indexes = config.store_directory / kPageIndexes},
                                   entry, [&](BytesView octets) { return file->Append(octets); });
  if (!outcome) return Problem(outcome.error());
  HttpResponse response;
  response.content_type = "application/octet-stream";
  response.file = file->Share();
  response.file_size = file->size();
  response.headers.push_back({"X-Backup-Manifest", ManifestJson(outcome->manifest)});
  response.headers.push_back({"X-Backup-SHA256", ToHex(outcome->sha256)});
  response.headers.push_back({"X-Backup-Pages", std::to_string(outcome->carried_pages)});
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
