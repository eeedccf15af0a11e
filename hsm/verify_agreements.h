// Which of the secrets that the module derives are verified before what was made with them leaves.
#pragma once

namespace acb::hsm {

enum class VerifyAgreements {
  kEvery,    // each one
  kSampled,  // one in kSampledEvery, and each of kSuspicious after any device error
};

}  // namespace acb::hsm
