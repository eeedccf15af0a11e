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

// Secrets that are checked together: each doubles the combinations of signs that are tried, and at
// six they begin to cost more than the derivation that one more of them saves.
inline constexpr std::size_t kMaxAgreementGroup = 6;

// One secret and what it is to be: the x coordinate of a * device, a being the private key.
struct AgreementClaim {
  AgreementClaim(const PublicPoint& point, Secret derived)
      : device(point), secret(std::move(derived)) {}
  PublicPoint device;
  Secret secret;
};

// r*G and r*A, made from the generator and from a public half A with an r that nobody knows.
class Blinds;

// Thread-safe.
//
// The scheme. With public keys alone nobody can say whether Z is x(a*P): that is the problem that
// ECDH rests on. Another derivation can: the module is given Q = r*G + c1*P1 + ... + cn*Pn with a
// random r and small factors c, and answers W. Each Z fixes a*P but for its sign; so W has to be
// the x coordinate of r*A + c1*(+-a*P1) + ... + cn*(+-a*Pn) for one choice of signs, with A = a*G
// the public half. The factors differ, so that two secrets that were exchanged are seen, and none
// divides twice another, so that one secret added to another is. Points with one x coordinate must
// have one secret, and are one term. One derivation thus checks all secrets of a group: those of
// requests that are in work at the same time, as the writer commits them in groups. A request that
// comes alone pays for its own.
//
// What it promises: a secret that is wrong for any reason that does not know r (a bit that flipped,
// another key, another request's secret, one that was left over, zeros) is found, but for a chance
// of some 2^-240. What it does not: secrets of one group that are wrong by multiples of each other
// which make up for each other's factors; a module that is made to deceive has the key and could
// sign whatever it likes. A group with a wrong one in it is refused as a whole.
class AgreementChecker {
 public:
  // Says while it lives that its thread will come to Check: others wait a moment for it, so that
  // one derivation does for all. Must not outlive the checker.
  class OnTheWay {
   public:
    OnTheWay(AgreementChecker& checker, const Session& session);
    ~OnTheWay();
    OnTheWay(const OnTheWay&) = delete;
    OnTheWay& operator=(const OnTheWay&) = delete;

   private:
    friend class AgreementChecker;
    AgreementChecker& checker_;
    const bool due_;        // what is not due is not checked, and nobody waits for it
    bool arrived_ = false;  // guarded by the checker's mutex
  };

  AgreementChecker(const Key& key, VerifyAgreements mode);
  ~AgreementChecker();

  // Checks the claim, with others or for others. `session` is the caller's own. Blocks for the
  // module, up to kGathering for those on the way and up to kPatience for another thread's check.
  // Fails with kHsmUnavailable; `*lied` becomes true when a secret was wrong.
  Status Check(Session& session, OnTheWay& here, std::shared_ptr<const AgreementClaim> claim,
               bool* lied = nullptr);

  // Of 1 to kMaxAgreementGroup, by one derivation. For Check and its tests.
  Status CheckGroup(Session& session, std::vector<std::shared_ptr<const AgreementClaim>> group,
                    bool* lied);

  std::uint64_t derivations() const { return derivations_.load(std::memory_order_relaxed); }

 private:
  // Longer than a derivation takes: whoever checks for others may hang.
  static constexpr std::chrono::milliseconds kPatience{100};
  // Longer than those on the way need when nothing is wrong with them.
  static constexpr std::chrono::milliseconds kGathering{2};

  struct Waiting {
    std::shared_ptr<const AgreementClaim> claim;
    std::optional<Status> verdict;
    bool lied = false;
    std::condition_variable changed;  // decided, or nobody leads
  };
  bool IsDue(const Session& session);
  // With the lock.
  void Arrive(OnTheWay& here);
  void WakeNext();
  void Lead(Session& session, const std::shared_ptr<Waiting>& own,
            std::unique_lock<std::mutex>& lock);

  const Key& key_;
  const VerifyAgreements mode_;
  const std::unique_ptr<Blinds> blinds_;
  std::atomic<std::uint64_t> derivations_{0};
  std::atomic<std::uint64_t> asked_{0};
  std::atomic<std::uint64_t> errors_seen_{0};
  std::atomic<std::uint64_t> suspicious_until_{0};

  std::mutex mutex_;  // guards what follows, and each Waiting
  std::condition_variable gathered_;
  std::size_t on_the_way_ = 0;
  const Waiting* leader_ = nullptr;  // of the thread that leads
  std::vector<std::shared_ptr<Waiting>> waiting_;
};

}  // namespace acb::hsm
