// keys.json: which key signed from which entry on.
#pragma once

#include "tools/acb-verify/export_file.h"
#include "tools/acb-verify/findings.h"
#include "tools/acb-verify/trust_history.h"

namespace acb::verify {

// keys.json is, octet for octet, what the checkpoint key that it begins with, the settings in
// trust.json and the certificates say: one checkpoint key, and each key of the ACB from the start
// on at which its certificate came into use. `origin`: of the log.
void CheckKeyHistory(const ExportFile& file, const std::string& origin, const TrustHistory& trust,
                     Findings& findings);

}  // namespace acb::verify
