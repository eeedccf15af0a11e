// Hands the box what was observed: a command and the device's answer.
#pragma once

#include <filesystem>

#include "tools/acbctl/remote.h"

namespace acb::acbctl {

struct ObserveOptions {
  // GBCS octets as they are, in hex, or in base64.
  std::filesystem::path command;
  std::filesystem::path response;         // Response or Alert
  std::filesystem::path service_request;  // XML
};

// Prints what was recorded. kUsage when neither command nor response is named.
int Observe(const Connection& connection, const ObserveOptions& options);

}  // namespace acb::acbctl
