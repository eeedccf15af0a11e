#include "tools/acbctl/firmware.h"

#include <boost/json.hpp>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "platform/firmware_manifest.h"
#include "tools/acbctl/remote.h"

namespace acb::acbctl {
namespace {

using platform::FirmwareFindings;
using platform::FirmwareManifest;

// What is installed, when it is newer. An installed manifest that is missing or not signed by the
// key stands in nobody's way: it may be of another maker, and what it says is worth nothing.
std::optional<std::uint64_t> NewerInstalled(const FirmwareOptions& options,
                                            const FirmwareManifest& offered) {
  const auto installed = platform::ReadFirmwareManifest(options.installed, options.key);
  if (!installed || installed->release <= offered.release) return {};
  return installed->release;
}

boost::json::array ToJson(const std::vector<std::string>& texts) {
  return boost::json::array(texts.begin(), texts.end());
}

void PrintJson(const FirmwareManifest& manifest, const FirmwareFindings& found,
               std::optional<std::uint64_t> newer, bool good) {
  boost::json::object json{{"good", good},
                           {"version", manifest.version},
                           {"release", std::to_string(manifest.release)},
                           {"commit", manifest.commit},
                           {"manifest_sha256", ToHex(manifest.sha256)},
                           {"signer_sha256", ToHex(manifest.signer)},
                           {"measured", std::to_string(found.measured)},
                           {"missing", ToJson(found.missing)},
                           {"changed", ToJson(found.changed)},
                           {"edited", ToJson(found.edited)},
                           {"left_out", ToJson(found.left_out)},
                           {"packages", ToJson(found.installed)},
                           {"absent_packages", ToJson(found.not_installed)}};
  if (newer) json["installed_release"] = std::to_string(*newer);
  std::cout << boost::json::serialize(json) << "\n";
}

void PrintEach(std::ostream& out, const char* what, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) out << what << " " << path << "\n";
}

void PrintReport(const FirmwareManifest& manifest, const FirmwareFindings& found,
                 const FirmwareOptions& options, std::optional<std::uint64_t> newer, bool good) {
  std::cout << "release " << manifest.release << ", version " << manifest.version << ", commit "
            << manifest.commit << ": signed by the key in " << options.key.string() << "\n";
  PrintEach(std::cerr, "missing:", found.missing);
  PrintEach(std::cerr, "changed:", found.changed);
  if (newer) {
    std::cerr << "older: release " << *newer << " is installed (" << options.installed.string()
              << "), and a box refuses one that is older than it has run\n";
  }
  if (found.installed.empty()) {
    std::cerr << "nothing of it is in " << options.root.string()
              << ": unpack its packages there (dpkg-deb -x), or name another place with --root\n";
  }
  PrintEach(std::cout, "not as it came (configuration):", found.edited);
  PrintEach(std::cout, "left out (documentation):", found.left_out);
  PrintEach(std::cout, "package not there:", found.not_installed);
  if (!good) return;
  std::cout << found.measured << " files of " << found.installed.size()
            << " packages are as it says\n";
}

}  // namespace

int VerifyFirmware(const FirmwareOptions& options) {
  const auto manifest = platform::ReadFirmwareManifest(options.manifest, options.key);
  if (!manifest) return Refuse(manifest.error(), options.json);
  const FirmwareFindings found = platform::MeasureFirmware(*manifest, options.root);
  const auto newer = NewerInstalled(options, *manifest);
  const bool good = found.good() && !newer;
  if (options.json) {
    PrintJson(*manifest, found, newer, good);
  } else {
    PrintReport(*manifest, found, options, newer, good);
  }
  return good ? kGood : kRefused;
}

}  // namespace acb::acbctl
