#include "tools/acbctl/token.h"

#include <chrono>
#include <cstdlib>

namespace acb::acbctl {
namespace {

// No request waits for it.
constexpr std::chrono::seconds kPatience{30};

}  // namespace

Result<std::unique_ptr<hsm::Provisioning>> OpenToken(const platform::Config& config) {
  for (const auto& [name, value] : config.hsm_environment) setenv(name.c_str(), value.c_str(), 1);
  auto pin = platform::ReadPin(config);
  if (!pin) return std::move(pin).error();
  hsm::HsmSettings settings{.module_path = config.hsm_module,
                            .token_label = config.hsm_token_label,
                            .pin = *std::move(pin),
                            .lock_file = config.hsm_lock_file,
                            .sessions = 1,
                            .deadline = kPatience};
  auto lister = hsm::Lister::Start(settings);
  if (!lister) return std::move(lister).error();
  settings.lister = *std::move(lister);
  return hsm::Provisioning::Open(std::move(settings));
}

Result<hsm::PublicKey> CheckpointKeyOf(hsm::Provisioning& token) {
  return token.TestKeyPair(hsm::kCheckpointLabel, hsm::KeyPurpose::kCheckpoint);
}

}  // namespace acb::acbctl
