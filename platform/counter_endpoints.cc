#include "platform/counter_endpoints.h"

#include <boost/json.hpp>

#include "firmware/base/ascii.h"
#include "firmware/checks/proposed_counter.h"
#include "platform/answers.h"
#include "platform/json_body.h"
#include "platform/recorded_refusal.h"
#include "store/acts.h"

namespace acb::platform {
namespace {

constexpr std::uint64_t kMaxBody = 64 * 1024;
constexpr int kAccepted = 202;
static_assert(kMaxTextMember == store::kMaxPurpose);

Result<Eui64> DeviceOf(const HttpRequest& request) {
  const auto device = Eui64::FromText(request.Parameter("device"));
  if (!device) return Failure(Reason::kNotFound, "the device is named by its EUI-64");
  return *device;
}

// "supplier", "NetworkOperator", "network_operator".
Result<RemotePartyRole> RoleOf(std::string_view text) {
  std::string name;
  for (const char c : text) {
    if (c != '_' && c != '-') name += LowerCase(c);
  }
  if (name == "supplier") return RemotePartyRole::kSupplier;
  if (name == "networkoperator") return RemotePartyRole::kNetworkOperator;
  return Failure(Reason::kMalformed, "'role' must be supplier or network_operator");
}

Result<store::ElsewhereWish> ReadWish(const HttpRequest& request, UtcTime now) {
  const auto device = DeviceOf(request);
  if (!device) return device.error();
  const auto body = ReadObject(request, {"purpose"});
  if (!body) return body.error();
  auto purpose = TextMember(*body, "purpose");
  if (!purpose) return std::move(purpose).error();
  const auto proposed = checks::ReadProposedCounter(request.Header("X-Originator-Counter"));
  if (!proposed) return proposed.error();
  return store::ElsewhereWish{.device = *device,
                              .proposed = *proposed,
                              .purpose = *std::move(purpose),
                              .client = request.client.name,
                              .at = now};
}

// P4.
HttpResponse RefuseDevice(Box& box, const HttpRequest& request, std::string_view act,
                          const Failure& why, UtcTime now) {
  return RefuseRecorded(box, request, {.act = act, .subject = request.Parameter("device")}, why,
                        now);
}

HttpResponse Reserve(Box& box, const Clock& clock, const HttpRequest& request) {
  const UtcTime now = clock.Now();
  const auto wish = ReadWish(request, now);
  if (!wish) return RefuseDevice(box, request, "counter-reserve", wish.error(), now);
  const auto given = box.store().ReserveElsewhere(*wish);
  if (!given) return RefuseDevice(box, request, "counter-reserve", given.error(), now);
  return JsonResponse(
      boost::json::object{{"device", wish->device.Hyphenated()},
                          {"originator_counter", std::to_string(given->counter.value())},
                          {"audit", ReceiptJson(given->receipt)}});
}

Result<store::RaiseWish> ReadRaise(const HttpRequest& request, UtcTime now) {
  const auto device = DeviceOf(request);
  if (!device) return device.error();
  const auto body = ReadObject(request, {"to", "role", "reason"});
  if (!body) return body.error();
  const auto to = NumberMember(*body, "to");
  if (!to) return to.error();
  auto reason = TextMember(*body, "reason");
  if (!reason) return std::move(reason).error();
  store::RaiseWish wish{.device = *device,
                        .role = {},
                        .to = *to,
                        .reason = *std::move(reason),
                        .operator_name = request.client.name,
                        .at = now,
                        .operator_key = request.client.key_sha256};
  if (body->contains("role")) {
    const auto name = TextMember(*body, "role");
    if (!name) return name.error();
    const auto role = RoleOf(*name);
    if (!role) return role.error();
    wish.role = *role;
  }
  return wish;
}

HttpResponse Raise(Box& box, const Clock& clock, const HttpRequest& request) {
  const UtcTime now = clock.Now();
  const auto wish = ReadRaise(request, now);
  if (!wish) return RefuseDevice(box, request, store::acts::kCounterRaise, wish.error(), now);
  const auto done = box.store().AgreeToRaise(*wish);
  if (!done) return RefuseDevice(box, request, store::acts::kCounterRaise, done.error(), now);
  boost::json::object json{{"device", wish->device.Hyphenated()},
                           {"to", std::to_string(wish->to)},
                           {"outcome", done->complete ? "done" : "waits for a second operator"},
                           {"audit", ReceiptJson(done->receipt)}};
  if (wish->role) json["role"] = acb::Name(*wish->role);
  HttpResponse response = JsonResponse(json);
  if (!done->complete) response.status = kAccepted;
  return response;
}

// The counter, or why there is none.
boost::json::value NextJson(const Result<OriginatorCounter>& next) {
  if (next) return boost::json::value(std::to_string(next->value()));
  return boost::json::object{{"reason", Describe(next.error().reason).name},
                             {"sentence", Describe(next.error().reason).sentence}};
}

HttpResponse Show(Box& box, const HttpRequest& request) {
  const auto device = DeviceOf(request);
  if (!device) return Problem(device.error());
  const auto shown = box.store().ShowCounters(*device);
  if (!shown) return Problem(shown.error());
  if (!shown->has_value()) return Problem(Failure(Reason::kDeviceUnknown));
  const store::DeviceCounters& counters = **shown;
  return JsonResponse(
      boost::json::object{{"device", device->Hyphenated()},
                          {"last_issued", std::to_string(counters.last_issued)},
                          {"raise_due", std::to_string(counters.raise_due)},
                          {"base", std::to_string(counters.base)},
                          {"cells",
                           {{"supplier", CellJson(counters.supplier)},
                            {"network_operator", CellJson(counters.network_operator)}}},
                          {"next",
                           {{"supplier", NextJson(counters.next_supplier)},
                            {"network_operator", NextJson(counters.next_network_operator)},
                            {"elsewhere", NextJson(counters.next_elsewhere)}}}});
}

}  // namespace

void AddCounterRoutes(Router& router, Box& box, const Clock& clock) {
  const std::vector<std::string> json = {"application/json"};
  router.Add({.method = "POST",
              .pattern = "/v1/counters/{device}/reserve",
              .body_limit = kMaxBody,
              .handler = [&box, &clock](const HttpRequest& r) { return Reserve(box, clock, r); },
              .content_types = json});
  router.Add({.method = "POST",
              .pattern = "/v1/counters/{device}/raise",
              .body_limit = kMaxBody,
              .handler = [&box, &clock](const HttpRequest& r) { return Raise(box, clock, r); },
              .content_types = json});
  router.Add("GET", "/v1/counters/{device}", 0,
             [&box](const HttpRequest& request) { return Show(box, request); });
}

}  // namespace acb::platform
