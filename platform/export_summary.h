// The page of an export that a reader without tools opens first.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "platform/audit_export.h"

namespace acb::platform {

// Of the entries, as they are written.
struct ExportCounts {
  std::map<std::string, std::uint64_t, std::less<>> kinds;
  std::string first_time;
  std::string last_time;
  std::string environment;
  std::uint64_t withheld = 0;

  void See(std::string_view kind, std::string_view time, std::string_view marked);
};

// Plain words, no script, nothing from outside; the same for the same export.
std::string SummaryHtml(const ExportRange& range, std::string_view redaction,
                        std::string_view origin, const ExportCounts& counts);

}  // namespace acb::platform
