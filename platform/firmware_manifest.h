// What a release consists of, as its maker signed it, and what is installed in its place
// (R-SEC3-55).
//
// The manifest is JSON: a release number that never decreases, and path and SHA-256 of every file
// of the packages. Beside it lies MANIFEST.sig: ECDSA P-256 with SHA-256 over its octets, DER
// (platform/packaging/manifest.py makes both).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/base/p256.h"
#include "firmware/base/result.h"
#include "firmware/base/sha256.h"

namespace acb::platform {

enum class ManifestKind : std::uint8_t {
  kProgram,
  kConfiguration,  // the site changes it
  kDocumentation   // a site may leave it out
};

struct ManifestFile {
  std::string path;  // absolute, on the machine where it is installed
  std::string package;
  ManifestKind kind = ManifestKind::kProgram;
  Sha256Digest sha256{};
};

struct FirmwareManifest {
  std::string version;
  std::uint64_t release = 0;
  std::string commit;
  std::vector<ManifestFile> files;
  Sha256Digest sha256{};  // of the manifest's octets
  Sha256Digest signer{};  // of the release key, an uncompressed point
};

// Fails with kFirmwareHash: not such a file, a member that is missing, unknown or twice, a path
// that is not absolute or leads upwards, more than kMaxManifestFiles.
inline constexpr std::size_t kMaxManifestFiles = 10'000;
Result<FirmwareManifest> ParseFirmwareManifest(std::string_view text);

// The manifest in `file`, whose signature in `file`.sig verifies with the public key in `key` (PEM,
// P-256). The signature is looked at before the content. Fails with kFirmwareHash, and says which
// of the three files is missing or wrong.
Result<FirmwareManifest> ReadFirmwareManifest(const std::filesystem::path& file,
                                              const std::filesystem::path& key);

// What a manifest's packages look like below `root`. A package of which no program is there is not
// installed, and none of its files is looked for.
struct FirmwareFindings {
  std::size_t measured = 0;  // files whose SHA-256 was compared
  std::vector<std::string> missing;
  std::vector<std::string> changed;
  std::vector<std::string> edited;         // configuration that is not as it came: the site's right
  std::vector<std::string> left_out;       // documentation
  std::vector<std::string> installed;      // packages
  std::vector<std::string> not_installed;  // packages

  bool good() const { return missing.empty() && changed.empty() && !installed.empty(); }
};
// Reads every file. What is no regular file, or cannot be read, is `changed`.
FirmwareFindings MeasureFirmware(const FirmwareManifest& manifest,
                                 const std::filesystem::path& root);

// Nothing when it cannot be read, or is no regular file; a symbolic link in the last place is not
// followed.
std::optional<Sha256Digest> HashFile(const std::filesystem::path& file);

}  // namespace acb::platform
