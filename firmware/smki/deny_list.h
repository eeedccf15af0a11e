// The published DCC test keys: RTDS, DCC Boxed and the test CAs above them. Their private keys are,
// or may be, on public GitHub, so that in the live environment nothing may rest on one (R-SEC3-33).
#pragma once

#include <cstddef>

#include "firmware/records.h"

namespace acb::smki {

// Pure; thread-safe; O(log n). The list is published_test_keys.inc, made by
// tools/make_test_key_list.py from the public data: SHA-256 of each 65-octet point.
bool IsPublishedTestKey(const PublicPoint& point);
std::size_t PublishedTestKeyCount();

}  // namespace acb::smki
