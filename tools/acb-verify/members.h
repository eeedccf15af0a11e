// What the members of an object are, as its reader wants them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/audit/entry.h"
#include "firmware/base/sha256.h"
#include "tools/acb-verify/canonical.h"

namespace acb::verify {

// A member; empty, or nothing, when it is absent or of another type.
std::string_view TextOf(const audit::Object& object, std::string_view name);
// A decimal string without leading zero.
std::optional<std::uint64_t> NumberOf(const audit::Object& object, std::string_view name);
// 64 lower-case hex digits.
std::optional<Sha256Digest> DigestOf(const audit::Object& object, std::string_view name);
std::optional<Sha256Digest> DigestFrom(std::string_view hex);
const audit::Object* ObjectOf(const audit::Object& object, std::string_view name);
const audit::List* ListOf(const audit::Object& object, std::string_view name);
// Empty when it is absent, is no list, or has an element that is no text.
std::vector<std::string> TextsOf(const audit::Object& object, std::string_view name);
// Only `true` itself.
bool IsTrue(const audit::Object& object, std::string_view name);

}  // namespace acb::verify
