// Finding a token by its label. Slot numbers are never configured: they change (ecosystem.md
// section 3, quirk 4).
#pragma once

#include <string_view>
#include <vector>

#include "firmware/base/result.h"
#include "hsm/module.h"
#include "hsm/token_info.h"

namespace acb::hsm {

struct Token {
  CK_SLOT_ID slot;
  bool initialised;
  TokenInfo info;
};

// Every slot that holds a token, also tokens that are not initialised. Fails with kHsmUnavailable.
Result<std::vector<Token>> ListTokens(const Module& module);

// The one initialised token of that label. Fails with kHsmUnavailable when there is none or more
// than one; the detail says which labels were found.
Result<Token> FindToken(const Module& module, std::string_view label);

// The token in that slot now. Fails with kHsmUnavailable.
Result<Token> ReadToken(const Module& module, CK_SLOT_ID slot);

}  // namespace acb::hsm
