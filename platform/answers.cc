#include "platform/answers.h"

#include <boost/json.hpp>

#include "firmware/base/base64.h"
#include "firmware/duis/response_code.h"

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

}  // namespace

HttpResponse ToResponse(const HandoverAnswer& answer, const AnswerTable& answers,
                        std::string_view environment) {
  if (answer.handed) return JsonResponse(SignedJson(answer, environment));
  // In the place of the built-in ones, which problems of the transport have (R-063-10).
  const Answer& says = answers.Of(answer.failure->reason);
  boost::json::object extra{{"title", says.sentence}, {"response_code", says.response_code}};
  if (answer.request_id) extra["request_id"] = answer.request_id->Text();
  if (answer.audit) extra["audit"] = ReceiptJson(*answer.audit);
  return Problem(*answer.failure, extra);
}

HttpResponse ToDuisResponse(HttpResponse answered, const HandoverAnswer& answer,
                            const AnswerTable& answers, duis::Echo echo, UtcTime at) {
  duis::Response content{std::move(echo), duis::kSuccess, at, {}};
  if (answer.handed) {
    content.command = answer.handed->command;
  } else {
    content.code = answers.Of(answer.failure->reason).response_code;
  }
  auto document = duis::BuildResponse(content);
  if (!document) return Problem(document.error());
  answered.content_type = "application/xml";
  answered.body = *std::move(document);
  return answered;
}

}  // namespace acb::platform
