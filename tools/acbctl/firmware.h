// `acbctl firmware verify`: a release before it is installed (R-SEC3-55).
#pragma once

#include <filesystem>

namespace acb::acbctl {

struct FirmwareOptions {
  std::filesystem::path manifest;
  std::filesystem::path key;
  std::filesystem::path root = "/";
  std::filesystem::path installed = "/usr/share/acbd/manifest.json";
  bool json = false;
};

// Good: the manifest is signed by the key, every file of its packages below `root` is as it says,
// and the installed manifest, where there is one, is of no newer release. Prints what is wrong, one
// line each. Gives an exit code.
int VerifyFirmware(const FirmwareOptions& options);

}  // namespace acb::acbctl
