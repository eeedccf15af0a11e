#include "tools/acbctl/counters.h"

#include <boost/json.hpp>
#include <iostream>

#include "firmware/base/eui64.h"
#include "firmware/base/request_id.h"
#include "tools/acbctl/operate.h"

namespace acb::acbctl {
namespace {

// "/v1/counters/<device><rest>"; empty when it is no device, which was said then.
std::string TargetOf(const Connection& connection, const std::string& device,
                     const std::string& rest) {
  const auto id = Eui64::FromText(device);
  if (id) return "/v1/counters/" + id->Plain() + rest;
  Misused(connection, "'" + device + "' is not an EUI-64: 16 hex digits, or 8 pairs with '-'");
  return {};
}

}  // namespace

int ShowCounters(const Connection& connection, const std::string& device) {
  const std::string target = TargetOf(connection, device, "");
  if (target.empty()) return kUsage;
  const auto response = Send(connection, "operator", {.method = "GET", .target = target});
  if (!response) return Complain(connection, response.error());
  if (const auto done = PrintRaw(connection, *response)) return *done;
  PrintMembers(ParseObject(response->body), "");
  return kGood;
}

int ReserveCounter(const Connection& connection, const ReserveOptions& options) {
  const std::string target = TargetOf(connection, options.device, "/reserve");
  if (target.empty()) return kUsage;
  const std::string body =
      boost::json::serialize(boost::json::object{{"purpose", options.purpose}});
  platform::HttpClientRequest request{
      .method = "POST", .target = target, .content_type = "application/json", .body = body};
  if (!options.proposed_counter.empty()) {
    request.headers.push_back({"X-Originator-Counter", options.proposed_counter});
  }
  const auto response = Send(connection, "dsp", request);
  if (!response) return Complain(connection, response.error());
  if (const auto done = PrintRaw(connection, *response)) return *done;
  PrintMembers(ParseObject(response->body), "");
  return kGood;
}

int RaiseCounter(const Connection& connection, const RaiseOptions& options) {
  const std::string target = TargetOf(connection, options.device, "/raise");
  if (target.empty()) return kUsage;
  if (!ParseDecimal(options.to)) {
    return Misused(connection, "'" + options.to + "' is not a decimal number of 64 bits");
  }
  boost::json::object order{{"to", options.to}, {"reason", options.reason}};
  if (options.role != "all") order["role"] = options.role;
  const std::string body = boost::json::serialize(order);
  return SendAs(
      connection, options.as,
      {.method = "POST", .target = target, .content_type = "application/json", .body = body});
}

}  // namespace acb::acbctl
