// The commands that talk to a running acbd.
#pragma once

#include <boost/json/fwd.hpp>
#include <filesystem>
#include <optional>
#include <string>

#include "firmware/base/result.h"
#include "platform/https_client.h"

namespace acb::acbctl {

// How to reach the box: a directory that `provision` made, or each part by name.
struct Connection {
  std::filesystem::path directory;  // used for what the others leave open
  std::string url;
  std::filesystem::path ca;
  std::filesystem::path certificate;
  std::filesystem::path key;
  bool json = false;  // print what the service answered, as it is
};

// Exit codes of every command.
inline constexpr int kGood = 0;
inline constexpr int kRefused = 1;  // refused, or failed
inline constexpr int kUsage = 2;

struct SubmitOptions {
  std::filesystem::path file;
  std::filesystem::path out;  // the command in hex; empty: standard output
  std::string proposed_counter;
  bool dry_run = false;  // every check, nothing spent or signed
};

// Each prints its result to standard output, or what is wrong to standard error, and gives an exit
// code.
int Import(const Connection& connection, const std::string& feed,
           const std::filesystem::path& file);
int Submit(const Connection& connection, const SubmitOptions& options);
int ShowDevice(const Connection& connection, const std::string& device);
int ShowStatus(const Connection& connection);

// Sends with the client certificate that `provision` made for `role`, unless the connection names
// another.
Result<platform::HttpClientResponse> Send(const Connection& connection, const std::string& role,
                                          const platform::HttpClientRequest& request);
// An object without members when the text is no JSON object.
boost::json::object ParseObject(const std::string& body);
// A problem document in words, on standard error. Gives kRefused.
int PrintProblem(const platform::HttpClientResponse& response);
// With --json, or when it is not 200: prints it and gives the exit code.
std::optional<int> PrintRaw(const Connection& connection,
                            const platform::HttpClientResponse& response);
// A value as it is shown to people: a text without quotes, control characters as \uXXXX. Whoever
// sent it may not be who reads it.
std::string Shown(const boost::json::value& value);
void PrintMembers(const boost::json::object& object, const std::string& indent);

// Whole file, at most `limit` octets. kConfiguration, naming the file.
Result<std::string> ReadWhole(const std::filesystem::path& file, std::uintmax_t limit);
// What went wrong and where, on standard error. Gives kRefused.
int Complain(const Failure& failure);
// The same of a command to a running box: with --json as Refuse does.
int Complain(const Connection& connection, const Failure& failure);
// How the command was misused, on standard error. Gives kUsage.
int Misused(const std::string& how, bool json = false);
// The same of a command that may have --json: then also as Refuse does.
int Misused(const Connection& connection, const std::string& how);
// What went wrong, with the reason's name; with `json` an object {reason, explanation} on standard
// output.
int Refuse(const Failure& failure, bool json);

}  // namespace acb::acbctl
