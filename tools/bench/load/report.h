// What a run of the load driver showed, as text and as JSON.
#pragma once

#include <optional>
#include <string>

#include "tools/bench/load/load.h"

namespace acb::bench {

struct Report {
  const LoadPlan& plan;
  const LoadResult& result;
  std::size_t devices;
  double client_cpu_seconds;
  std::optional<double> server_cpu_seconds;
  std::uint64_t server_anonymous_octets;  // at the end
};

std::string AsText(const Report& report);
std::string AsJson(const Report& report);

}  // namespace acb::bench
