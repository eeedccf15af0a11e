// Which of the ACB's keys are in use, and whether the token is one to hold them.
#pragma once

#include <string>
#include <vector>

#include "firmware/checks/acb_certificates.h"
#include "firmware/keys/register.h"
#include "hsm/hsm.h"
#include "platform/config.h"
#include "store/store.h"

namespace acb::platform {

struct AcbPair {
  checks::AcbCertificates certificates;
  hsm::AcbKeyLabels labels;
  UtcTime in_use_since{0};  // its activation; of the first pair, as provisioning left it, that
};

// The register as the last ceremony left it; empty before the first. Fails as the store does.
Result<keys::Register> ReadKeys(const store::Store& store);

// When the box was provisioned, by its log's first entry. kRecordDamaged.
Result<UtcTime> ProvisionedAt(const store::Store& store);

// The pairs in use, oldest first, of one EUI-64. Until a ceremony has touched them the first
// pair's certificates are the files that [acb] names. Fails with kAcbCert (none is in use, or two
// of different EUI-64s), kConfiguration (a file).
Result<std::vector<AcbPair>> PairsInUse(const Config& config, const keys::Register& keys,
                                        UtcTime provisioned_at);

// R-SEC3-39, R-NOW-9: the entry of the list that this token is: maker, model and firmware as the
// token says them, FIPS 140-3 level 3 or above, or 140-2 level 3 as an exception with owner and end
// date. kHsmNotApproved; software (SoftHSM) on no account.
Result<ApprovedModule> ApprovalOf(const std::vector<ApprovedModule>& list,
                                  const hsm::TokenInfo& token, UtcTime at);

// What the token holds and the register does not, the other way round, and keys of which only half
// is there; each in words. The checkpoint key, and the first pair before any ceremony, are always
// known.
std::vector<std::string> CompareWithToken(const keys::Register& keys,
                                          const std::vector<hsm::KeyObject>& objects);

}  // namespace acb::platform
