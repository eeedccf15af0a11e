#include "firmware/keys/script.h"

#include <array>

namespace acb::keys {
namespace {

using Steps = std::array<std::string_view, 6>;

constexpr std::string_view kProve =
    "Two operators prove themselves with certificate and key; the service is stopped";
constexpr std::string_view kOpen =
    "Log in to the token; the store and its anchor are a pair, and no other box runs";
constexpr std::string_view kRecord = "Record the ceremony in the audit log, anchored in the token";

constexpr Steps kGenerate = {
    kProve,
    kOpen,
    "List the keys of the token before",
    "Generate the key pair in the token: P-256, sensitive, never extractable, one purpose; test it",
    "List the keys of the token after: the new pair and nothing else has come",
    kRecord};
constexpr Steps kCsr = {
    kProve,
    kOpen,
    "Find the key in the token and test it; it is the one on record",
    "Build the certificate request; the token signs it with the key itself; verify the signature",
    "Write the request to its file; note channel, person, organisation and approval",
    kRecord};
constexpr Steps kAccept = {
    kProve,
    kOpen,
    "Read the certificate",
    "The certificate is of the key in the token: test that key",
    "Role, key usage and EUI-64 are the ACB's; the path leads to a trusted root",
    kRecord};
constexpr Steps kActivate = {
    kProve,
    kOpen,
    "Both keys of the generation have an accepted certificate of one EUI-64",
    "Both keys are in the token, and work",
    "Both certificates still have a path to a trusted root",
    kRecord};
constexpr Steps kRetire = {
    kProve,
    kOpen,
    "The generation is in use",
    "Another generation stays in use",
    "List the keys of the token: the retired ones are still there, and are not used any more",
    kRecord};
constexpr Steps kDestroy = {
    kProve,
    kOpen,
    "List the keys of the token before; no other key goes with this one",
    "Account for the backups of the key; destroy both halves in the token, with its return codes",
    "List the keys of the token after: this key has gone and every other is there",
    kRecord};

const Steps& Find(Act act) {
  switch (act) {
    case Act::kGenerate:
      return kGenerate;
    case Act::kCsr:
      return kCsr;
    case Act::kAccept:
      return kAccept;
    case Act::kActivate:
      return kActivate;
    case Act::kRetire:
      return kRetire;
    case Act::kDestroy:
      return kDestroy;
  }
  return kGenerate;
}

}  // namespace

std::string_view Name(Act act) {
  switch (act) {
    case Act::kGenerate:
      return "generate";
    case Act::kCsr:
      return "csr";
    case Act::kAccept:
      return "accept";
    case Act::kActivate:
      return "activate";
    case Act::kRetire:
      return "retire";
    case Act::kDestroy:
      return "destroy";
  }
  return "";
}

std::span<const std::string_view> StepsOf(Act act) { return Find(act); }

std::string ScriptText(Act act) {
  std::string text = "acb key ceremony, version " + std::string(kScriptVersion) + ": " +
                     std::string(Name(act)) + "\n";
  std::size_t number = 0;
  for (const std::string_view step : StepsOf(act)) {
    text += std::to_string(++number) + ". " + std::string(step) + "\n";
  }
  return text;
}

Sha256Digest ScriptSha256(Act act) { return Sha256(AsBytes(ScriptText(act))); }

}  // namespace acb::keys
