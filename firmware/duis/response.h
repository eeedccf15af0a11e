// The DUIS Response to a 6.21, for a requester who asks for XML (duis-6.21.md section 1.7).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "firmware/base/bytes.h"
#include "firmware/base/result.h"
#include "firmware/base/time.h"
#include "firmware/duis/request.h"

namespace acb::duis {

// What a Response repeats of its Request, as it was sent. Unverified: good for an echo and nothing
// else.
struct Echo {
  std::string schema_version = "5.4";     // one that is supported here
  std::optional<std::string> request_id;  // of the schema's form
};

// Reads it from a document of any quality: also from one that Parse refuses for what stands
// elsewhere in it. What cannot be read keeps its default. Thread-safe.
Echo ReadEcho(BytesView octets, const ParseLimits& limits);

struct Response {
  Echo echo;
  std::string_view code;  // of the schema's enumeration (response_code.h)
  UtcTime at;             // ResponseDateTime
  BytesView command;      // GBCS, to be handed on; empty: none
};

// The document in UTF-8, without white space between elements (4.1, trap 2), not signed: whose
// Response leaves the DCC is signed by the DSP. The same `response` always gives the same octets.
// Text in it must be of characters that XML has. Fails with kBusy when memory runs out.
// Thread-safe.
Result<std::string> BuildResponse(const Response& response);

}  // namespace acb::duis
