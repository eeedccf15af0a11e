// The commands of operators: quarantine and suspension.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tools/acbctl/remote.h"

namespace acb::acbctl {

struct QuarantineOptions {
  std::string id;
  std::string act;  // "release" or "delete"
  // Client certificates of two operators, each with its key beside it (NAME.pem, NAME.key). One:
  // the first word, and the answer says that another operator has to agree.
  std::vector<std::filesystem::path> as;
};

struct SuspendOptions {
  std::string scope;  // "all", "party", "device", "subject", "issuer"
  std::string subject;
  std::filesystem::path subjects;  // a file, instead of `subject` (order_list.h)
  std::string authority;
  std::string suspect_key;  // its label; empty: none
  std::vector<std::filesystem::path> as;
  bool lift = false;
};

// The connection with each operator's client certificate in turn, which has its key beside it
// (NAME.pem, NAME.key); with its own client's when `operators` is empty.
std::vector<Connection> TurnsOf(const Connection& connection,
                                const std::vector<std::filesystem::path>& operators);
// The answer to one operator's word, and the exit code. With --json one document is printed: the
// answer that was no good, or that to the last word.
int PrintAct(const Connection& connection, const platform::HttpClientResponse& response, bool last);
// This operator's word is there already, of a run that was cut or of one beside this: the next
// one's is wanted all the same.
bool WasSaidBefore(const platform::HttpClientResponse& response);
// Asks in each of these turns until it is done or one is refused, and prints each answer. `hear`
// gets each good one; `done`, where there is one, gets the answer that it is done in place of the
// printing, and gives the exit code.
using Ask = std::function<Result<platform::HttpClientResponse>(const Connection& turn)>;
int TakeTurns(const Connection& connection, const std::vector<std::filesystem::path>& operators,
              const Ask& ask,
              const std::function<void(const platform::HttpClientResponse&)>& hear = {},
              const std::function<int(const platform::HttpClientResponse&)>& done = {});
// The same request in each turn.
int SendAs(const Connection& connection, const std::vector<std::filesystem::path>& operators,
           const platform::HttpClientRequest& request,
           const std::function<void(const platform::HttpClientResponse&)>& hear = {});

// Each gives an exit code (remote.h).
int ListQuarantine(const Connection& connection, const std::string& from);
int DecideQuarantined(const Connection& connection, const QuarantineOptions& options);
int ListSuspensions(const Connection& connection);
int Suspend(const Connection& connection, const SuspendOptions& options);

}  // namespace acb::acbctl
