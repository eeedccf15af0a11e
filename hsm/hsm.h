// The HSM as the rest of the appliance sees it: no PKCS#11 in this header.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

#include "firmware/base/result.h"
#include "firmware/base/secret.h"
#include "firmware/records.h"
#include "hsm/checkpoint_signer.h"
#include "hsm/command_signer.h"
#include "hsm/token_info.h"

namespace acb::hsm {

struct HsmSettings {
  std::filesystem::path module_path;  // absolute
  std::string token_label;
  Secret pin{0};  // wiped as soon as the login is done
  std::filesystem::path
      lock_file;             // held while starting, against other processes on the same token
  std::size_t sessions = 4;  // one per worker that signs; 1 .. kMaxSessions (64)
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
