#include "tools/acbctl/remote.h"

#include <boost/json.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>

#include "firmware/base/base64.h"
#include "firmware/base/eui64.h"
#include "firmware/base/utf8.h"
#include "firmware/records.h"
#include "platform/config.h"
#include "platform/https_client.h"
#include "tools/acbctl/upload.h"

namespace acb::acbctl {
namespace {

using platform::HttpClientRequest;
using platform::HttpClientResponse;
using platform::HttpsClient;

constexpr std::uintmax_t kMaxRequestFile = 16u * 1024 * 1024;
constexpr std::uintmax_t kMaxFeedFile = std::uintmax_t{16} << 30;  // what acbd takes by default

// `role` names the client certificate that `provision` made for it.
Result<HttpsClient> Connect(const Connection& connection, const std::string& role) {
  platform::HttpsClientSettings settings;
  const std::filesystem::path tls = connection.directory / "tls";
  settings.ca = connection.ca.empty() ? tls / "ca.pem" : connection.ca;
  settings.certificate =
      connection.certificate.empty() ? tls / (role + ".pem") : connection.certificate;
  settings.key = connection.key.empty() ? tls / (role + ".key") : connection.key;
  // An import is answered when it is on disk: millions of rows take minutes.
  settings.response_deadline = std::chrono::minutes(60);
  if (!connection.url.empty()) {
    auto url = platform::ParseServerUrl(connection.url);
    if (!url) return std::move(url).error();
    settings.host = url->host;
    settings.port = url->port;
  } else {
    auto config = platform::LoadConfig(connection.directory / "acbd.toml");
    if (!config) return std::move(config).error();
    settings.host = config->listen_address;
    settings.port = config->listen_port;
  }
  return HttpsClient::Create(std::move(settings));
}

std::string TextOf(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(name);
  if (value == nullptr) return {};
  return Shown(*value);
}

void PrintRejects(const boost::json::object& answer) {
  const auto* rejects = answer.if_contains("rejects");
  if (rejects == nullptr || !rejects->is_array()) return;
  for (const boost::json::value& reject : rejects->get_array()) {
    if (!reject.is_object()) continue;
    std::cerr << "  line " << TextOf(reject.get_object(), "line") << ": "
              << TextOf(reject.get_object(), "reason") << "\n";
  }
}

bool IsPemOrDerFeed(const std::string& feed) {
  return feed == "organisation-certificates" || feed == "device-certificates" ||
         feed == "revocation-lists";
}

// What the octets of a dry run got when they were judged.
int PrintEarlier(const boost::json::object& earlier) {
  const std::string outcome = TextOf(earlier, "outcome");
  std::cout << "  " << outcome;
  if (outcome == "signed")
    std::cout << ", originator counter " << TextOf(earlier, "originator_counter");
  if (earlier.contains("reason")) {
    std::cout << ", " << TextOf(earlier, "reason") << " (DUIS code "
              << TextOf(earlier, "response_code") << ")";
  }
  if (earlier.contains("detail")) std::cout << "\n    " << TextOf(earlier, "detail");
  std::cout << "\n  a retry gets that answer\n";
  return outcome == "signed" ? kGood : kRefused;
}

bool IsGoodDryRun(const boost::json::object& answer) {
  const auto* earlier = answer.if_contains("answer");
  return TextOf(answer, "outcome") == "would be signed" ||
         (earlier && earlier->is_object() && TextOf(earlier->get_object(), "outcome") == "signed");
}

// Where the command goes, in hex; without a path nowhere. One that cannot be written is told before
// anything is sent: the counter would be spent. What it held stays until there is a command.
class CommandFile {
 public:
  explicit CommandFile(std::filesystem::path path) : path_(std::move(path)) {}
  CommandFile(const CommandFile&) = delete;
  CommandFile& operator=(const CommandFile&) = delete;
  ~CommandFile() {
    std::error_code ignored;
    if (is_new_) std::filesystem::remove(path_, ignored);
  }

  Status Open() {
    if (path_.empty()) return Done{};
    std::error_code ignored;
    const bool there = std::filesystem::exists(path_, ignored);
    if (!std::ofstream(path_, std::ios::app)) {
      return Failure(Reason::kConfiguration,
                     "cannot write " + path_.string() + "; nothing was sent");
    }
    is_new_ = !there;
    return Done{};
  }
  Status Write(const Bytes& command) {
    if (path_.empty()) return Done{};
    is_new_ = false;
    std::ofstream out(path_);
    out << ToHex(command) << "\n";
    if (out.flush()) return Done{};
    return Failure(Reason::kConfiguration, "cannot write " + path_.string() +
                                               "; it is signed: send the same request again");
  }

