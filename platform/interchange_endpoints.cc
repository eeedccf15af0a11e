#include "platform/interchange_endpoints.h"

#include <boost/json.hpp>

#include "firmware/base/base64.h"
#include "platform/answers.h"
#include "platform/counter_file.h"
#include "platform/endpoint_table.h"
#include "platform/json_body.h"
#include "platform/recorded_refusal.h"
#include "store/acts.h"

namespace acb::platform {
namespace {

constexpr std::uint64_t kMaxBody = 64 * 1024;
constexpr int kAccepted = 202;

Result<bool> ReadFenced(const HttpRequest& request) {
  const auto body = ReadObject(request, {"fenced"});
  if (!body) return body.error();
  const boost::json::value* fenced = body->if_contains("fenced");
  if (fenced == nullptr) return false;
  if (!fenced->is_bool()) return Failure(Reason::kMalformed, "'fenced' must be true or false");
  return fenced->get_bool();
}

HttpResponse Waits(boost::json::object json, const audit::Receipt& receipt) {
  json["outcome"] = "waits for a second operator";
  json["audit"] = ReceiptJson(receipt);
  HttpResponse response = JsonResponse(json);
  response.status = kAccepted;
  return response;
}

Status WriteFile(Box& box, const Config& config, bool fenced, UtcTime now, UnnamedFile& file) {
  CounterFileWriter writer(file);
  auto& signer = box.hsm().checkpoint_signer();
  Status read = box.store().ReadForExport(
      [&](const store::ExportHead& head) {
        return writer.Begin({.store = head,
                             .window = config.anchor_every,
                             .fenced = fenced,
                             .created = now,
                             .key = signer.public_key()});
      },
      [&](const store::ExportedCounters& row) { return writer.Add(row); });
  if (!read) return read;
  return writer.Finish([&](BytesView octets) { return signer.Sign(octets); });
}

HttpResponse Export(Box& box, const Config& config, const Clock& clock,
                    const HttpRequest& request) {
  const UtcTime now = clock.Now();
  const RefusedAct act{.act = store::acts::kCountersExport};
  const auto fenced = ReadFenced(request);
  if (!fenced) return RefuseRecorded(box, request, act, fenced.error(), now);
  const auto agreed = box.store().AgreeToExport({.fenced = *fenced,
                                                 .operator_name = request.client.name,
                                                 .at = now,
                                                 .operator_key = request.client.key_sha256});
  if (!agreed) return RefuseRecorded(box, request, act, agreed.error(), now);
  if (!agreed->complete) return Waits({{"fenced", *fenced}}, agreed->receipt);
  auto file = UnnamedFile::Create(config.store_directory / "tmp");
  if (!file) return Problem(file.error());
  if (Status written = WriteFile(box, config, agreed->fenced, now, *file); !written) {
    return Problem(written.error());
  }
  HttpResponse response;
  response.file = file->Share();
  response.file_size = file->size();
  response.headers.push_back(
      {kCheckpointKeyHeader, ToBase64(hsm::ToSpki(box.hsm().checkpoint_signer().public_key()))});
  return response;
}

Result<hsm::PublicKey> ReadKey(const HttpRequest& request) {
  if (Status none = CheckNoQuery(request); !none) return std::move(none).error();
  const auto text = request.Header(kCheckpointKeyHeader);
  const auto der = text ? FromBase64(*text) : std::nullopt;
  auto key = der ? hsm::FromSpki(*der) : std::nullopt;
  if (key) return *std::move(key);
  return Failure(Reason::kMalformed, std::string(kCheckpointKeyHeader) +
                                         " must be the source's checkpoint key: Ed25519 or P-256, "
                                         "SubjectPublicKeyInfo in Base64");
}

boost::json::object OutcomeJson(const CounterFile& file, const store::CountersImport& done) {
  boost::json::array not_known;
  for (const Eui64 device : done.not_known) not_known.emplace_back(device.Hyphenated());
  return {{"source_store", ToHex(file.head().store.store)},
          {"sha256", ToHex(file.sha256())},
          {"fenced", file.head().fenced},
          {"outcome", "done"},
          {"rows", std::to_string(done.rows)},
          {"changed", std::to_string(done.changed)},
          {"quarantined", std::to_string(done.quarantined)},
          {"suspended", std::to_string(done.suspended)},
          {"not_known", std::to_string(done.not_known_count)},
          {"first_not_known", std::move(not_known)},
          {"audit", ReceiptJson(done.receipt)}};
}

HttpResponse Import(Box& box, const Clock& clock, const HttpRequest& request) {
  const UtcTime now = clock.Now();
  const RefusedAct act{.act = store::acts::kCountersImport};
  const auto key = ReadKey(request);
  if (!key) return RefuseRecorded(box, request, act, key.error(), now);
  // A file that is none is no act of anybody's, as with the feeds.
  const auto file = CounterFile::Verify(request.body, *key);
  if (!file) return Problem(file.error());
  const CounterFileHead& head = file->head();
  const store::ImportWish wish{.head = head.store,
                               .window = head.window,
                               .fenced = head.fenced,
                               .sha256 = file->sha256(),
                               .key_sha256 = Sha256(hsm::ToSpki(*key)),
                               .operator_name = request.client.name,
                               .at = now,
                               .operator_key = request.client.key_sha256};
  const auto done = box.store().ImportCounters(wish, file->Source());
  if (!done) return RefuseRecorded(box, request, act, done.error(), now);
  if (!done->complete) {
    return Waits({{"source_store", ToHex(head.store.store)},
                  {"sha256", ToHex(file->sha256())},
                  {"count", std::to_string(file->count())},
                  {"fenced", head.fenced}},
                 done->receipt);
  }
  // Devices may have been suspended, and decisions are made anew.
  if (Status reloaded = box.trust().Reload(); !reloaded) return Problem(reloaded.error());
  return JsonResponse(OutcomeJson(*file, *done));
}

}  // namespace

void AddInterchangeRoutes(Router& router, Box& box, const Config& config, const Clock& clock) {
  const std::vector<std::string> json = {"application/json"};
  router.Add({.method = "POST",
              .pattern = "/v1/counters/export",
              .body_limit = kMaxBody,
              .handler = [&box, &config,
                          &clock](const HttpRequest& r) { return Export(box, config, clock, r); },
              .content_types = json});
  router.Add({.method = "POST",
              .pattern = "/v1/counters/import",
              .body_limit = kMaxCounterFile,
              .handler = [&box, &clock](const HttpRequest& r) { return Import(box, clock, r); },
              .content_types = json,
              .spool = true});
}

}  // namespace acb::platform
