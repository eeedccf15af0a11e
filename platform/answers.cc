#include "platform/answers.h"

#include <boost/json.hpp>

#include "firmware/base/base64.h"

namespace acb::platform {
namespace {

boost::json::object ReceiptJson(const audit::Receipt& receipt) {
  return {{"index", std::to_string(receipt.index)}, {"leaf", ToHex(receipt.leaf)}};
}

boost::json::object SignedJson(const HandoverAnswer& answer, std::string_view environment) {
  const StoredRequest& handed = *answer.handed;
  return {{"request_id", answer.request_id->Text()},
          {"outcome", "signed"},
          {"device", answer.request_id->target.Hyphenated()},
          {"role", Name(handed.role)},
          {"originator", handed.acb.Hyphenated()},
          {"originator_counter", std::to_string(handed.counter->value())},
          {"command", ToBase64(handed.command)},
          {"environment", environment},
          {"audit", ReceiptJson(*answer.audit)}};
}

// R-NOW-11: taken, and not signed yet.
HttpResponse Quarantined(const HandoverAnswer& answer, std::string_view environment) {
  const ReasonInfo& info = Describe(answer.failure->reason);
  HttpResponse response =
      JsonResponse(boost::json::object{{"request_id", answer.request_id->Text()},
                                       {"outcome", "quarantined"},
                                       {"device", answer.request_id->target.Hyphenated()},
                                       {"reason", info.name},
                                       {"response_code", info.duis_code},
                                       {"detail", answer.failure->explanation},
                                       {"quarantine", std::to_string(answer.audit->index)},
                                       {"environment", environment},
                                       {"audit", ReceiptJson(*answer.audit)}});
  response.status = info.http_status;
  return response;
}

boost::json::object OutcomeJson(const CheckOutcome& outcome) {
  boost::json::object json{{"check", outcome.check}};
  switch (outcome.kind) {
    case CheckOutcome::Kind::kPassed:
      json["outcome"] = "passed";
      break;
    case CheckOutcome::Kind::kNotReached:
      json["outcome"] = "not reached";
      break;
    case CheckOutcome::Kind::kFailed: {
      const ReasonInfo& info = Describe(outcome.why->reason);
      json["outcome"] = "failed";
      json["reason"] = info.name;
      json["response_code"] = info.duis_code;
      json["sentence"] = info.sentence;
      if (!outcome.why->explanation.empty()) json["detail"] = outcome.why->explanation;
      break;
    }
  }
  return json;
}

std::string_view OutcomeOf(const DryRunAnswer& answer) {
  const CheckOutcome* first = nullptr;
  for (const CheckOutcome& outcome : answer.checks) {
    if (first == nullptr && outcome.why) first = &outcome;
  }
  if (first == nullptr) return "would be signed";
  switch (Describe(first->why->reason).kind) {
    case ReasonKind::kHold:
      return "would be quarantined";
    case ReasonKind::kFault:
    case ReasonKind::kDoubt:
      return "could not be decided";
    case ReasonKind::kRefusal:
    case ReasonKind::kObservation:
      break;
  }
  return "would be refused";
}

}  // namespace

HttpResponse ToResponse(const DryRunAnswer& answer, std::string_view environment) {
  boost::json::array checks;
  for (const CheckOutcome& outcome : answer.checks) checks.push_back(OutcomeJson(outcome));
  boost::json::array observations(answer.observations.begin(), answer.observations.end());
  boost::json::object json{{"dry_run", true},
                           {"outcome", OutcomeOf(answer)},
                           {"environment", environment},
                           {"checks", std::move(checks)},
                           {"observations", std::move(observations)}};
  if (answer.request_id) json["request_id"] = answer.request_id->Text();
  if (answer.next) json["next_originator_counter"] = std::to_string(answer.next->value());
  return JsonResponse(json);
}

HttpResponse ToResponse(const HandoverAnswer& answer, std::string_view environment) {
  if (answer.handed) return JsonResponse(SignedJson(answer, environment));
  if (Describe(answer.failure->reason).kind == ReasonKind::kHold) {
    return Quarantined(answer, environment);
  }
  boost::json::object extra;
  if (answer.request_id) extra["request_id"] = answer.request_id->Text();
  if (answer.audit) extra["audit"] = ReceiptJson(*answer.audit);
  return Problem(*answer.failure, extra);
}

}  // namespace acb::platform
