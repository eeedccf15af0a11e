// `acbctl rules`: what a handover has to pass, and where each rule comes from (R-074-6).
#pragma once

namespace acb::acbctl {

// Prints the rules of this release, as a table or as JSON. Needs no box. Gives an exit code.
int ShowRules(bool json);

}  // namespace acb::acbctl
