// The HSM as the rest of the appliance sees it: no PKCS#11 in this header.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "firmware/anchor_objects.h"
#include "firmware/base/result.h"
#include "firmware/base/secret.h"
#include "firmware/records.h"
#include "hsm/checkpoint_signer.h"
#include "hsm/command_signer.h"
#include "hsm/key_listing.h"
#include "hsm/lister.h"
#include "hsm/token_info.h"

namespace acb::hsm {

// Labels of a pair of the ACB's keys.
struct AcbKeyLabels {
  std::string digital_signing;
  std::string key_agreement;
};

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
  // The pairs in use, oldest first, 1 .. kMaxAcbKeyPairs; empty: "acb-ds" and "acb-ka".
  std::vector<AcbKeyLabels> acb_keys{};
  // Asked once logged in, before any key is looked for: a failure ends Open with it (R-SEC3-39).
  std::function<Status(const TokenInfo&)> accept{};
  // Asked in the lister's process before it loads anything: limits what that may do. False: it
  // ends.
  std::function<bool()> confine_lister{};
};
inline constexpr std::size_t kMaxAcbKeyPairs = 8;

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

  // Of the pair with that place in HsmSettings::acb_keys; there are acb_key_pairs() of them.
  HsmCommandSigner& command_signer(std::size_t pair = 0);
  std::size_t acb_key_pairs() const;
  CheckpointSigner& checkpoint_signer();
  AnchorObjects& anchors();  // of the one thread that writes, unlike the others
  const PublicPoint& acb_ds_public(std::size_t pair = 0) const;
  const PublicPoint& acb_ka_public(std::size_t pair = 0) const;
  const TokenInfo& token() const;
  // Every key object of the token as it was when this was opened (R-SEC3-40).
  const std::vector<KeyObject>& key_objects() const;
  // All ACB keys in use were made in the token and were never outside: to be demanded in live
  // (R-SEC3-42).
  bool acb_keys_generated_in_token() const;

 private:
  struct Parts;
  explicit Hsm(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace acb::hsm
