// What operators do, as the audit log names it (member `act`). Whoever writes an entry and whoever
// replays the log (replay.cc) take the name from here.
#pragma once

#include <string_view>

namespace acb::store::acts {

// Of kind `operator`; a release that is complete is of kind `released`.
inline constexpr std::string_view kSuspend = "suspend";
inline constexpr std::string_view kLift = "lift";
inline constexpr std::string_view kQuarantineRelease = "quarantine-release";
inline constexpr std::string_view kQuarantineDelete = "quarantine-delete";
inline constexpr std::string_view kCounterRaise = "counter-raise";
inline constexpr std::string_view kCountersImport = "counters-import";
inline constexpr std::string_view kRecover = "recover";

// Of kind `export`.
inline constexpr std::string_view kCountersExport = "counters-export";
inline constexpr std::string_view kBackup = "backup";
inline constexpr std::string_view kAuditExport = "audit-export";

}  // namespace acb::store::acts
