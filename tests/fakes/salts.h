// Salts for entries that no one keeps.
#pragma once

#include "firmware/audit/entry.h"

namespace acb::testing {

inline audit::Salt NoSalt() { return {}; }

}  // namespace acb::testing
