// world.json, which tools/bench/world writes: what a benchmark needs to know about its box.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "firmware/base/eui64.h"
#include "firmware/base/result.h"

namespace acb::bench {

// The replacement certificates of a role, DER.
struct RoleFiles {
  std::filesystem::path digital_signing;
  std::filesystem::path key_agreement;
  std::optional<std::filesystem::path> key_agreement_top_up;
};

struct World {
  std::filesystem::path config;  // acbd's
  std::filesystem::path box;
  Eui64 supplier{0};
  std::filesystem::path signer_key;  // PEM, XML signing
  std::string signer_issuer;         // RFC 4514 text
  std::string signer_serial;         // decimal
  Eui64 first_device{0};
  std::size_t devices = 0;  // in a row from first_device
  RoleFiles as_supplier;
  RoleFiles as_network_operator;
  std::vector<std::filesystem::path> certification_path;  // DER
  std::filesystem::path client_certificate;               // of role dsp
  std::filesystem::path client_key;
  std::filesystem::path client_ca;
  std::string address;
  std::uint16_t port = 0;
};

// `place`: the file, or the directory that holds it. kConfiguration: it cannot be read or lacks a
// member; the explanation says which.
Result<World> ReadWorld(const std::filesystem::path& place);

// A file whole. kConfiguration.
Result<std::string> ReadWhole(const std::filesystem::path& file);

}  // namespace acb::bench
