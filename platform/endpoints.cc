#include "platform/endpoints.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>

#include "firmware/base/request_id.h"
#include "firmware/checks/eligibility.h"
#include "firmware/duis/response.h"
#include "firmware/rules.h"
#include "platform/answers.h"
#include "platform/audit_endpoints.h"
#include "platform/audit_view.h"
#include "platform/backup_endpoint.h"
#include "platform/box_gauges.h"
#include "platform/counter_endpoints.h"
#include "platform/export_endpoint.h"
#include "platform/feed_import.h"
#include "platform/interchange_endpoints.h"
#include "platform/json_body.h"
#include "platform/media_type.h"
#include "platform/observation_endpoint.h"
#include "platform/operator_endpoints.h"
#include "platform/report_endpoints.h"
#include "platform/review_endpoints.h"

namespace acb::platform {
namespace {

HttpResponse Text(std::string body, std::string_view content_type = "text/plain; charset=utf-8") {
  HttpResponse response;
  response.content_type = content_type;
  response.body = std::move(body);
  return response;
}

boost::json::array ReasonsJson(const std::vector<Failure>& failures) {
  boost::json::array reasons;
  for (const Failure& failure : failures) {
    boost::json::object reason{{"reason", Describe(failure.reason).name},
                               {"sentence", Describe(failure.reason).sentence}};
    if (!failure.explanation.empty()) reason["detail"] = failure.explanation;
    reasons.push_back(std::move(reason));
  }
  return reasons;
}

boost::json::object SandboxJson(const Sandbox* sandbox) {
  const SandboxState state = sandbox != nullptr ? sandbox->state() : SandboxState{};
  boost::json::object json{{"system_calls", state.calls},
                           {"landlock_abi", std::to_string(state.landlock_abi.value_or(0))}};
  if (!state.off.empty()) json["off"] = state.off;
  return json;
}

HttpResponse Readiness(State state, bool ready, std::string_view environment,
                       const std::vector<Failure>& found, const audit::List& keys,
                       const Sandbox* sandbox) {
  HttpResponse response = JsonResponse(
      boost::json::object{{"state", Name(state)},
                          {"ready", ready},
                          {"can_sign", ready && found.empty()},
                          {"environment", environment},
                          {"reasons", ReasonsJson(found)},
                          {"keys", boost::json::parse(audit::CanonicalJson(audit::Value(keys)))},
                          {"sandbox", SandboxJson(sandbox)}});
  if (!ready) response.status = Describe(Reason::kBusy).http_status;
  return response;
}

HttpResponse ListReasons(const AnswerTable& answers) {
  boost::json::array reasons;
  for (const ReasonInfo& info : AllReasons()) {
    reasons.push_back({{"number", std::to_string(static_cast<unsigned>(info.reason))},
                       {"reason", info.name},
                       {"sentence", answers.Of(info.reason).sentence},
                       {"http_status", std::to_string(info.http_status)},
                       {"response_code", answers.Of(info.reason).response_code}});
  }
  return JsonResponse(boost::json::object{{"reasons", std::move(reasons)}});
}

// The forms of a handover's answer, the usual one first.
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kHandoverForms[] = {kJson, "application/xml", "text/xml"};

std::string_view FormOf(const HttpRequest& request) {
  return ChooseMediaType(ListHeader(request.headers, "Accept"), kHandoverForms);
}

// `form`, the media type, is one of XML.
HttpResponse AsXml(const HttpRequest& request, const Config& config, HttpResponse json,
                   const HandoverAnswer& answer, UtcTime at, std::string_view form) {
  duis::ParseLimits limits;
  limits.octets = config.request_octets;
  return ToDuisResponse(std::move(json), answer, config.answers,
                        duis::ReadEcho(request.body.View(), limits), at, form);
}

// What the log says, so that a repeated answer has the octets of the first one (promise P5); now,
// when nothing could be recorded.
UtcTime DecidedAt(Box& box, const HandoverAnswer& answer, const Clock& clock) {
  if (!answer.audit) return clock.Now();
  const auto entries = box.store().ReadAudit(answer.audit->index, 1);
  if (!entries || entries->empty()) return clock.Now();
  const auto entry = boost::json::parse(entries->front());
  return UtcTime::FromIso(entry.at("time").as_string()).value_or(clock.Now());
}

std::vector<Eui64> OriginatorsOf(const ClientIdentity& client) {
  return client.rights ? client.rights->originators : std::vector<Eui64>{};
}

// To sign what was meant as a trial would be worse than to refuse.
Result<bool> ReadDryRun(const HttpRequest& request) {
  const auto dry_run = request.QueryParameter("dry_run");
  if (request.query_parameters.size() != (dry_run ? 1U : 0U) ||
      (dry_run && *dry_run != "true" && *dry_run != "false")) {
    return Failure(Reason::kMalformed, "the only query is dry_run=true or dry_run=false");
  }
  return dry_run == "true";
}

HttpResponse PostHandover(Box& box, const Config& config, const Clock& clock,
                          const HttpRequest& request) {
  const auto begun = std::chrono::steady_clock::now();
  StageTimer timer(box.metrics());
  const IncomingRequest incoming{.octets = request.body.View(),
                                 .client = request.client.name,
                                 .proposed = request.Header("X-Originator-Counter"),
                                 .channel = request.client.channel,
                                 .originators = OriginatorsOf(request.client),
                                 .watch = &timer};
  const auto dry_run = ReadDryRun(request);
  if (dry_run && *dry_run) {
    return ToResponse(box.handover().DryRun(incoming), config.answers, box.environment());
  }
  const HandoverAnswer answer =
      dry_run ? box.handover().Handle(incoming) : box.handover().Refuse(incoming, dry_run.error());
  box.metrics().Count(answer, std::chrono::steady_clock::now() - begun);
  if (answer.failure) box.NoteFailure(*answer.failure);
  HttpResponse json = ToResponse(answer, config.answers, box.environment());
  const std::string_view form = FormOf(request);
  if (form == kJson) return json;
  return AsXml(request, config, std::move(json), answer, DecidedAt(box, answer, clock), form);
}

boost::json::object DeviceJson(const Device& device) {
  return {{"device", device.id.Hyphenated()},
          {"type", Name(device.type)},
          {"smi_status", Name(device.smi_status)},
          {"model", device.model},
          {"mpxn", device.mpxn},
          {"key_agreement_certificate_sha256",
           device.key_agreement ? ToHex(device.key_agreement_certificate) : ""},
          {"cells",
           {{"supplier", CellJson(device.supplier)},
            {"network_operator", CellJson(device.network_operator)}}},
          {"last_issued", std::to_string(device.last_issued)}};
}

// Which of the ACB's keys its cells hold, where that is known: subject key identifiers.
boost::json::object AcbKeysJson(const Device& device) {
  boost::json::object json;
  for (const auto& [name, cell] : {std::pair("supplier", &device.supplier),
                                   std::pair("network_operator", &device.network_operator)}) {
    if (cell->holder != CellState::Holder::kAcb || !cell->acb_key) continue;
    json[name] = ToHex(ByteWriter().U64(cell->acb_key->value).bytes());
  }
  return json;
}

// R-107-8: what each source says, side by side.
boost::json::array ProxyJson(const std::vector<ProxyCertificate>& rows) {
  boost::json::array list;
  for (const ProxyCertificate& row : rows) {
    list.push_back({{"source", Name(row.source)},
                    {"owner", row.owner.Hyphenated()},
                    {"certificate", row.certificate}});
  }
  return list;
}

HttpResponse GetDevice(Box& box, const Clock& clock, const HttpRequest& request) {
  const auto id = Eui64::FromText(request.Parameter("device"));
  if (!id) return Problem(Failure(Reason::kNotFound, "the device is named by its EUI-64"));
  const auto records = box.store().Open();
  if (!records) return Problem(records.error());
  const auto device = (*records)->FindDevice(*id);
  if (!device) return Problem(device.error());
  if (!device->has_value()) return Problem(Failure(Reason::kNotFound, "no such device"));
  boost::json::object json = DeviceJson(**device);
  if (boost::json::object keys = AcbKeysJson(**device); !keys.empty()) {
    json["acb_keys"] = std::move(keys);
  }
  const auto registration = checks::RegistrationAt(**records, (*device)->mpxn, clock.Now());
  if (!registration) return Problem(registration.error());
  json["registration"] = nullptr;
  if (registration->has_value()) {
    json["registration"] = {{"supplier", (*registration)->supplier},
                            {"network_operator", (*registration)->network_operator},
                            {"from", (*registration)->from.Iso()}};
  }
  const auto proxies = (*records)->FindProxyCertificates(*id);
  if (!proxies) return Problem(proxies.error());
  if (!proxies->empty()) json["proxy"] = ProxyJson(*proxies);
  return JsonResponse(json);
}

// One line for each state, 1 for the one that it is in.
std::string StateMetrics(State current) {
  std::string text = "# HELP acb_state The state of the box.\n# TYPE acb_state gauge\n";
  for (const State state : kStates) {
    text.append("acb_state{state=\"").append(Name(state));
    text.append(state == current ? "\"} 1\n" : "\"} 0\n");
  }
  return text;
}

HttpResponse MetricsPage(std::string text) {
  return Text(std::move(text), "text/plain; version=0.0.4; charset=utf-8");
}

HttpResponse GetMetrics(Box& box, const Config& config, const Clock& clock,
                        const Admission& handovers, const Admission& observations,
                        const Sandbox* sandbox) {
  std::string text = box.metrics().Text();
  text += box.checkpoints().Metrics();
  text += box.key_watch().Metrics();
  text += box.record_check().Metrics();
  text += AdmissionMetrics(handovers, observations);
  text += BoxGauges(box, config, clock.Now());
  text += SandboxMetrics(sandbox);
  text += MetricText("acb_ready", "gauge", "1 when the box can decide.", box.Ready() ? 1 : 0);
  text += StateMetrics(box.condition().state);
  return MetricsPage(std::move(text));
}

AdmissionLimits Quarter(AdmissionLimits limits) {
  constexpr std::size_t kParts = 4;
  limits.at_once = std::max<std::size_t>(1, limits.at_once / kParts);
  limits.waiting /= kParts;
  return limits;
}

void AddCommonRoutes(Router& router, const Config& config) {
  router.Add("GET", "/healthz", 0, [](const HttpRequest&) { return Text("ok\n"); });
  router.Add("GET", "/v1/reasons", 0,
             [&answers = config.answers](const HttpRequest&) { return ListReasons(answers); });
  router.Add("GET", "/openapi.json", 0,
             [](const HttpRequest&) { return Text(OpenApiDocument(), kJson); });
  // R-074-6: the same octets as `acbctl rules --json` of this release.
  router.Add("GET", "/v1/rules", 0, [](const HttpRequest&) {
    return Text(audit::CanonicalJson(RuleListing()) + "\n", kJson);
  });
}

// The handler where the box is in a state in which the endpoint answers; else 503 with the reason.
Handler InItsStates(const Box& box, const EndpointRule& rule, Handler handler) {
  // What answers always needs no look; what is suspended is refused on the record by its own path.
  const bool always =
      std::ranges::all_of(kStates, [&](State state) { return rule.states.Has(state); });
  if (always || rule.looks_itself()) return handler;
  return [&box, states = rule.states, handler = std::move(handler)](const HttpRequest& request) {
    const Box::Condition now = box.condition();
    if (states.Has(now.state) || !now.why) return handler(request);
    return Problem(*now.why);
  };
}

// What changes something takes no query that nobody reads: `?dry_run=true` would be done. Where a
// refusal is on the record, the endpoint looks itself.
Handler WithoutOtherQuery(const EndpointRule& rule, Handler handler) {
  const bool changes = rule.method == "POST" && rule.more.query.empty();
  if (!changes || rule.more.records_refusal) return handler;
  return [handler = std::move(handler)](const HttpRequest& request) {
    if (Status none = CheckNoQuery(request); !none) return Problem(none.error());
    return handler(request);
  };
}

// A route that the table does not name, or one that it names and nobody made, is a bug.
void GovernOrEnd(Router& router,
                 const std::function<Handler(const EndpointRule&, Handler)>& around) {
  if (!router.Govern(EndpointTable(), around)) std::abort();
}

}  // namespace

Router BoxRoutes(Box& box, const Config& config, const Clock& clock, const Log& log,
                 const Sandbox* sandbox) {
  Router router;
  AddCommonRoutes(router, config);
  // What was observed is recorded however many handovers are asked for.
  const auto handovers = std::make_shared<Admission>(config.admission);
  const auto observations = std::make_shared<Admission>(Quarter(config.admission));
  router.Add({.method = "POST",
              .pattern = "/v1/handovers",
              .body_limit = config.body_octets,
              .handler = Admission::Behind(handovers,
                                           [&box, &config, &clock](const HttpRequest& request) {
                                             return PostHandover(box, config, clock, request);
                                           }),
              .content_types = {"application/xml", "text/xml"}});
  router.Add("GET", "/v1/devices/{device}", 0,
             [&box, &clock](const HttpRequest& request) { return GetDevice(box, clock, request); });
  router.Add("GET", "/readyz", 0, [&box, sandbox](const HttpRequest&) {
    return Readiness(box.condition().state, box.Ready(), box.environment(), box.Attention(),
                     box.key_watch().Json(), sandbox);
  });
  router.Add("GET", "/metrics", 0,
             [&box, &config, &clock, handovers, observations, sandbox](const HttpRequest&) {
               return GetMetrics(box, config, clock, *handovers, *observations, sandbox);
             });
  AddInterchangeRoutes(router, box, config, clock);
  AddCounterRoutes(router, box, clock);
  AddObservationRoute(router, box, config, clock);
  router.Wrap("POST", "/v1/observations", [&observations](Handler handler) {
    return Admission::Behind(observations, std::move(handler));
  });
  AddOperatorRoutes(router, box, config, clock);
  AddBackupRoute(router, box, config, clock);
  AddExportRoute(router, box, config, clock);
  const auto places = std::make_shared<ReadingPlaces>();
  AddReportRoutes(router, box, config, clock, log, places);
  AddReviewRoutes(router, box, clock, log, places);
  AddFeedRoutes(router, {.clock = clock,
                         .store = box.store(),
                         .trust = box.trust(),
                         .body_limit = config.feed_octets,
                         .validation_time = config.test.validation_time,
                         .device_roots = box.device_roots(),
                         .scratch = config.store_directory / "tmp"});
  // R-SEC3-59: what other roles may see too, and auditors see.
  for (const char* pattern : {"/v1/devices/{device}", "/v1/counters/{device}", "/v1/quarantine",
                              "/v1/suspension", "/v1/feeds"}) {
    LogAuditorsViews(router, box, log, pattern);
  }
  // Last: it adds to the answers of all before.
  AddAuditRoutes(router, box, log);
  GovernOrEnd(router, [&box](const EndpointRule& rule, Handler handler) {
    return InItsStates(box, rule, WithoutOtherQuery(rule, std::move(handler)));
  });
  return router;
}

Router ClosedRoutes(const Failure& why, const Config& config, const Clock& clock,
                    const Sandbox* sandbox) {
  Router router;
  AddCommonRoutes(router, config);
  const std::string environment = config.environment == smki::Environment::kLive ? "live" : "test";
  const State state = StateOfClosed(why.reason);
  router.Add("GET", "/readyz", 0, [why, state, environment, sandbox](const HttpRequest&) {
    return Readiness(state, false, environment, {why}, {}, sandbox);
  });
  router.Add("GET", "/metrics", 0, [state, sandbox](const HttpRequest&) {
    return MetricsPage(MetricText("acb_ready", "gauge", "1 when the box can decide.", 0) +
                       StateMetrics(state) + SandboxMetrics(sandbox));
  });
  router.Add("POST", "/v1/handovers", config.body_octets,
             [why, environment, &config, &clock](const HttpRequest& request) {
               HandoverAnswer answer;
               answer.failure = why;
               HttpResponse json = ToResponse(answer, config.answers, environment);
               const std::string_view form = FormOf(request);
               if (form == kJson) return json;
               return AsXml(request, config, std::move(json), answer, clock.Now(), form);
             });
  AddClosedReviewRoutes(router, why, environment, clock);
  for (const EndpointRule& rule : EndpointTable()) {
    const std::string endpoint = std::string(rule.method).append(" ").append(rule.pattern);
    if (router.Has(endpoint)) continue;
    router.Add(std::string(rule.method), std::string(rule.pattern),
               rule.takes.empty() ? 0 : config.body_octets,
               [why](const HttpRequest&) { return Problem(why); });
  }
  GovernOrEnd(router, [](const EndpointRule&, Handler handler) { return handler; });
  return router;
}

}  // namespace acb::platform
