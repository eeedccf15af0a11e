// Whether the secrets that the module derived are the right ones, asked before one is used for a
// command that leaves (issue 7 "ECDH-result verification before release").
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "firmware/base/result.h"
#include "firmware/base/secret.h"
#include "firmware/records.h"
#include "hsm/key.h"
#include "hsm/session.h"
#include "hsm/verify_agreements.h"

namespace acb::hsm {

inline constexpr std::uint64_t kSampledEvery = 16;
inline constexpr std::uint64_t kSuspicious = 64;

// Secrets that are checked together: each doubles the combinations of signs that are tried.
inline constexpr std::size_t kMaxAgreementGroup = 4;

// One secret and what it is to be: the x coordinate of a * device, a being the private key.
struct AgreementClaim {
  AgreementClaim(const PublicPoint& point, Secret derived)
      : device(point), secret(std::move(derived)) {}
  PublicPoint device;
  Secret secret;
};

// Thread-safe.
//
// The scheme. With public keys alone nobody can say whether Z is x(a*P): that is the problem that
// ECDH rests on. Another derivation can: the module is given Q = r*G + c1*P1 + ... + cn*Pn with a
// random r and small c that differ, and answers W. Each Z fixes a*P but for its sign; so W has to
// be the x coordinate of r*A + c1*(+-a*P1) + ... + cn*(+-a*Pn) for one choice of signs, with A =
// a*G the public half. One derivation thus checks all secrets of a group: those of requests that
// are in work at the same time, as the writer commits them in groups. A request that comes alone
// pays for its own.
//
// What it promises: a secret that is wrong for any reason that does not know r (a bit that flipped,
// another key, another request's secret, one that was left over, zeros) is found, but for a chance
// of some 2^-250. What it does not: a module that is made to deceive has the key and could sign
// whatever it likes. A group with a wrong one in it is refused as a whole.
class AgreementChecker {
 public:
  AgreementChecker(const Key& key, VerifyAgreements mode) : key_(key), mode_(mode) {}

  // Checks the claim, with others or for others. `session` is the caller's own. Blocks for the
  // module, and up to kPatience for another thread's check. Fails with kHsmUnavailable; `*lied`
  // becomes true when a secret was wrong.
  Status Check(Session& session, std::shared_ptr<const AgreementClaim> claim, bool* lied = nullptr);

  // Of 1 to kMaxAgreementGroup, by one derivation. For Check and its tests.
  Status CheckGroup(Session& session,
                    const std::vector<std::shared_ptr<const AgreementClaim>>& group, bool* lied);

  std::uint64_t derivations() const { return derivations_.load(std::memory_order_relaxed); }

 private:
  // Longer than a derivation takes: whoever checks for others may hang.
  static constexpr std::chrono::milliseconds kPatience{100};

  struct Waiting {
    std::shared_ptr<const AgreementClaim> claim;
    std::optional<Status> verdict;
    bool lied = false;
  };
  bool IsDue(const Session& session);
  void Lead(Session& session, std::unique_lock<std::mutex>& lock);

  const Key& key_;
  const VerifyAgreements mode_;
  std::atomic<std::uint64_t> derivations_{0};
  std::atomic<std::uint64_t> asked_{0};
  std::atomic<std::uint64_t> errors_seen_{0};
  std::atomic<std::uint64_t> suspicious_until_{0};

  std::mutex mutex_;  // guards what follows, and each Waiting
  std::condition_variable decided_;
  bool leading_ = false;
  std::vector<std::shared_ptr<Waiting>> waiting_;
};

}  // namespace acb::hsm
