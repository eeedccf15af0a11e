#include "platform/observation_endpoint.h"

#include <boost/json.hpp>

#include "firmware/base/base64.h"
#include "platform/answers.h"
#include "platform/json_body.h"
#include "platform/recorded_refusal.h"

namespace acb::platform {
namespace {

// Two messages of 64 KiB and a service request, in base64.
constexpr std::uint64_t kMaxBody = 1024 * 1024;
// As its refusal is named (P4) where there is nothing to observe.
constexpr std::string_view kObservation = "observation";

Failure Malformed(std::string why) { return Failure(Reason::kMalformed, std::move(why)); }

// Empty when it is left out or null.
Result<std::string> TextOf(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return std::string();
  if (!value->is_string()) return Malformed("'" + std::string(name) + "' must be a text");
  return std::string(value->get_string());
}

Result<Bytes> OctetsOf(const boost::json::object& object, std::string_view name) {
  const auto text = TextOf(object, name);
  if (!text) return text.error();
  auto octets = FromBase64(*text);
  if (!octets) return Malformed("'" + std::string(name) + "' is not base64");
  return *std::move(octets);
}

struct Posted {
  Bytes command;
  Bytes response;
  Bytes service_request;
};

// XML begins with '<', which is no digit of base64.
Result<Bytes> ServiceRequestOf(const boost::json::object& object) {
  const auto text = TextOf(object, "service_request");
  if (!text) return text.error();
  if (text->find('<') != std::string::npos) return ToBytes(AsBytes(*text));
  return OctetsOf(object, "service_request");
}

Result<Posted> ReadPosted(const HttpRequest& request) {
  const auto body = ReadObject(request, {"command", "response", "service_request"});
  if (!body) return body.error();
  const boost::json::object& object = *body;
  auto command = OctetsOf(object, "command");
  if (!command) return std::move(command).error();
  auto response = OctetsOf(object, "response");
  if (!response) return std::move(response).error();
  auto service_request = ServiceRequestOf(object);
  if (!service_request) return std::move(service_request).error();
  return Posted{*std::move(command), *std::move(response), *std::move(service_request)};
}

boost::json::object CellJson(const CellChange& change) {
  boost::json::object json{{"role", Name(change.role)},
                           {"result", change.result},
                           {"before", HolderJson(change.before)},
                           {"after", HolderJson(change.after)},
                           {"floor", nullptr}};
  if (change.after.floor) json["floor"] = std::to_string(change.after.floor->value());
  if (change.held) json["quarantined"] = std::to_string(change.held->value());
  return json;
}

// Of a Message Code of CS02b; gbcs-cs02b.md 4.1.
boost::json::value ModeJson(const Observation& seen) {
  if (seen.stage == ObservedStage::kOther) return nullptr;
  return boost::json::string(std::to_string(seen.message_code & 0xFF));
}

boost::json::object RecordedJson(const ObservationAnswer& answer, const std::string& environment) {
  const Observation& seen = *answer.seen;
  const RecordedObservation& recorded = *answer.recorded;
  boost::json::array cells;
  for (const CellChange& change : recorded.cells) cells.push_back(CellJson(change));
  boost::json::object json{
      {"outcome", "recorded"},
      {"device", seen.device.Hyphenated()},
      {"originator", seen.originator.Hyphenated()},
      {"originator_counter", std::to_string(seen.counter)},
      {"mode", ModeJson(seen)},
      {"stage", Name(seen.stage)},
      {"cells", std::move(cells)},
      {"observations",
       boost::json::array(recorded.observations.begin(), recorded.observations.end())},
      {"alarms", boost::json::array(recorded.alarms.begin(), recorded.alarms.end())},
      {"last_issued", std::to_string(recorded.last_issued)},
      {"environment", environment},
      {"audit", ReceiptJson(recorded.receipt)}};
  if (recorded.held_issued) {
    json["quarantined"] = std::to_string(recorded.held_issued->value());
  }
  if (!answer.request_id.empty()) json["request_id"] = answer.request_id;
  return json;
}

HttpResponse PostObservation(Box& box, const Config& config, const Clock& clock,
                             const HttpRequest& request) {
  const auto posted = ReadPosted(request);
  if (!posted) {
    return RefuseRecorded(box, request, {.act = kObservation}, posted.error(), clock.Now());
  }
  const ObservationAnswer answer =
      box.observer().Handle({.service_request = posted->service_request,
                             .command = posted->command,
                             .response = posted->response,
                             .client = request.client.name});
  if (answer.recorded) return JsonResponse(RecordedJson(answer, box.environment()));
  const Answer& says = config.answers.Of(answer.failure->reason);
  boost::json::object extra{{"title", says.sentence}, {"response_code", says.response_code}};
  if (!answer.request_id.empty()) extra["request_id"] = answer.request_id;
  if (answer.audit) extra["audit"] = ReceiptJson(*answer.audit);
  return Problem(*answer.failure, extra);
}

}  // namespace

void AddObservationRoute(Router& router, Box& box, const Config& config, const Clock& clock) {
  router.Add({.method = "POST",
              .pattern = "/v1/observations",
              .body_limit = kMaxBody,
              .handler =
                  [&box, &config, &clock](const HttpRequest& request) {
                    return PostObservation(box, config, clock, request);
                  },
              .content_types = {"application/json"}});
}

}  // namespace acb::platform
