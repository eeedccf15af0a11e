#include "tools/acbctl/order_list.h"

#include <algorithm>
#include <boost/json.hpp>
#include <iostream>
#include <span>

#include "firmware/base/eui64.h"
#include "tools/acbctl/progress.h"

namespace acb::acbctl {
namespace {

constexpr std::uintmax_t kMaxFile = 256u << 20;
// What the box takes at once: subjects, and octets of a body.
constexpr std::size_t kMaxAtOnce = 10'000;
constexpr std::size_t kMaxOctetsAtOnce = 512 * 1024;
constexpr int kHttpOk = 200;
constexpr int kHttpAccepted = 202;

std::string_view Trimmed(std::string_view line) {
  const std::string_view blanks = " \t\r";
  const std::size_t begin = line.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(blanks) - begin + 1);
}

Result<std::vector<std::string>> ReadSubjects(const SuspendOptions& options) {
  const auto text = ReadWhole(options.subjects, kMaxFile);
  if (!text) return text.error();
  const bool euis = options.scope == "device" || options.scope == "subject";
  std::vector<std::string> subjects;
  std::size_t number = 0;
  for (std::string_view rest = *text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = Trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ++number;
    if (line.empty()) continue;
    if (euis && !Eui64::FromText(line)) {
      return Failure(Reason::kMalformed, options.subjects.string() + ": line " +
                                             std::to_string(number) +
                                             " is not an EUI-64; nothing was sent");
    }
    subjects.emplace_back(line);
  }
  if (subjects.empty()) {
    return Failure(Reason::kMalformed, options.subjects.string() + " names nobody");
  }
  return subjects;
}

// The part of `rest` that goes into one request.
std::span<const std::string> NextPart(std::span<const std::string> rest) {
  std::size_t count = 0;
  std::size_t octets = 0;
  // The quotes and the comma.
  const auto size = [&](const std::string& subject) { return subject.size() + 3; };
  while (count < std::min(rest.size(), kMaxAtOnce) &&
         (count == 0 || octets + size(rest[count]) <= kMaxOctetsAtOnce)) {
    octets += size(rest[count++]);
  }
  return rest.first(count);
}

bool IsGood(const platform::HttpClientResponse& response) {
  return response.status == kHttpOk || response.status == kHttpAccepted;
}

// A part, by each operator in turn; the answer that it is done, to the last word, or the first that
// is no good.
Result<platform::HttpClientResponse> SendPart(const std::vector<Connection>& turns,
                                              const SuspendOptions& options,
                                              std::span<const std::string> part) {
  const boost::json::object order{{"scope", options.scope},
                                  {"action", options.lift ? "lift" : "suspend"},
                                  {"authority", options.authority},
                                  {"subjects", boost::json::array(part.begin(), part.end())}};
  platform::HttpClientResponse last;
  for (const Connection& turn : turns) {
    auto response = Send(turn, "operator",
                         {.method = "POST",
                          .target = "/v1/suspension",
                          .content_type = "application/json",
                          .body = boost::json::serialize(order)});
    if (!response) return response;
    last = *std::move(response);
    if (&turn != &turns.back() && WasSaidBefore(last)) continue;
    if (last.status != kHttpAccepted) break;  // done, or no good
  }
  return last;
}

std::string OutcomeOf(const boost::json::object& answer) {
  const auto* outcome = answer.if_contains("outcome");
  return outcome != nullptr && outcome->is_string() ? std::string(outcome->get_string()) : "";
}

}  // namespace

int SuspendList(const Connection& connection, const SuspendOptions& options) {
  const auto subjects = ReadSubjects(options);
  if (!subjects) return Complain(connection, subjects.error());
  const std::vector<Connection> turns = TurnsOf(connection, options.as);
  Progress progress(options.lift ? "lifting" : "suspending", Progress::Unit::kRows);
  std::size_t done = 0;
  bool some_are_nobody = false;
  std::string outcome;
  while (done < subjects->size()) {
    const auto part = NextPart(std::span(*subjects).subspan(done));
    const auto response = SendPart(turns, options, part);
    if (!response || !IsGood(*response)) {
      progress.Clear();
      std::cerr << "acbctl: of " << subjects->size() << " the first " << done
                << " are done, and none after them\n";
      return response ? PrintAct(connection, *response, true)
                      : Complain(connection, response.error());
    }
    done += part.size();
    const boost::json::object answer = ParseObject(response->body);
    outcome = OutcomeOf(answer);
    some_are_nobody = some_are_nobody || answer.contains("matches_nothing");
    progress.Show(done, subjects->size());
  }
  progress.Clear();
  const boost::json::object answer{
      {"action", options.lift ? "lift" : "suspend"}, {"outcome", outcome}, {"subjects", done}};
  if (connection.json) {
    std::cout << boost::json::serialize(answer) << "\n";
  } else {
    PrintMembers(answer, "");
  }
  if (some_are_nobody) {
    std::cerr << "acbctl: warning: some of them are nobody that the box knows: the order is in "
                 "force, and stops nobody before one of that name comes\n";
  }
  return kGood;
}

}  // namespace acb::acbctl
