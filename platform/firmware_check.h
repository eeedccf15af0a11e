// acbd measures itself at its start, before it opens anything (R-SEC3-55).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "firmware/audit/entry.h"
#include "firmware/base/result.h"
#include "platform/firmware_manifest.h"

namespace acb::platform {

// The name of the package that acbd is in.
inline constexpr std::string_view kServicePackage = "acbd";

struct FirmwareSettings {
  std::filesystem::path manifest;  // empty: nothing is measured (environment test alone)
  std::filesystem::path key;
};

struct FirmwareState {
  // For the `start` entry: release, version, commit, SHA-256 of manifest, signer and running
  // program, and what was found.
  audit::Object record;
  bool checked = false;                  // false: there was nothing to measure against
  std::optional<std::uint64_t> release;  // of a manifest whose signature is good
  std::optional<Failure> failure;        // kFirmwareHash: nothing is signed in this run

  // A release that is older than the newest that was ever started here is no better than a changed
  // one: what was mended since is back.
  void CompareWithNewest(std::optional<std::uint64_t> newest);
};

// Reads the manifest, every installed file that it names, and `program`, the file of the running
// process, which has to be one of them.
FirmwareState MeasureAtStart(const FirmwareSettings& settings,
                             const std::filesystem::path& program = "/proc/self/exe");

}  // namespace acb::platform
