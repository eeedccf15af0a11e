// The commands about counters: what is recorded, one for a command made elsewhere, raise-only
// repair.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tools/acbctl/remote.h"

namespace acb::acbctl {

struct ReserveOptions {
  std::string device;
  std::string purpose;
  std::string proposed_counter;
};

struct RaiseOptions {
  std::string device;
  std::string to;
  std::string role = "all";  // "all": what was issued; "supplier", "networkoperator": that floor
  std::string reason;
  std::vector<std::filesystem::path> as;  // as QuarantineOptions
};

// Each gives an exit code (remote.h).
int ShowCounters(const Connection& connection, const std::string& device);
int ReserveCounter(const Connection& connection, const ReserveOptions& options);
int RaiseCounter(const Connection& connection, const RaiseOptions& options);

}  // namespace acb::acbctl
