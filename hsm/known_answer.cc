#include "hsm/known_answer.h"

#include <algorithm>
#include <string_view>

#include "firmware/gbcs/mac.h"

namespace acb::hsm {
namespace {

// DCC test vector CS02A 6.24.1 SUCCESS, with published test keys: gbcs-cs02b.md section 5.5.
constexpr Eui64 kOriginator{0x90b3d51f30000002};
constexpr Eui64 kTarget{0x00db1234567890a0};
constexpr std::uint64_t kCounter = 0x516;
constexpr std::string_view kZ = "ed342441df01551a6beaff3b54adc981f4c6a7e71dff4c3e1cc80b3c9f4e5ac0";
constexpr std::string_view kMacKey = "58ccd7d6e09f01fe98441277d5ede298";
// From the tag DF to the 00 that stands for no signature.
constexpr std::string_view kBody =
    "df090100000000000005160890b3d51f300000020800db1234567890a00002000813"
    "3011300702010403020308300602010202010300";
constexpr std::string_view kMac = "a3e451cdc680b824b9dae4cf";

}  // namespace

Status CheckKeyDerivation() {
  const auto octets = FromHex(kZ);
  const auto body = FromHex(kBody);
  const Failure wrong{
      Reason::kHsmUnavailable, {}, "known-answer test of the key derivation failed"};
  if (!octets || !body) return wrong;
  Secret z(octets->size());
  std::ranges::copy(*octets, z.Writable().begin());
  const Secret key = gbcs::DeriveMacKey(
      z, gbcs::MakeOtherInfo(kOriginator, gbcs::CraFlag::kCommand, kCounter, kTarget));
  if (ToHex(key.View()) != kMacKey) return wrong;
  const gbcs::Mac mac = gbcs::ComputeMac(key, gbcs::MakeMacIv(kOriginator), gbcs::MacAad(*body));
  if (ToHex(mac) != kMac) return wrong;
  return Done{};
}

}  // namespace acb::hsm