 private:
  std::filesystem::path path_;
  bool is_new_ = false;  // and has nothing in it yet
};

}  // namespace

Result<HttpClientResponse> Send(const Connection& connection, const std::string& role,
                                const HttpClientRequest& request) {
  auto client = Connect(connection, role);
  if (!client) return std::move(client).error();
  return client->Send(request);
}

boost::json::object ParseObject(const std::string& body) {
  boost::json::error_code error;
  const boost::json::value value = boost::json::parse(body, error);
  return !error && value.is_object() ? value.get_object() : boost::json::object();
}

std::string Shown(const boost::json::value& value) {
  return EscapeControl(value.is_string() ? std::string(value.get_string())
                                         : boost::json::serialize(value));
}

int PrintProblem(const HttpClientResponse& response) {
  const boost::json::object problem = ParseObject(response.body);
  std::cerr << "refused: " << TextOf(problem, "reason") << " (HTTP " << response.status
            << ", DUIS code " << TextOf(problem, "response_code") << ")\n  "
            << TextOf(problem, "title") << "\n";
  if (problem.contains("detail")) std::cerr << "  " << TextOf(problem, "detail") << "\n";
  PrintRejects(problem);
  if (const auto* audit = problem.if_contains("audit"); audit && audit->is_object()) {
    std::cerr << "  audit entry " << TextOf(audit->get_object(), "index") << "\n";
  }
  if (const auto wait = response.Header("Retry-After")) {
    std::cerr << "  nothing is decided: try again after " << *wait << " s\n";
  }
  return kRefused;
}

std::optional<int> PrintRaw(const Connection& connection, const HttpClientResponse& response) {
  if (connection.json) {
    std::cout << response.body << (response.body.ends_with('\n') ? "" : "\n");
    return response.status == 200 ? kGood : kRefused;
  }
  if (response.status != 200) return PrintProblem(response);
  return std::nullopt;
}

void PrintMembers(const boost::json::object& object, const std::string& indent) {
  for (const auto& [name, value] : object) {
    if (value.is_object()) {
      std::cout << indent << EscapeControl(name) << ":\n";
      PrintMembers(value.get_object(), indent + "  ");
    } else if (value.is_array() && !value.get_array().empty() && value.get_array()[0].is_object()) {
      std::cout << indent << EscapeControl(name) << ":\n";
      for (const boost::json::value& item : value.get_array()) {
        if (item.is_object()) PrintMembers(item.get_object(), indent + "  ");
      }
    } else {
      std::cout << indent << EscapeControl(name) << ": " << Shown(value) << "\n";
    }
  }
}

Result<std::string> ReadWhole(const std::filesystem::path& file, std::uintmax_t limit) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  std::ifstream in(file, std::ios::binary);
  if (error || !in) {
    return Failure(Reason::kConfiguration,
                   "cannot read " + file.string() + (error ? ": " + error.message() : ""));
  }
  if (size > limit) {
    return Failure(Reason::kTooLarge, file.string() + " has " + std::to_string(size) +
                                          " octets, more than " + std::to_string(limit));
  }
  return std::string(std::istreambuf_iterator<char>(in), {});
}

int Complain(const Failure& failure) {
  std::cerr << "acbctl: "
            << (failure.explanation.empty() ? std::string(Describe(failure.reason).sentence)
                                            : failure.explanation)
            << (failure.detail.empty() ? "" : " (" + failure.detail + ")") << "\n";
  return kRefused;
}

int Complain(const Connection& connection, const Failure& failure) {
  return connection.json ? Refuse(failure, true) : Complain(failure);
}

int Misused(const std::string& how, bool json) {
  if (json) Refuse(Failure(Reason::kMalformed, how), true);
  std::cerr << "acbctl: " << how << "\n";
  return kUsage;
}

int Misused(const Connection& connection, const std::string& how) {
  return Misused(how, connection.json);
}

int Refuse(const Failure& failure, bool json) {
  const ReasonInfo& info = Describe(failure.reason);
  const std::string text =
      (failure.explanation.empty() ? std::string(info.sentence) : failure.explanation) +
      (failure.detail.empty() ? "" : " (" + failure.detail + ")");
  if (json) {
    std::cout << boost::json::serialize(
                     boost::json::object{{"reason", info.name}, {"explanation", text}})
              << "\n";
  } else {
    std::cerr << "refused: " << info.name << "\n  " << text << "\n";
  }
  return kRefused;
}

