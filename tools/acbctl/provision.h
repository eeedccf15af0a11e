// acbctl provision: the only creator of state. Makes a token, its keys, the store, TLS material and
// the configuration of one box.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "hsm/acceptance.h"

namespace acb::acbctl {

struct ProvisionOptions {
  std::filesystem::path directory;
  std::string environment;  // "test" or "live": fixed for good
  std::filesystem::path module = "/usr/lib/softhsm/libsofthsm2.so";
  std::string token_label = "acb";
  int port = 8621;
  int module_test_rounds = hsm::kAcceptanceRounds;
  std::filesystem::path acb_ds_certificate;
  std::filesystem::path acb_ka_certificate;
  std::vector<std::string> import_keys;  // "ds=FILE", "ka=FILE": test only
  std::vector<std::filesystem::path> roots;
  // Test only (design.md section 10)
  std::vector<std::string> trust_anchors;  // "CN=ZA,OU=00=04..."
  std::string validation_time;
  std::vector<std::string> issuers_without_crl;
  std::vector<std::filesystem::path> pinned_signers;
  // Public key or certificate that backups are encrypted to. Empty: none in live; in test a pair is
  // made.
  std::filesystem::path backup_key;
  bool json = false;
};

// Prints what it made. Gives an exit code (remote.h). On failure it removes what it began.
int Provision(const ProvisionOptions& options);

}  // namespace acb::acbctl
