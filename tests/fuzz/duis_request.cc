// duis::Parse: a request from outside, before anybody is known to have signed it.
#include "firmware/duis/request.h"
#include "firmware/duis/signature.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool ready = acb::duis::InitialiseXml().has_value();
  acb::fuzz::Require(ready, "libxml2 and xmlsec1 start");
  const auto request = acb::duis::Parse({data, size});
  if (!request) {
    acb::fuzz::Require(!request.error().explanation.empty(), "a refusal says why");
    return 0;
  }
  acb::fuzz::Require(!request->signer().serial.empty(), "a parsed request names its signer");
  acb::fuzz::Require(request->claimed_request_id().Text().size() > 40, "and its RequestID");
  return 0;
}
