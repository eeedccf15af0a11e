// Who acts, when no service asks: operators prove themselves with certificate and key.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "platform/config.h"

namespace acb::acbctl {

struct ProvenOperator {
  std::string identity;
  std::string certificate;  // SHA-256 of its DER, lower-case hex
};

// Exactly two operators, different ones. Each certificate comes from
// [tls] client_ca, is valid now, fits the key that lies beside it (same name, .key), and has a
// dNSName that configuration gives the role operator. Fails with kForbidden, kOtherOperator (the
// same one twice) or kConfiguration (a file cannot be read).
Result<std::vector<ProvenOperator>> ProveTwoOperators(
    const platform::Config& config, const std::vector<std::filesystem::path>& certificates);

}  // namespace acb::acbctl
