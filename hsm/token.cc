#include "hsm/token.h"

#include <array>
#include <string>

namespace acb::hsm {
namespace {

constexpr unsigned long kMaxSlots = 64;

// Fixed width, blank-padded, without a terminator (PKCS#11 section 3.2).
template <std::size_t N>
std::string Text(const unsigned char (&field)[N]) {
  std::string text(reinterpret_cast<const char*>(field), N);
  text.erase(text.find_last_not_of(std::string_view(" \0", 2)) + 1);
  return text;
}

std::string Text(const CK_VERSION& version) {
  return std::to_string(version.major) + "." + std::to_string(version.minor);
}

Token Describe(CK_SLOT_ID slot, const CK_TOKEN_INFO& info) {
  return Token{slot,
               (info.flags & CKF_TOKEN_INITIALIZED) != 0,
               {Text(info.label), Text(info.manufacturerID), Text(info.model),
                Text(info.serialNumber), Text(info.hardwareVersion), Text(info.firmwareVersion)}};
}

std::string Found(const std::vector<Token>& tokens) {
  std::string found;
  for (const Token& token : tokens) {
    if (token.initialised) found += " \"" + token.info.label + "\" (" + token.info.serial + ")";
  }
  return found.empty() ? " none" : found;
}

}  // namespace

Result<std::vector<Token>> ListTokens(const Module& module) {
  // A module may renew its list of slots only when it is asked for their number (PKCS#11
  // C_GetSlotList); SoftHSM does so after C_InitToken.
  unsigned long count = 0;
  const ReturnValue counted =
      module.Call(&CK_FUNCTION_LIST::C_GetSlotList, CK_TRUE, nullptr, &count);
  if (!counted.ok()) return ToFailure("C_GetSlotList", counted);

  std::array<CK_SLOT_ID, kMaxSlots> slots{};
  count = slots.size();
  const ReturnValue listed =
      module.Call(&CK_FUNCTION_LIST::C_GetSlotList, CK_TRUE, slots.data(), &count);
  if (!listed.ok()) return ToFailure("C_GetSlotList", listed);
  if (count > slots.size()) return ToFailure("C_GetSlotList", ReturnValue(CKR_GENERAL_ERROR));

  std::vector<Token> tokens;
  for (unsigned long i = 0; i < count; ++i) {
    // Tokens may come and go between the two calls; a damaged one must not hide the others.
    if (auto token = ReadToken(module, slots[i])) tokens.push_back(*std::move(token));
  }
  return tokens;
}

Result<Token> ReadToken(const Module& module, CK_SLOT_ID slot) {
  CK_TOKEN_INFO info{};
  const ReturnValue read = module.Call(&CK_FUNCTION_LIST::C_GetTokenInfo, slot, &info);
  if (!read.ok()) return ToFailure("C_GetTokenInfo", read);
  return Describe(slot, info);
}

Result<Token> FindToken(const Module& module, std::string_view label) {
  auto tokens = ListTokens(module);
  if (!tokens) return std::move(tokens).error();
  const Token* only = nullptr;
  std::size_t matching = 0;
  for (const Token& token : *tokens) {
    if (!token.initialised || token.info.label != label) continue;
    only = &token;
    ++matching;
  }
  if (matching == 1) return *only;
  return Failure{Reason::kHsmUnavailable,
                 {},
                 std::to_string(matching) + " tokens are labelled \"" + std::string(label) +
                     "\"; initialised tokens:" + Found(*tokens) +
                     " (SoftHSM does not show a token whose token.object is empty: put that file "
                     "back from a copy)"};
}

}  // namespace acb::hsm
