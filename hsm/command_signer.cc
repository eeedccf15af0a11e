#include "hsm/command_signer.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <utility>

#include "firmware/gbcs/mac.h"
#include "hsm/agreement_check.h"
#include "hsm/operations.h"
#include "hsm/session_pool.h"
#include "hsm/supervisor.h"

namespace acb::hsm {

Status HsmCommandSigner::CheckAvailable() const { return supervisor_.breaker().Check(); }

Result<gbcs::SignedCommand> HsmCommandSigner::SignAndMac(const gbcs::UnsignedCommand& command,
                                                         const PublicPoint& device_key,
                                                         bool& lied) {
  // SoftHSM takes points off the curve for errors of its own; others compute with them, which gives
  // the private key away (ecosystem.md section 3, quirk 7).
  if (!IsOnP256(device_key)) {
    return Failure{Reason::kRecordDamaged, {}, "the device's key agreement key is not on P-256"};
  }
  // Copies: the job may outlive this call.
  auto lied_there = std::make_shared<std::atomic<bool>>(false);
  auto made = supervisor_.Ask<gbcs::SignedCommand>([this, command, device_key, lied_there] {
    bool wrong = false;
    auto signed_there = SignInThread(command, device_key, wrong);
    *lied_there = wrong;
    return signed_there;
  });
  lied = *lied_there;
  return made;
}

Result<gbcs::SignedCommand> HsmCommandSigner::SignInThread(const gbcs::UnsignedCommand& command,
                                                           const PublicPoint& device_key,
                                                           bool& lied) {
  auto lease = sessions_.Borrow();
  if (!lease) return std::move(lease).error();
  AgreementChecker::OnTheWay on_the_way(checker_, lease->session());

  // The signature comes last: when it is made, nothing is left that the HSM could refuse.
  const auto begun = std::chrono::steady_clock::now();
  auto shared = Agree(lease->session(), key_agreement_, device_key);
  const auto agreed = std::chrono::steady_clock::now();
  derive_latency_.Observe(agreed - begun);
  if (!shared) return std::move(shared).error();
  const gbcs::OtherInfo info = gbcs::MakeOtherInfo(command.originator(), gbcs::CraFlag::kCommand,
                                                   command.counter().value(), command.target());
  const Secret mac_key = gbcs::DeriveMacKey(*shared, info);
  auto claim = std::make_shared<const AgreementClaim>(device_key, *std::move(shared));

  const auto signed_octets =
      SignVerified(lease->session(), digital_signing_, command.ToBeSigned(), &lied);
  sign_latency_.Observe(std::chrono::steady_clock::now() - agreed);
  if (!signed_octets) return signed_octets.error();
  // Last, so that those of other requests can be checked with it.
  if (auto right = checker_.Check(lease->session(), on_the_way, std::move(claim), &lied); !right) {
    return std::move(right).error();
  }
  gbcs::Signature signature;
  static_assert(sizeof signature == 64);
  std::ranges::copy(*signed_octets, signature.begin());

  const gbcs::Mac mac = gbcs::ComputeMac(mac_key, gbcs::MakeMacIv(command.originator()),
                                         gbcs::MacAad(command, signature));
  return gbcs::Assemble(command, signature, mac);
}

std::uint64_t HsmCommandSigner::check_derivations() const { return checker_.derivations(); }

std::uint64_t HsmCommandSigner::sign_operations() const { return digital_signing_.operations(); }

std::uint64_t HsmCommandSigner::derive_operations() const { return key_agreement_.operations(); }

}  // namespace acb::hsm
