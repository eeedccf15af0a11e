// Known answers of what is computed outside the module from its results.
#pragma once

#include "firmware/base/result.h"

namespace acb::hsm {

// Key derivation and MAC give what a DCC test vector says. Nothing blocks. Fails with
// kHsmUnavailable: with a crypto library like that, nothing may be signed.
Status CheckKeyDerivation();

}  // namespace acb::hsm
