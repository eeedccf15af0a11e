#include "platform/firmware_check.h"

#include <algorithm>
#include <system_error>

namespace acb::platform {
namespace {

constexpr std::size_t kMostNamed = 10;

// In an explanation and an entry there is no room for thousands.
std::string FirstOf(const std::vector<std::string>& paths) {
  std::string text;
  for (std::size_t i = 0; i < std::min(paths.size(), kMostNamed); ++i) {
    text.append(i == 0 ? "" : ", ").append(paths[i]);
  }
  if (paths.size() > kMostNamed) {
    text += " and " + std::to_string(paths.size() - kMostNamed) + " more";
  }
  return text;
}

audit::List ListOf(const std::vector<std::string>& paths) {
  audit::List list;
  for (std::size_t i = 0; i < std::min(paths.size(), kMostNamed); ++i) list.emplace_back(paths[i]);
  return list;
}

// What the process runs is a file of the package: a copy elsewhere would leave the measured one as
// it was.
bool IsOfTheService(const FirmwareManifest& manifest, const std::filesystem::path& program,
                    const Sha256Digest& digest) {
  std::error_code error;
  const auto place = std::filesystem::canonical(program, error);
  if (error) return false;
  return std::ranges::any_of(manifest.files, [&](const ManifestFile& file) {
    std::error_code none;
    return file.package == kServicePackage && file.sha256 == digest &&
           std::filesystem::canonical(file.path, none) == place && !none;
  });
}

std::optional<std::string> WhatIsWrong(const FirmwareFindings& findings) {
  if (!findings.changed.empty()) {
    return "changed since its release: " + FirstOf(findings.changed);
  }
  if (!findings.missing.empty()) return "missing: " + FirstOf(findings.missing);
  if (std::ranges::find(findings.installed, kServicePackage) == findings.installed.end()) {
    return "the package " + std::string(kServicePackage) + " is not of the release";
  }
  return {};
}

Failure Wrong(std::string what) { return {Reason::kFirmwareHash, std::move(what)}; }

void Measure(const FirmwareManifest& manifest, const std::filesystem::path& program,
             FirmwareState& state) {
  const FirmwareFindings findings = MeasureFirmware(manifest, "/");
  std::error_code gone;
  const auto running = HashFile(std::filesystem::canonical(program, gone));
  state.release = manifest.release;
  state.record.emplace("release", std::to_string(manifest.release));
  state.record.emplace("version", manifest.version);
  state.record.emplace("commit", manifest.commit);
  state.record.emplace("manifest_sha256", ToHex(manifest.sha256));
  state.record.emplace("signer_sha256", ToHex(manifest.signer));
  state.record.emplace("files", std::to_string(findings.measured));
  if (running) state.record.emplace("program_sha256", ToHex(*running));
  if (!findings.edited.empty()) state.record.emplace("edited", ListOf(findings.edited));
  if (!findings.changed.empty()) state.record.emplace("changed", ListOf(findings.changed));
  if (!findings.missing.empty()) state.record.emplace("missing", ListOf(findings.missing));
  if (const auto wrong = WhatIsWrong(findings)) {
    state.failure = Wrong(*wrong);
  } else if (!running || !IsOfTheService(manifest, program, *running)) {
    state.failure = Wrong("the running program is not the one of the release");
  }
}

}  // namespace

void FirmwareState::CompareWithNewest(std::optional<std::uint64_t> newest) {
  if (!release || !newest || *release >= *newest) return;
  record.insert_or_assign("newest_release", std::to_string(*newest));
  // What is wrong with the files is said first.
  if (failure) return;
  failure = Wrong("release " + std::to_string(*release) + " is older than " +
                  std::to_string(*newest) + ", which was started here before");
  record.insert_or_assign("failure", failure->explanation);
}

FirmwareState MeasureAtStart(const FirmwareSettings& settings,
                             const std::filesystem::path& program) {
  FirmwareState state;
  state.checked = !settings.manifest.empty();
  state.record.emplace("checked", state.checked);
  if (!state.checked) return state;
  const auto manifest = ReadFirmwareManifest(settings.manifest, settings.key);
  if (manifest) {
    Measure(*manifest, program, state);
  } else {
    state.failure = manifest.error();
  }
  if (state.failure) state.record.emplace("failure", state.failure->explanation);
  return state;
}

}  // namespace acb::platform
