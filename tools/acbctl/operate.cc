#include "tools/acbctl/operate.h"

#include <boost/json.hpp>
#include <iostream>

namespace acb::acbctl {
namespace {

constexpr int kHttpOk = 200;
constexpr int kHttpAccepted = 202;
constexpr int kHttpForbidden = 403;

int PrintList(const Connection& connection, const std::string& target, const char* member,
              const char* none) {
  const auto response = Send(connection, "operator", {.method = "GET", .target = target});
  if (!response) return Complain(connection, response.error());
  if (const auto done = PrintRaw(connection, *response)) return *done;
  const boost::json::object answer = ParseObject(response->body);
  const boost::json::value* list = answer.if_contains(member);
  if (list == nullptr || !list->is_array() || list->get_array().empty()) {
    std::cout << none << "\n";
    return kGood;
  }
  for (const boost::json::value& item : list->get_array()) {
    if (!item.is_object()) continue;
    PrintMembers(item.get_object(), "");
    std::cout << "\n";
  }
  if (const auto* more = answer.if_contains("more"); more != nullptr && *more == true) {
    std::cerr << "acbctl: these are the first " << list->get_array().size()
              << ": there are more, which are not shown\n";
  }
  if (const auto* next = answer.if_contains("next"); next != nullptr && next->is_string()) {
    std::cerr << "acbctl: these are the first " << list->get_array().size()
              << ": the list goes on with --from " << std::string_view(next->get_string()) << "\n";
  }
  return kGood;
}

// An order with a slip of the pen looks like one that stops somebody.
void WarnOfNothing(const platform::HttpClientResponse& response) {
  const boost::json::object answer = ParseObject(response.body);
  const auto* nothing = answer.if_contains("unmatched");
  if (nothing == nullptr || !nothing->is_array()) return;
  for (const boost::json::value& subject : nothing->get_array()) {
    if (!subject.is_string()) continue;
    std::cerr << "acbctl: warning: '" << Shown(subject)
              << "' is nobody that the box knows: the order is in force, and stops nobody before "
                 "one of that name comes\n";
  }
}

}  // namespace

std::vector<Connection> TurnsOf(const Connection& connection,
                                const std::vector<std::filesystem::path>& operators) {
  std::vector<Connection> turns;
  for (const std::filesystem::path& certificate : operators) {
    Connection turn = connection;
    turn.certificate = certificate;
    turn.key = certificate;
    turn.key.replace_extension(".key");
    turns.push_back(std::move(turn));
  }
  if (turns.empty()) turns.push_back(connection);
  return turns;
}

int PrintAct(const Connection& connection, const platform::HttpClientResponse& response,
             bool last) {
  const bool good = response.status == kHttpOk || response.status == kHttpAccepted;
  if (connection.json) {
    if (good && !last) return kGood;
    std::cout << response.body << "\n";
    return good ? kGood : kRefused;
  }
  if (!good) return PrintProblem(response);
  PrintMembers(ParseObject(response.body), "");
  return kGood;
}

bool WasSaidBefore(const platform::HttpClientResponse& response) {
  if (response.status != kHttpForbidden) return false;
  const boost::json::object problem = ParseObject(response.body);
  const auto* reason = problem.if_contains("reason");
  return reason != nullptr && reason->is_string() &&
         std::string_view(reason->get_string()) == Describe(Reason::kOtherOperator).name;
}

int TakeTurns(const Connection& connection, const std::vector<std::filesystem::path>& operators,
              const Ask& ask, const std::function<void(const platform::HttpClientResponse&)>& hear,
              const std::function<int(const platform::HttpClientResponse&)>& done) {
  const std::vector<Connection> turns = TurnsOf(connection, operators);
  for (const Connection& turn : turns) {
    const auto response = ask(turn);
    if (!response) return Complain(connection, response.error());
    const bool last = &turn == &turns.back();
    if (!last && WasSaidBefore(*response)) continue;
    // With another's earlier word it is done by this one: the next would be about nothing, or the
    // first of another act.
    const bool is_done = response->status == kHttpOk;
    if (is_done && done) return done(*response);
    const int code = PrintAct(connection, *response, last || is_done);
    if (code != kGood) return code;
    if (hear) hear(*response);
    if (is_done) break;
  }
  return kGood;
}

int SendAs(const Connection& connection, const std::vector<std::filesystem::path>& operators,
           const platform::HttpClientRequest& request,
           const std::function<void(const platform::HttpClientResponse&)>& hear) {
  return TakeTurns(
      connection, operators,
      [&](const Connection& turn) { return Send(turn, "operator", request); }, hear);
}

int ListQuarantine(const Connection& connection, const std::string& from) {
  const std::string target = from.empty() ? "/v1/quarantine" : "/v1/quarantine?from=" + from;
  return PrintList(connection, target, "quarantine", "nothing is in quarantine");
}

int DecideQuarantined(const Connection& connection, const QuarantineOptions& options) {
  return SendAs(connection, options.as,
                {.method = "POST",
                 .target = "/v1/quarantine/" + options.id + "/" + options.act,
                 .content_type = "application/json",
                 .body = "{}"});
}

int ListSuspensions(const Connection& connection) {
  return PrintList(connection, "/v1/suspension", "suspensions", "nothing is suspended");
}

int Suspend(const Connection& connection, const SuspendOptions& options) {
  boost::json::object order{{"scope", options.scope},
                            {"action", options.lift ? "lift" : "suspend"},
                            {"authority", options.authority}};
  if (!options.subject.empty()) order["subject"] = options.subject;
  if (!options.suspect_key.empty()) order["suspect_key"] = options.suspect_key;
  return SendAs(connection, options.as,
                {.method = "POST",
                 .target = "/v1/suspension",
                 .content_type = "application/json",
                 .body = boost::json::serialize(order)},
                WarnOfNothing);
}

}  // namespace acb::acbctl
