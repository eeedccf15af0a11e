#include "platform/answers.h"

#include <boost/json.hpp>

#include "firmware/base/base64.h"
#include "firmware/duis/response_code.h"
#include "firmware/holder_text.h"

namespace acb::platform {

boost::json::object ReceiptJson(const audit::Receipt& receipt) {
  return {{"index", std::to_string(receipt.index)}, {"leaf", ToHex(receipt.leaf)}};
}

boost::json::value HolderJson(const CellState& cell) {
  if (cell.holder == CellState::Holder::kUnknown) return nullptr;
  return boost::json::string(HolderText(cell));
}

boost::json::object CellJson(const CellState& cell) {
  boost::json::object json{{"holder", HolderJson(cell)}, {"floor", nullptr}};
  if (cell.floor) json["floor"] = std::to_string(cell.floor->value());
  return json;
}

namespace {

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
HttpResponse Quarantined(const HandoverAnswer& answer, const Answer& says,
                         std::string_view environment) {
  const ReasonInfo& info = Describe(answer.failure->reason);
  HttpResponse response =
      JsonResponse(boost::json::object{{"request_id", answer.request_id->Text()},
                                       {"outcome", "quarantined"},
                                       {"device", answer.request_id->target.Hyphenated()},
                                       {"reason", info.name},
                                       {"response_code", says.response_code},
                                       {"detail", answer.failure->explanation},
                                       {"quarantine", std::to_string(answer.audit->index)},
                                       {"environment", environment},
                                       {"audit", ReceiptJson(*answer.audit)}});
  response.status = info.http_status;
  return response;
}

boost::json::object OutcomeJson(const CheckOutcome& outcome, const AnswerTable& answers) {
  boost::json::object json{{"check", outcome.check}};
  switch (outcome.kind) {
    case CheckOutcome::Kind::kPassed:
      json["outcome"] = "passed";
      break;
    case CheckOutcome::Kind::kNotReached:
      json["outcome"] = "not reached";
      break;
    case CheckOutcome::Kind::kFailed: {
      const Answer& says = answers.Of(outcome.why->reason);
      json["outcome"] = "failed";
      json["reason"] = Describe(outcome.why->reason).name;
      json["response_code"] = says.response_code;
      json["sentence"] = says.sentence;
      if (!outcome.why->explanation.empty()) json["detail"] = outcome.why->explanation;
      break;
    }
  }
  return json;
}

// The kind of an answer that was given before.
boost::json::object EarlierJson(const StoredRequest& earlier, const AnswerTable& answers) {
  boost::json::object json{{"audit", ReceiptJson(earlier.audit)}};
  if (earlier.state == StoredRequest::State::kSigned) {
    json["outcome"] = "signed";
    json["originator_counter"] = std::to_string(earlier.counter->value());
    return json;
  }
  const bool held = earlier.state == StoredRequest::State::kQuarantined;
  json["outcome"] = held ? "quarantined" : "refused";
  json["reason"] = Describe(earlier.reason).name;
  json["response_code"] = answers.Of(earlier.reason).response_code;
  if (!earlier.explanation.empty()) json["detail"] = earlier.explanation;
  return json;
}

std::string_view OutcomeOf(const DryRunAnswer& answer) {
  if (answer.earlier) return "already answered";
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

HttpResponse ToResponse(const DryRunAnswer& answer, const AnswerTable& answers,
                        std::string_view environment) {
  boost::json::array checks;
  for (const CheckOutcome& outcome : answer.checks) checks.push_back(OutcomeJson(outcome, answers));
  boost::json::array observations(answer.observations.begin(), answer.observations.end());
  boost::json::object json{{"dry_run", true},
                           {"outcome", OutcomeOf(answer)},
                           {"environment", environment},
                           {"checks", std::move(checks)},
                           {"observations", std::move(observations)}};
  if (answer.request_id) json["request_id"] = answer.request_id->Text();
  if (answer.earlier) json["answer"] = EarlierJson(*answer.earlier, answers);
  if (answer.next) json["next_originator_counter"] = std::to_string(answer.next->value());
  return JsonResponse(json);
}

HttpResponse ToResponse(const HandoverAnswer& answer, const AnswerTable& answers,
                        std::string_view environment) {
  if (answer.handed) return JsonResponse(SignedJson(answer, environment));
  // In the place of the built-in ones, which problems of the transport have (R-063-10).
  const Answer& says = answers.Of(answer.failure->reason);
  if (Describe(answer.failure->reason).kind == ReasonKind::kHold) {
    return Quarantined(answer, says, environment);
  }
  boost::json::object extra{{"title", says.sentence}, {"response_code", says.response_code}};
  if (answer.request_id) extra["request_id"] = answer.request_id->Text();
  if (answer.audit) extra["audit"] = ReceiptJson(*answer.audit);
  return Problem(*answer.failure, extra);
}

HttpResponse ToDuisResponse(HttpResponse answered, const HandoverAnswer& answer,
                            const AnswerTable& answers, duis::Echo echo, UtcTime at,
                            std::string_view form) {
  duis::Response content{std::move(echo), duis::kSuccess, at, {}};
  if (answer.handed) {
    content.command = answer.handed->command;
  } else {
    content.code = answers.Of(answer.failure->reason).response_code;
  }
  auto document = duis::BuildResponse(content);
  if (!document) return Problem(document.error());
  answered.content_type = form;
  answered.body = *std::move(document);
  return answered;
}

}  // namespace acb::platform
