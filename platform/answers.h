// How the outcome of a handover looks on the wire (design.md section 8).
#pragma once

#include "firmware/handover.h"
#include "platform/http_message.h"

namespace acb::platform {

// 200 with the command, 202 when quarantined, or the problem document of the refusal or fault. The
// same outcome always has the same octets (promise P5).
HttpResponse ToResponse(const HandoverAnswer& answer, std::string_view environment);
// 200: every check with its outcome. A request that would be refused is no error of a dry run.
HttpResponse ToResponse(const DryRunAnswer& answer, std::string_view environment);

}  // namespace acb::platform