int Import(const Connection& connection, const std::string& feed,
           const std::filesystem::path& file) {
  if (!FeedFromName(feed)) {
    return Misused(connection,
                   "there is no feed '" + feed + "': 'acbctl import --help' names them all");
  }
  auto upload = Upload::Open(file, kMaxFeedFile);
  if (!upload) return Complain(connection, upload.error());
  const auto response =
      Send(connection, "feed",
           {.method = "POST",
            .target = "/v1/feeds/" + feed,
            .content_type = IsPemOrDerFeed(feed) ? "application/octet-stream" : "text/csv",
            .source = platform::HttpBodySource{
                .size = upload->size(),
                .read = [&upload](std::span<std::uint8_t> into) { return upload->Read(into); }}});
  upload->EndProgress();
  if (!response) return Complain(connection, response.error());
  const boost::json::object answer = ParseObject(response->body);
  // R-SEC3-73: one feed takes a file without its wrong rows. Who sent it has something to mend.
  const std::string rejected = TextOf(answer, "rejected");
  const bool whole = rejected.empty() || rejected == "0";
  if (const auto done = PrintRaw(connection, *response)) return whole ? *done : kRefused;
  std::cout << "imported " << feed << ": " << TextOf(answer, "rows") << " rows, "
            << TextOf(answer, "changed") << " changed\n";
  if (whole) return kGood;
  std::cerr << "rejected: " << rejected << " rows of the file are wrong and were left out\n";
  PrintRejects(answer);
  return kRefused;
}

// What each check of a dry run said.
int PrintDryRun(const boost::json::object& answer) {
  std::cout << "dry run: " << TextOf(answer, "outcome") << "\n";
  if (const auto* earlier = answer.if_contains("answer"); earlier && earlier->is_object()) {
    return PrintEarlier(earlier->get_object());
  }
  bool good = true;
  const auto* checks = answer.if_contains("checks");
  if (checks == nullptr || !checks->is_array()) return kRefused;
  for (const boost::json::value& item : checks->get_array()) {
    if (!item.is_object()) continue;
    const boost::json::object& check = item.get_object();
    std::cout << "  " << TextOf(check, "check") << ": " << TextOf(check, "outcome");
    if (check.contains("reason")) {
      good = false;
      std::cout << ", " << TextOf(check, "reason") << " (DUIS code "
                << TextOf(check, "response_code") << ")\n    " << TextOf(check, "sentence");
      if (check.contains("detail")) std::cout << "\n    " << TextOf(check, "detail");
    }
    std::cout << "\n";
  }
  return good ? kGood : kRefused;
}

int Submit(const Connection& connection, const SubmitOptions& options) {
  const auto request = ReadWhole(options.file, kMaxRequestFile);
  if (!request) return Complain(connection, request.error());
  CommandFile out(options.dry_run ? std::filesystem::path() : options.out);
  if (Status opened = out.Open(); !opened) return Complain(connection, opened.error());
  HttpClientRequest post{.method = "POST",
                         .target = options.dry_run ? "/v1/handovers?dry_run=true" : "/v1/handovers",
                         .content_type = "application/xml",
                         .body = *request};
  if (!options.proposed_counter.empty()) {
    post.headers.push_back({"X-Originator-Counter", options.proposed_counter});
  }
  const auto response = Send(connection, "dsp", post);
  if (!response) return Complain(connection, response.error());
  const boost::json::object answer = ParseObject(response->body);
  if (options.dry_run && response->status == 200) {
    if (!connection.json) return PrintDryRun(answer);
    std::cout << response->body << "\n";
    return IsGoodDryRun(answer) ? kGood : kRefused;
  }
  if (response->status == 202 && !connection.json) {
    std::cerr << "quarantined: " << TextOf(answer, "detail") << "\n  number "
              << TextOf(answer, "quarantine") << ": two operators release or delete it; then send "
              << "the same request again\n";
    return kRefused;
  }
  const Bytes command = FromBase64(TextOf(answer, "command")).value_or(Bytes());
  if (response->status == 200) {
    if (Status kept = out.Write(command); !kept) return Complain(connection, kept.error());
  }
  if (const auto done = PrintRaw(connection, *response)) return *done;
  std::cout << "signed: " << TextOf(answer, "role") << " handover of " << TextOf(answer, "device")
            << ", originator counter " << TextOf(answer, "originator_counter") << ", "
            << command.size() << " octets, audit entry "
            << TextOf(ParseObject(TextOf(answer, "audit")), "index") << "\n";
  if (options.out.empty()) std::cout << ToHex(command) << "\n";
  return kGood;
}

int ShowDevice(const Connection& connection, const std::string& device) {
  const auto id = Eui64::FromText(device);
  if (!id) {
    return Misused(connection,
                   "'" + device + "' is not an EUI-64: 16 hex digits, or 8 pairs with '-'");
  }
  const auto response =
      Send(connection, "dsp", {.method = "GET", .target = "/v1/devices/" + id->Plain()});
  if (!response) return Complain(connection, response.error());
  if (const auto done = PrintRaw(connection, *response)) return *done;
  PrintMembers(ParseObject(response->body), "");
  return kGood;
}

int ShowStatus(const Connection& connection) {
  const auto response = Send(connection, "operator", {.method = "GET", .target = "/readyz"});
  if (!response) return Complain(connection, response.error());
  if (connection.json) return *PrintRaw(connection, *response);
  PrintMembers(ParseObject(response->body), "");
  return response->status == 200 ? kGood : kRefused;
}

}  // namespace acb::acbctl
