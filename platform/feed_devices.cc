#include "platform/feed_devices.h"

#include <atomic>
#include <mutex>

#include "firmware/smki/authority.h"
#include "platform/device_import.h"
#include "platform/feed_answers.h"
#include "platform/feed_certificates.h"

namespace acb::platform {
namespace {

// Thread-safe.
feeds::CertificateCheck KeysCheck(const FeedContext& context) {
  return [trust = context.trust.Current()](const smki::Certificate& certificate) {
    return CheckDeviceKeys(*trust, certificate);
  };
}

// What a row's key agreement certificate is asked for: a path, where the configuration names device
// roots. Thread-safe.
feeds::CertificateCheck PathCheck(const FeedContext& context, smki::DevicePaths& paths) {
  if (context.device_roots.empty()) return KeysCheck(context);
  const auto one_at_a_time = std::make_shared<std::mutex>();
  return [&paths, one_at_a_time, keys = KeysCheck(context)](const smki::Certificate& certificate) {
    if (Status ours = keys(certificate); !ours) return ours;
    const std::scoped_lock lock(*one_at_a_time);
    return paths.Check(certificate);
  };
}

// Without device roots the keys decide alone (P8, R-SEC3-13). Thread-safe.
feeds::KeyCheck KeyCheckOf(const FeedContext& context) {
  if (!context.device_roots.empty()) return {};
  return [trust = context.trust.Current()](const smki::DeviceKeyFacts& facts) {
    return !smki::IsTestKeyInLive(trust->settings(), facts.point) &&
           !trust->IsOrganisationKey(facts.authority_key);
  };
}

DeviceChecks ChecksByKey(const FeedContext& context) {
  return {KeysCheck(context), KeyCheckOf(context),
          [&store = context.store] { return store.CheckGoesOn(); }};
}

Result<PreparedDevices> PrepareDevices(const FeedContext& context, const HttpRequest& request) {
  // No other intake is given for this route.
  if (request.intake) return static_cast<DeviceIntake&>(*request.intake).Finish();
  auto paths = HeldDevicePaths(context);
  if (!paths) return std::move(paths).error();
  return PreparedDevices::From(request.body, context.scratch, PathCheck(context, *paths),
                               KeyCheckOf(context),
                               [&context] { return context.store.CheckGoesOn(); });
}

}  // namespace

// The file is checked, and its rows made ready, before the store's writer is asked for: it has no
// more to do than to write.
HttpResponse ImportDevices(const FeedContext& context, const HttpRequest& request) {
  auto prepared = PrepareDevices(context, request);
  if (!prepared) return RejectedWhole(prepared.error());
  if (prepared->rejected() != 0) {
    Rejects rejects;
    for (const DeviceReject& reject : prepared->rejects()) rejects.Add(reject.line, reject.reason);
    rejects.AddMore(prepared->rejected() - prepared->rejects().size());
    return Rejected(rejects, prepared->rows());
  }
  if (const Status news = CheckBegins(context, Feed::kDevices, prepared->rows()); !news) {
    return RejectedWhole(news.error());
  }
  const FeedFile file(context, Feed::kDevices, request, prepared->sha256());
  return Imported(
      context, file,
      context.store.ImportPackedDevices(prepared->Source(), file.Entry(), prepared->hub()));
}

std::function<std::shared_ptr<BodyIntake>()> DevicesIntake(const FeedContext& context) {
  const auto taken = std::make_shared<std::atomic<bool>>(false);
  return [context, taken]() -> std::shared_ptr<BodyIntake> {
    if (!context.device_roots.empty() || taken->exchange(true)) return nullptr;
    const auto let_go = [taken](DeviceIntake* intake) {
      delete intake;
      *taken = false;
    };
    return {new DeviceIntake(context.scratch, ChecksByKey(context)), let_go};
  };
}

}  // namespace acb::platform
