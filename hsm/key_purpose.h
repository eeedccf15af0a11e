// The three keys of the appliance and what each is for.
#pragma once

#include <string_view>

namespace acb::hsm {

enum class KeyPurpose {
  kSigning,     // ECDSA P-256: the ACB's digital signing key
  kAgreement,   // ECDH P-256: the ACB's key agreement key
  kCheckpoint,  // Ed25519, or ECDSA P-256 where the module has no Ed25519: signs audit checkpoints
};

// CKA_LABEL of both halves.
inline constexpr std::string_view kAcbDsLabel = "acb-ds";
inline constexpr std::string_view kAcbKaLabel = "acb-ka";
inline constexpr std::string_view kCheckpointLabel = "acb-checkpoint";

}  // namespace acb::hsm
