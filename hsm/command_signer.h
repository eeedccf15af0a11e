// Signs and MACs handover commands with the ACB's keys in the HSM.
#pragma once

#include <cstdint>

#include "firmware/base/latency.h"
#include "firmware/ports.h"

namespace acb::hsm {

class AgreementChecker;
class Key;
class SessionPool;
class Supervisor;

// Thread-safe. SignAndMac is done whole by one of the supervisor's threads: one hand-off for all of
// its calls. Blocks up to the deadline for a thread and again for the work.
//
// Beyond what the port says, SignAndMac fails with
//   kRecordDamaged   `device_key` is not on P-256: it was checked where it entered, so what was
//   kept is wrong.
//                    The HSM was not asked for anything.
//   kHsmUnavailable  the HSM failed, is busy, hangs, is not asked because it failed before, or gave
//                    a wrong result; the detail says which. What comes late is destroyed.
class HsmCommandSigner final : public CommandSigner {
 public:
  // All of them outlive this, and every job of the supervisor's.
  HsmCommandSigner(Supervisor& supervisor, SessionPool& sessions, const Key& digital_signing,
                   const Key& key_agreement, AgreementChecker& checker)
      : supervisor_(supervisor),
        sessions_(sessions),
        digital_signing_(digital_signing),
        key_agreement_(key_agreement),
        checker_(checker) {}

  Status CheckAvailable() const override;

  Result<gbcs::SignedCommand> SignAndMac(const gbcs::UnsignedCommand& command,
                                         const PublicPoint& device_key, bool& lied) override;

  // How often the module was asked to sign and to derive with an ACB key since start, successful or
  // not; the known-answer test at start is one of each (acb_hsm_sign_total).
  std::uint64_t sign_operations() const;
  std::uint64_t derive_operations() const;
  // Derivations beyond these, for AgreementChecker: one for up to kMaxAgreementGroup secrets.
  std::uint64_t check_derivations() const;
  // How long they took: a signature with its verification in software.
  const LatencyHistogram& sign_latency() const { return sign_latency_; }
  const LatencyHistogram& derive_latency() const { return derive_latency_; }

 private:
  Result<gbcs::SignedCommand> SignInThread(const gbcs::UnsignedCommand& command,
                                           const PublicPoint& device_key, bool& lied);

  Supervisor& supervisor_;
  SessionPool& sessions_;
  const Key& digital_signing_;
  const Key& key_agreement_;
  AgreementChecker& checker_;
  LatencyHistogram sign_latency_;
  LatencyHistogram derive_latency_;
};

}  // namespace acb::hsm
