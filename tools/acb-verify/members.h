// Canonical JSON (RFC 8785) as the export has it, read with no tolerance.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/audit/entry.h"
#include "firmware/base/sha256.h"

namespace acb::verify {

// The object whose canonical form `text` is; nothing for other text: other spacing, order or
// escapes, members that come twice, numbers, null, more than 32 levels.
std::optional<audit::Object> ParseCanonical(std::string_view text);

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
