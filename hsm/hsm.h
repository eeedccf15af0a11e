// The HSM as the rest of the appliance sees it: no PKCS#11 in this header.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "firmware/anchor_objects.h"
#include "firmware/base/masked_secret.h"
#include "firmware/base/result.h"
#include "firmware/records.h"
#include "hsm/checkpoint_signer.h"
#include "hsm/command_signer.h"
#include "hsm/key_listing.h"
#include "hsm/lister.h"
#include "hsm/token_info.h"
#include "hsm/verify_agreements.h"

namespace acb::hsm {

// Labels of a pair of the ACB's keys.
struct AcbKeyLabels {
  std::string digital_signing;
  std::string key_agreement;
};

struct HsmSettings {
  std::filesystem::path module_path;  // absolute
  std::string token_label;
  MaskedSecret pin;  // moved to the login, which keeps it: a token may forget logins
  // Held while logging in and while objects are changed, against every other process on the same
  // token: it belongs to the token, so boxes with different stores name the same file.
  std::filesystem::path lock_file;
  // Threads that sign, each with a session while it does: 1 .. kMaxSessions (64). As many more as
  // that limit leaves may take the place of those that hang.
  std::size_t sessions = 4;
  std::chrono::milliseconds deadline{1500};  // of each operation (kCallDeadline)
  // Every one by default: a command with a wrong MAC does no harm, since its device refuses it, but
  // the counter is spent and a fault of the module would show first in the field. Under load it
  // costs one derivation for up to four handovers.
  VerifyAgreements verify_agreements = VerifyAgreements::kEvery;
  // Told when the HSM is not asked any more, and when it is asked again. By any thread; it outlives
  // the process's last call of the module, which may hang.
  std::function<void(bool available, const std::string& why)> on_change{};
  // Started with these settings before the module is loaded; without it no listing anew.
  std::unique_ptr<Lister> lister{};
  // The pairs in use, oldest first, 1 .. kMaxAcbKeyPairs; empty: "acb-ds" and "acb-ka".
  std::vector<AcbKeyLabels> acb_keys{};
  // Asked once logged in, before any key is looked for: a failure ends Open with it (R-SEC3-39). By
  // a thread that may outlive an Open that was given up: it owns what it uses.
  std::function<Status(const TokenInfo&)> accept{};
  // Asked in the lister's process before it loads anything: limits what that may do. False: it
  // ends.
  std::function<bool()> confine_lister{};
};
inline constexpr std::size_t kMaxAcbKeyPairs = 8;

// How the HSM is, for readiness and metrics.
struct HsmState {
  bool available = true;            // the breaker is closed
  std::string why;                  // it is not
  std::uint64_t times_opened = 0;   // the breaker, since the start
  std::uint64_t device_errors = 0;  // of single calls, and results that were wrong
  std::uint64_t timeouts = 0;       // operations that were given up
  std::uint64_t hanging = 0;        // of them, not back yet: threads written off
  std::uint64_t probes = 0;         // while the breaker was open
  std::uint64_t initialised_anew = 0;
};

// Module, login, sessions, the pairs of ACB keys in use and the checkpoint key, all of which work:
// Open proves it with known answers.
// One per process. The accessors and what they give are thread-safe; destroy it before main
// returns.
//
// No caller hangs with the module (design.md section 5): every operation has a deadline, and once
// one hangs, or the device fails again and again, everybody is refused with kHsmUnavailable until a
// probe has used every ACB key in use and listed the anchors (supervisor.h). Then signing goes on:
// sessions and, where they were lost, login, handles and the module's initialisation are made anew.
class Hsm {
 public:
  // What the module reads from the environment must be set before. Opens, never creates. Blocks for
  // the module, and up to 30 s for the lock, together up to kOpenDeadline. Fails with
  //   kConfiguration   a setting is of no use: relative module path, lock file, number of sessions.
  //   kHsmPin          the token refuses the PIN. It was tried once; trying again may lock the
  //   token. kHsmUnavailable  no module, no such token, a key that is missing, twice there or
  //   unfit, or a known
  //                    answer that came out wrong. The detail says which.
  static Result<std::unique_ptr<Hsm>> Open(HsmSettings settings);
  static constexpr std::chrono::milliseconds kOpenDeadline{45'000};
  // Blocks up to some deadlines. What hangs in the module by then is left as it is, with all that
  // it uses: nothing is closed, and the module is not finalised.
  ~Hsm();
  Hsm(const Hsm&) = delete;
  Hsm& operator=(const Hsm&) = delete;

  // Of the pair with that place in HsmSettings::acb_keys; there are acb_key_pairs() of them.
  HsmCommandSigner& command_signer(std::size_t pair = 0);
  std::size_t acb_key_pairs() const;
  CheckpointSigner& checkpoint_signer();
  AnchorObjects& anchors();  // of the two threads that firmware/anchor_objects.h names
  const PublicPoint& acb_ds_public(std::size_t pair = 0) const;
  const PublicPoint& acb_ka_public(std::size_t pair = 0) const;
  const TokenInfo& token() const;
  // Every key object of the token as it was when this was opened (R-SEC3-40).
  const std::vector<KeyObject>& key_objects() const;
  HsmState state() const;
  // All ACB keys in use were made in the token and were never outside: to be demanded in live
  // (R-SEC3-42).
  bool acb_keys_generated_in_token() const;

 private:
  struct Parts;
  static Result<std::shared_ptr<Parts>> OpenParts(HsmSettings& settings);
  explicit Hsm(std::shared_ptr<Parts> parts);
  std::shared_ptr<Parts> parts_;  // of the threads too that close it
};

}  // namespace acb::hsm
