#include "firmware/base/masked_secret.h"

#include <openssl/rand.h>

#include <algorithm>
#include <cstdlib>
#include <functional>

namespace acb {
namespace {

Secret Xor(const Secret& one, const Secret& other) {
  Secret sum(one.size());
  std::ranges::transform(one.View(), other.View(), sum.Writable().begin(), std::bit_xor{});
  return sum;
}

}  // namespace

MaskedSecret::MaskedSecret(Secret secret) : mask_(secret.size()) {
  const std::span<std::uint8_t> mask = mask_.Writable();
  if (RAND_priv_bytes(mask.data(), static_cast<int>(mask.size())) != 1) std::abort();
  masked_ = Xor(secret, mask_);
}

Secret MaskedSecret::Reveal() const { return Xor(masked_, mask_); }

}  // namespace acb
