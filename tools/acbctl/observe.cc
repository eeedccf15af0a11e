#include "tools/acbctl/observe.h"

#include <algorithm>
#include <boost/json.hpp>
#include <iostream>

#include "firmware/base/base64.h"

namespace acb::acbctl {
namespace {

constexpr std::uintmax_t kMaxMessageFile = 1024 * 1024;
// First octets of a GBCS message: MAC Header, Grouping Header.
constexpr std::uint8_t kMacHeader = 0xDD;
constexpr std::uint8_t kGroupingHeader = 0xDF;

// A GBCS message begins with an octet that no text has.
std::optional<Bytes> Decode(const std::string& content) {
  const BytesView octets = AsBytes(content);
  if (!octets.empty() && (octets.front() == kMacHeader || octets.front() == kGroupingHeader)) {
    return ToBytes(octets);
  }
  std::string digits;
  std::ranges::copy_if(content, std::back_inserter(digits),
                       [](char c) { return c != ' ' && c != '\t' && c != '\r' && c != '\n'; });
  if (auto hex = FromHex(digits)) return hex;
  return FromBase64(content);
}

Status AddMessage(const std::filesystem::path& file, const char* member,
                  boost::json::object& body) {
  if (file.empty()) return Done{};
  const auto content = ReadWhole(file, kMaxMessageFile);
  if (!content) return content.error();
  const auto octets = Decode(*content);
  if (!octets || octets->empty()) {
    return Failure(Reason::kMalformed,
                   file.string() + " holds no GBCS message: octets, hex or base64 are expected");
  }
  body[member] = ToBase64(*octets);
  return Done{};
}

Result<boost::json::object> BodyOf(const ObserveOptions& options) {
  boost::json::object body;
  if (Status added = AddMessage(options.command, "command", body); !added) return added.error();
  if (Status added = AddMessage(options.response, "response", body); !added) return added.error();
  if (options.service_request.empty()) return body;
  const auto request = ReadWhole(options.service_request, kMaxMessageFile);
  if (!request) return request.error();
  body["service_request"] = ToBase64(AsBytes(*request));
  return body;
}

std::string TextOf(const boost::json::object& object, std::string_view name,
                   std::string_view otherwise) {
  const boost::json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return std::string(otherwise);
  return Shown(*value);
}

void PrintCells(const boost::json::object& answer) {
  const boost::json::value* cells = answer.if_contains("cells");
  if (cells == nullptr || !cells->is_array()) return;
  for (const boost::json::value& item : cells->get_array()) {
    if (!item.is_object()) continue;
    const boost::json::object& cell = item.get_object();
    std::cout << "  " << TextOf(cell, "role", "?") << ": " << TextOf(cell, "result", "?") << ", "
              << TextOf(cell, "before", "unknown") << " -> " << TextOf(cell, "after", "unknown")
              << ", floor " << TextOf(cell, "floor", "not known") << "\n";
    if (cell.contains("quarantined")) {
      std::cout << "    " << TextOf(cell, "quarantined", "?")
                << " was not applied: it waits for two operators (acbctl quarantine list)\n";
    }
  }
}

void PrintNames(const boost::json::object& answer, std::string_view member) {
  const boost::json::value* names = answer.if_contains(member);
  if (names == nullptr || !names->is_array() || names->get_array().empty()) return;
  std::cout << "  " << member << ":";
  for (const boost::json::value& name : names->get_array()) {
    std::cout << " " << (name.is_string() ? Shown(name) : "?");
  }
  std::cout << "\n";
}

}  // namespace

int Observe(const Connection& connection, const ObserveOptions& options) {
  if (options.command.empty() && options.response.empty()) {
    return Misused(connection,
                   "name a command, a response or both: --command FILE, --response FILE");
  }
  const auto body = BodyOf(options);
  if (!body) return Complain(connection, body.error());
  const auto response = Send(connection, "northbound",
                             {.method = "POST",
                              .target = "/v1/observations",
                              .content_type = "application/json",
                              .body = boost::json::serialize(*body)});
  if (!response) return Complain(connection, response.error());
  if (const auto done = PrintRaw(connection, *response)) return *done;
  const boost::json::object answer = ParseObject(response->body);
  std::cout << "recorded: device " << TextOf(answer, "device", "?") << ", originator "
            << TextOf(answer, "originator", "?") << ", originator counter "
            << TextOf(answer, "originator_counter", "?") << ", " << TextOf(answer, "stage", "?")
            << "\n";
  PrintCells(answer);
  PrintNames(answer, "observations");
  PrintNames(answer, "alarms");
  return kGood;
}

}  // namespace acb::acbctl
