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

}  // namespace acb::platform
