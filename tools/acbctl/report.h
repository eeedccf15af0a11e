// The lists that the service makes for auditors.
#pragma once

#include <string>

#include "tools/acbctl/remote.h"

namespace acb::acbctl {

// All pages of GET /v1/reports/`name`: as aligned text, or with --json each page as it is, one a
// line. Gives an exit code (remote.h).
int ShowReport(const Connection& connection, const std::string& name);

}  // namespace acb::acbctl
