// The HSM as the rest of the appliance sees it: no PKCS#11 in this header.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

#include "firmware/anchor_objects.h"
#include "firmware/base/result.h"
#include "firmware/base/secret.h"
#include "firmware/records.h"
#include "hsm/checkpoint_signer.h"
#include "hsm/command_signer.h"
#include "hsm/lister.h"
#include "hsm/token_info.h"

namespace acb::hsm {

struct HsmSettings {
  std::filesystem::path module_path;  // absolute
  std::string token_label;
  Secret pin{0};  // wiped here once the login is done, which keeps it: a token may forget logins
  // Held while logging in and while objects are changed, against every other process on the same
  // token: it belongs to the token, so boxes with different stores name the same file.
  std::filesystem::path lock_file;
  std::size_t sessions = 4;  // one per worker that signs; 1 .. kMaxSessions (64)
  // Started with these settings before the module is loaded; without it no listing anew.
  std::unique_ptr<Lister> lister{};
};

// Module, login, sessions and the three keys, all of which work: Open proves it with known answers.
// One per process. The accessors and what they give are thread-safe; destroy it before main
// returns.
class Hsm {
 public:
  // What the module reads from the environment must be set before. Opens, never creates. Blocks for
  // the module, and up to 30 s for the lock. Fails with
  //   kConfiguration   a setting is of no use: relative module path, lock file, number of sessions.
  //   kHsmPin          the token refuses the PIN. It was tried once; trying again may lock the
  //   token. kHsmUnavailable  no module, no such token, a key that is missing, twice there or
  //   unfit, or a known
  //                    answer that came out wrong. The detail says which.
  static Result<std::unique_ptr<Hsm>> Open(HsmSettings settings);
  ~Hsm();
  Hsm(const Hsm&) = delete;
  Hsm& operator=(const Hsm&) = delete;

  HsmCommandSigner& command_signer();
  CheckpointSigner& checkpoint_signer();
  AnchorObjects& anchors();  // of the one thread that writes, unlike the others
  const PublicPoint& acb_ds_public() const;
  const PublicPoint& acb_ka_public() const;
  const TokenInfo& token() const;
  // Both ACB keys were made in the token and were never outside: to be demanded in live
  // (R-SEC3-42).
  bool acb_keys_generated_in_token() const;

 private:
  struct Parts;
  explicit Hsm(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace acb::hsm
