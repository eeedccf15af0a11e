// The numbered scripts of key ceremonies (R-SEC3-41). A record names the script by version and
// SHA-256; what is done step by step is in the record beside it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "firmware/base/sha256.h"

namespace acb::keys {

inline constexpr std::string_view kScriptVersion = "1";

enum class Act { kGenerate, kCsr, kAccept, kActivate, kRetire, kDestroy };
std::string_view Name(Act act);  // "generate", "csr" ...

// The steps in their order. The first two and the last are those of every act.
std::span<const std::string_view> StepsOf(Act act);
// "acb key ceremony, version 1: generate\n1. ...\n": what the hash is of.
std::string ScriptText(Act act);
Sha256Digest ScriptSha256(Act act);

}  // namespace acb::keys
