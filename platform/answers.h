// How the outcome of a handover looks on the wire (design.md section 8).
#pragma once

#include <boost/json/object.hpp>

#include "firmware/duis/response.h"
#include "firmware/handover.h"
#include "platform/http_message.h"

namespace acb::platform {

// {"index", "leaf"}: where an answer says that it is recorded.
boost::json::object ReceiptJson(const audit::Receipt& receipt);

// null, "acb" or an EUI-64.
boost::json::value HolderJson(const CellState& cell);
// {"holder", "floor": null or a decimal string}.
boost::json::object CellJson(const CellState& cell);

// 200 with the command, 202 when quarantined, or the problem document of the refusal or fault, with
// the response code and the sentence of `answers`. The same outcome always has the same octets
// (promise P5).
HttpResponse ToResponse(const HandoverAnswer& answer, const AnswerTable& answers,
                        std::string_view environment);

// 200: every check with its outcome; of octets that were answered before, what kind of answer. A
// request that would be refused is no error of a dry run.
HttpResponse ToResponse(const DryRunAnswer& answer, const AnswerTable& answers,
                        std::string_view environment);

// The same as a DUIS Response (duis-6.21.md section 1.7): status and headers are those of
// ToResponse, which `answered` is. `at` is when it was decided, so that it too has the same octets
// each time. `form` is the media type that the client asked for.
HttpResponse ToDuisResponse(HttpResponse answered, const HandoverAnswer& answer,
                            const AnswerTable& answers, duis::Echo echo, UtcTime at,
                            std::string_view form);

}  // namespace acb::platform
