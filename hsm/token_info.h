// What a token says of itself, for the start record and the approved list (R-SEC3-39).
#pragma once

#include <string>

namespace acb::hsm {

// Trailing blanks removed.
struct TokenInfo {
  std::string label;
  std::string manufacturer;
  std::string model;
  std::string serial;
  std::string hardware_version;  // "2.6"
  std::string firmware_version;
};

}  // namespace acb::hsm
