// Signs and MACs handover commands with the ACB's keys in the HSM.
#pragma once

#include <cstdint>

#include "firmware/base/latency.h"
#include "firmware/ports.h"

namespace acb::hsm {

class Key;
class SessionPool;

// Thread-safe. Every call blocks for the HSM, and for a free session up to kSessionWait.
//
// Beyond what the port says, SignAndMac fails with
//   kRecordDamaged   `device_key` is not on P-256: it was checked where it entered, so what was
//   kept is wrong.
//                    The HSM was not asked for anything.
//   kHsmUnavailable  the HSM failed, is busy, or gave a wrong signature; the detail says which.
class HsmCommandSigner final : public CommandSigner {
 public:
  // All three outlive this.
  HsmCommandSigner(SessionPool& sessions, const Key& digital_signing, const Key& key_agreement)
      : sessions_(sessions), digital_signing_(digital_signing), key_agreement_(key_agreement) {}

  Result<gbcs::SignedCommand> SignAndMac(const gbcs::UnsignedCommand& command,
                                         const PublicPoint& device_key, bool& lied) override;

  // How often the module was asked to sign and to derive with an ACB key since start, successful or
  // not; the known-answer test at start is one of each (acb_hsm_sign_total).
  std::uint64_t sign_operations() const;
  std::uint64_t derive_operations() const;
  // How long they took: a signature with its verification in software.
  const LatencyHistogram& sign_latency() const { return sign_latency_; }
  const LatencyHistogram& derive_latency() const { return derive_latency_; }

 private:
  SessionPool& sessions_;
  const Key& digital_signing_;
  const Key& key_agreement_;
  LatencyHistogram sign_latency_;
  LatencyHistogram derive_latency_;
};

}  // namespace acb::hsm
