#include "tools/acbctl/firmware.h"

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <iostream>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "platform/firmware_manifest.h"
#include "tools/acbctl/remote.h"

namespace acb::acbctl {
namespace {

using platform::FirmwareFindings;
using platform::FirmwareManifest;

// What is installed. A manifest that is missing or not signed by the key stands in nobody's way: it
// may be of another maker, and what it says is worth nothing. That is said.
struct Installed {
  std::optional<std::uint64_t> newer;  // release
  std::string not_compared;            // why; empty: compared, or there is none
};
Installed CompareWithInstalled(const FirmwareOptions& options, const FirmwareManifest& offered) {
  std::error_code none;
  if (!std::filesystem::exists(options.installed, none)) return {};
  const auto installed = platform::ReadFirmwareManifest(options.installed, options.key);
  if (!installed) return {.newer = {}, .not_compared = installed.error().explanation};
  if (installed->release <= offered.release) return {};
  return {.newer = installed->release, .not_compared = {}};
}

// Where the release's own manifest lies in its packages: it cannot list itself.
constexpr std::string_view kOwnManifest = "/usr/share/acbd/manifest.json";
constexpr std::string_view kOwnSignature = "/usr/share/acbd/manifest.json.sig";

// What lies below `root`, where packages were unpacked, and is not of the release: it would be
// installed with the rest. Links are named, not followed. On a running system everything else is.
std::vector<std::string> Unlisted(const FirmwareManifest& manifest,
                                  const std::filesystem::path& root) {
  namespace fs = std::filesystem;
  std::vector<std::string> unlisted;
  if (root == root.root_path()) return unlisted;
  std::set<std::string> listed = {std::string(kOwnSignature)};
  for (const platform::ManifestFile& file : manifest.files) listed.insert(file.path);
  std::error_code error;
  for (fs::recursive_directory_iterator at(root, error), end; !error && at != end;
       at.increment(error)) {
    std::error_code none;
    if (at->symlink_status(none).type() == fs::file_type::directory) continue;
    const std::string path = "/" + at->path().lexically_relative(root).generic_string();
    const bool own = path == kOwnManifest && platform::HashFile(at->path()) == manifest.sha256;
    if (!own && !listed.contains(path)) unlisted.push_back(path);
  }
  if (error) unlisted.push_back(root.string() + " (not read to its end: " + error.message() + ")");
  std::ranges::sort(unlisted);
  return unlisted;
}

boost::json::array ToJson(const std::vector<std::string>& texts) {
  return boost::json::array(texts.begin(), texts.end());
}

void PrintJson(const FirmwareManifest& manifest, const FirmwareFindings& found,
               const std::vector<std::string>& unlisted, const Installed& installed, bool good) {
  boost::json::object json{{"good", good},
                           {"version", manifest.version},
                           {"release", std::to_string(manifest.release)},
                           {"commit", manifest.commit},
                           {"manifest_sha256", ToHex(manifest.sha256)},
                           {"signer_sha256", ToHex(manifest.signer)},
                           {"measured", std::to_string(found.measured)},
                           {"missing", ToJson(found.missing)},
                           {"changed", ToJson(found.changed)},
                           {"unlisted", ToJson(unlisted)},
                           {"edited", ToJson(found.edited)},
                           {"left_out", ToJson(found.left_out)},
                           {"packages", ToJson(found.installed)},
                           {"absent_packages", ToJson(found.not_installed)}};
  if (installed.newer) json["installed_release"] = std::to_string(*installed.newer);
  if (!installed.not_compared.empty()) json["installed_not_compared"] = installed.not_compared;
  std::cout << boost::json::serialize(json) << "\n";
}

void PrintEach(std::ostream& out, const char* what, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) out << what << " " << path << "\n";
}

void PrintReport(const FirmwareManifest& manifest, const FirmwareFindings& found,
                 const std::vector<std::string>& unlisted, const FirmwareOptions& options,
                 const Installed& installed, bool good) {
  std::cout << "release " << manifest.release << ", version " << manifest.version << ", commit "
            << manifest.commit << ": signed by the key in " << options.key.string() << "\n";
  PrintEach(std::cerr, "missing:", found.missing);
  PrintEach(std::cerr, "changed:", found.changed);
  PrintEach(std::cerr, "not of the release:", unlisted);
  if (!installed.not_compared.empty()) {
    std::cout << "not compared with what is installed: " << installed.not_compared << "\n";
  }
  if (installed.newer) {
    std::cerr << "older: release " << *installed.newer << " is installed ("
              << options.installed.string()
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
  const Installed installed = CompareWithInstalled(options, *manifest);
  const auto unlisted = Unlisted(*manifest, options.root);
  const bool good = found.good() && unlisted.empty() && !installed.newer;
  if (options.json) {
    PrintJson(*manifest, found, unlisted, installed, good);
  } else {
    PrintReport(*manifest, found, unlisted, options, installed, good);
  }
  return good ? kGood : kRefused;
}

}  // namespace acb::acbctl
