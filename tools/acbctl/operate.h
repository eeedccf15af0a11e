// The commands of operators: quarantine and suspension.
#pragma once

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
  std::string authority;
  std::vector<std::filesystem::path> as;
  bool lift = false;
};

// Each gives an exit code (remote.h).
int ListQuarantine(const Connection& connection);
int DecideQuarantined(const Connection& connection, const QuarantineOptions& options);
int ListSuspensions(const Connection& connection);
int Suspend(const Connection& connection, const SuspendOptions& options);

}  // namespace acb::acbctl
