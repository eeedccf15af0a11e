// acbctl audit export: the log, for a reviewer to take home.
#pragma once

#include "tools/acbctl/remote.h"

namespace acb::acbctl {

struct AuditExportOptions {
  std::string from;  // an index, a time or a date; empty: the log's beginning
  std::string to;    // likewise, not in it; empty: the log's end
  std::string redaction;
  std::filesystem::path out;
  bool replace = false;  // a file of that name is replaced
};

// Gives an exit code (remote.h).
int ExportAudit(const Connection& connection, const AuditExportOptions& options);

}  // namespace acb::acbctl
