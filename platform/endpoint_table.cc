#include "platform/endpoint_table.h"

#include <algorithm>
#include <boost/json.hpp>
#include <string>

#include "firmware/base/ascii.h"

namespace acb::platform {
namespace {

constexpr StateSet kAlways = {State::kUnprovisioned, State::kLocked, State::kOperational,
                              State::kSuspended, State::kFailed};
constexpr StateSet kOpen = {State::kOperational, State::kSuspended};
constexpr StateSet kSigning = {State::kOperational};

constexpr RoleSet kAnyone = RoleSet::Any();
constexpr RoleSet kDsp = {Role::kDsp};
constexpr RoleSet kNorthbound = {Role::kNorthbound};
constexpr RoleSet kFeed = {Role::kFeed};
constexpr RoleSet kAuditor = {Role::kAuditor};
constexpr RoleSet kOperator = {Role::kOperator};
constexpr RoleSet kSeesDevices = {Role::kDsp, Role::kAuditor};
constexpr RoleSet kSeesCounters = {Role::kDsp, Role::kAuditor, Role::kOperator};
constexpr RoleSet kSeesFeeds = {Role::kFeed, Role::kAuditor, Role::kOperator};
constexpr RoleSet kSeesOrders = {Role::kOperator, Role::kAuditor};

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kXml = "application/xml text/xml";
constexpr std::string_view kCsv = "text/csv";
constexpr std::string_view kPem = "application/octet-stream";
constexpr std::string_view kNone = "";

constexpr EndpointExtras kRecorded = {.records_refusal = true};
constexpr EndpointExtras kByTwo = {.records_refusal = true, .waits = true};
constexpr EndpointExtras kHandover = {
    .records_refusal = true, .waits = true, .query = "dry_run", .headers = "X-Originator-Counter"};
constexpr EndpointExtras kReserve = {.records_refusal = true, .headers = "X-Originator-Counter"};
constexpr EndpointExtras kImport = {
    .records_refusal = true, .waits = true, .needed_headers = kCheckpointKeyHeader};
constexpr EndpointExtras Query(std::string_view names) { return {.query = names}; }

constexpr EndpointRule kTable[] = {
    {"GET", "/healthz", kAnyone, kAlways, kNone, "Liveness"},
    {"GET", "/readyz", kAnyone, kAlways, kNone, "State and readiness, with reasons"},
    {"GET", "/metrics", kAnyone, kAlways, kNone, "Prometheus metrics"},
    {"GET", "/openapi.json", kAnyone, kAlways, kNone, "This description"},
    {"GET", "/v1/reasons", kAnyone, kAlways, kNone, "Every reason"},
    {"GET", "/v1/rules", kAnyone, kAlways, kNone, "Every rule and its source"},

    {"POST", "/v1/handovers", kDsp, kSigning, kXml, "A DUIS 6.21 request", kHandover},
    {"GET", "/v1/devices/{device}", kSeesDevices, kOpen, kNone, "Cells, floors, registration"},
    {"POST", "/v1/observations", kNorthbound, kOpen, kJson, "What a device answered", kRecorded},

    {"POST", "/v1/counters/{device}/reserve", kDsp, kSigning, kJson, "Spends one counter",
     kReserve},
    {"POST", "/v1/counters/{device}/raise", kOperator, kOpen, kJson, "Raises a counter or floor",
     kByTwo},
    {"GET", "/v1/counters/{device}", kSeesCounters, kOpen, kNone, "A device's counters"},
    {"POST", "/v1/counters/export", kOperator, kOpen, kJson, "All counters, signed", kByTwo},
    {"POST", "/v1/counters/import", kOperator, kOpen, kJson, "Takes in an export", kImport},

    {"POST", "/v1/feeds/parties", kFeed, kOpen, kCsv, "Parties"},
    {"POST", "/v1/feeds/devices", kFeed, kOpen, kCsv, "Devices"},
    {"POST", "/v1/feeds/registrations", kFeed, kOpen, kCsv, "Registrations"},
    {"POST", "/v1/feeds/mpan-prefixes", kFeed, kOpen, kCsv, "MPAN prefixes"},
    {"POST", "/v1/feeds/working-days", kFeed, kOpen, kCsv, "Working days"},
    {"POST", "/v1/feeds/certified-products", kFeed, kOpen, kCsv, "Certified Products List"},
    {"POST", "/v1/feeds/proxy-certificates", kFeed, kOpen, kCsv, "SMETS1 proxy certificates"},
    {"POST", "/v1/feeds/organisation-certificates", kFeed, kOpen, kPem,
     "SMKI certificates, PEM or DER"},
    {"POST", "/v1/feeds/device-certificates", kFeed, kOpen, kPem,
     "Device certificates, PEM or DER"},
    {"POST", "/v1/feeds/repository-status", kFeed, kOpen, kCsv, "Status in the SMKI Repository"},
    {"POST", "/v1/feeds/revocation-lists", kFeed, kOpen, kPem, "CRLs and ARLs, PEM or DER"},
    {"GET", "/v1/feeds", kSeesFeeds, kOpen, kNone, "The newest import of each feed"},

    {"GET", "/v1/quarantine", kSeesOrders, kOpen, kNone, "What waits for two operators",
     Query("from")},
    {"POST", "/v1/quarantine/{id}/release", kOperator, kOpen, kJson, "Releases, by two operators",
     kByTwo},
    {"POST", "/v1/quarantine/{id}/delete", kOperator, kOpen, kJson, "Deletes, by two operators",
     kByTwo},
    {"GET", "/v1/suspension", kSeesOrders, kOpen, kNone, "What is suspended"},
    {"POST", "/v1/suspension", kOperator, kOpen, kJson, "Suspends; lifts, by two operators",
     kByTwo},
    {"POST", "/v1/backup", kOperator, kOpen, kNone, "An encrypted backup", Query("since")},

    {"GET", "/v1/audit/entries", kAuditor, kOpen, kNone, "Entries of the log", Query("from count")},
    {"GET", "/v1/audit/disclosures", kAuditor, kOpen, kNone, "What opens sealed fields",
     Query("from count")},
    {"GET", "/v1/audit/checkpoint", kAuditor, kOpen, kNone, "The newest signed checkpoint"},
    {"GET", "/v1/audit/tile/{path...}", kAuditor, kOpen, kNone, "Tiles of the log"},
    {"GET", "/v1/audit/proof/{index}", kAuditor, kOpen, kNone, "An entry and its proof"},
    {"POST", "/v1/audit/export", kAuditor, kOpen, kJson, "The log as one signed file"},
    {"GET", "/v1/reports/{report}", kAuditor, kOpen, kNone, "A report",
     Query("from to month page figure format seed signed refused")},

    // Pages for people: in the other states they say why there is nothing to see.
    {"GET", "/", kAuditor, kAlways, kNone, "The review page", Query("month")},
    {"GET", "/review/search", kAuditor, kAlways, kNone, "Search of the review page",
     Query("q before after")},
    {"GET", "/review/entry/{index}", kAuditor, kAlways, kNone, "One entry"},
    {"GET", "/review/entries", kAuditor, kAlways, kNone, "Entries behind a figure",
     Query("outcome reason party first last from to")},
    {"GET", "/review/export", kAuditor, kAlways, kNone, "How to export",
     Query("from to redaction")},
    {"GET", "/assets/{name}", kAuditor, kAlways, kNone, "Style and script of the review page"},
};

constexpr Role kRoles[] = {Role::kDsp, Role::kNorthbound, Role::kFeed, Role::kAuditor,
                           Role::kOperator};

boost::json::object Described(std::string_view text) { return {{"description", text}}; }

// Up to the next blank, which is taken too.
std::string_view TakeWord(std::string_view& list) {
  const std::string_view word = list.substr(0, list.find(' '));
  list.remove_prefix(std::min(word.size() + 1, list.size()));
  return word;
}

void AddParameters(boost::json::array& parameters, std::string_view names, std::string_view in,
                   bool required) {
  while (!names.empty()) {
    parameters.push_back({{"name", TakeWord(names)},
                          {"in", in},
                          {"required", required},
                          {"schema", {{"type", "string"}}}});
  }
}

boost::json::array ParametersOf(const EndpointRule& rule) {
  boost::json::array parameters;
  const std::string_view pattern = rule.pattern;
  for (std::size_t at = pattern.find('{'); at != std::string_view::npos;
       at = pattern.find('{', at + 1)) {
    std::string_view name = pattern.substr(at + 1, pattern.find('}', at) - at - 1);
    if (name.ends_with("...")) name.remove_suffix(std::string_view("...").size());
    AddParameters(parameters, name, "path", true);
  }
  AddParameters(parameters, rule.more.query, "query", false);
  AddParameters(parameters, rule.more.headers, "header", false);
  AddParameters(parameters, rule.more.needed_headers, "header", true);
  return parameters;
}

boost::json::object BodyOf(std::string_view takes) {
  boost::json::object content;
  while (!takes.empty()) content[TakeWord(takes)] = boost::json::object{};
  return {{"content", std::move(content)}};
}

boost::json::object Operation(const EndpointRule& rule) {
  boost::json::array roles;
  for (const Role role : kRoles) {
    if (rule.roles.Has(role)) roles.emplace_back(Name(role));
  }
  boost::json::array states;
  for (const State state : kStates) {
    if (rule.states.Has(state)) states.emplace_back(Name(state));
  }
  boost::json::object problem = Described("A problem document (RFC 9457) with the reason");
  problem["content"] = {{"application/problem+json", boost::json::object{}}};
  boost::json::object responses{{"200", Described("Done")}, {"default", std::move(problem)}};
  if (rule.more.waits) responses["202"] = Described("Taken, and it waits for operators");
  boost::json::object operation{{"summary", rule.does},
                                {"x-acb-roles", std::move(roles)},
                                {"x-acb-states", std::move(states)},
                                {"x-acb-records-refusal", rule.more.records_refusal},
                                {"responses", std::move(responses)}};
  boost::json::array parameters = ParametersOf(rule);
  if (!parameters.empty()) operation["parameters"] = std::move(parameters);
  if (!rule.takes.empty()) operation["requestBody"] = BodyOf(rule.takes);
  return operation;
}

// "{path...}" is ours: OpenAPI knows no parameter of several segments.
std::string PathOf(std::string_view pattern) {
  std::string path(pattern);
  if (const std::size_t dots = path.find("...}"); dots != std::string::npos) path.erase(dots, 3);
  return path;
}

}  // namespace

std::string_view Name(State state) {
  switch (state) {
    case State::kUnprovisioned:
      return "Unprovisioned";
    case State::kLocked:
      return "Locked";
    case State::kOperational:
      return "Operational";
    case State::kSuspended:
      return "Suspended";
    case State::kFailed:
      return "Failed";
  }
  return {};
}

State StateOfClosed(Reason why) {
  if (why == Reason::kStoreMissing) return State::kUnprovisioned;
  if (why == Reason::kHsmPin || why == Reason::kHsmUnavailable) return State::kLocked;
  return State::kFailed;
}

std::span<const EndpointRule> EndpointTable() { return kTable; }

std::string OpenApiDocument() {
  boost::json::object paths;
  for (const EndpointRule& rule : kTable) {
    const std::string method = LowerCase(rule.method);
    boost::json::value& path = paths[PathOf(rule.pattern)];
    if (!path.is_object()) path = boost::json::object{};
    path.get_object()[method] = Operation(rule);
  }
  boost::json::array states;
  for (const State state : kStates) states.emplace_back(Name(state));
  return boost::json::serialize(
      boost::json::object{{"openapi", "3.1.0"},
                          {"info", {{"title", "ACB handover-signing appliance"}, {"version", "1"}}},
                          {"x-acb-states", std::move(states)},
                          {"paths", std::move(paths)}});
}

}  // namespace acb::platform
