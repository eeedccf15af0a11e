// F(T) of issue 6: what one handover costs in cryptography alone, by raw calls on the same token
// and keys: a bound that no service around the same HSM and library can pass.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "platform/config.h"
#include "tools/bench/raw_token.h"

namespace acb::bench {

// Octets that a handover hashes.
struct HashedOctets {
  std::size_t request = 5 * 1024;  // twice: as it came, and its canonical form
  std::size_t signed_info = 768;
  std::size_t command = 2560;  // three times: to sign, to verify, as evidence
};

// Where the ACB's keys of that box are. kConfiguration: the PIN file is of no use.
Result<TokenPlace> TokenPlaceOf(const platform::Config& config);

// One floor is
//   1 C_Sign with CKM_ECDSA, 1 C_DeriveKey with CKM_ECDH1_DERIVE (its secret read and destroyed),
//   2 ECDSA P-256 verifies by OpenSSL (the request's signature; our own, the one just made),
//   SHA-256 over HashedOctets.
// Nothing else, and no lock of ours. The contexts that OpenSSL verifies with are made once a
// thread, which a service that verifies with the keys of many Users cannot do: it makes F(T) the
// greater.
class CryptoFloor {
 public:
  // May be opened beside a platform::Box of the same process, after it; destroyed before it.
  // kHsmUnavailable.
  static Result<std::unique_ptr<CryptoFloor>> Open(const TokenPlace& place,
                                                   const HashedOctets& hashed = {});
  ~CryptoFloor();
  CryptoFloor(const CryptoFloor&) = delete;
  CryptoFloor& operator=(const CryptoFloor&) = delete;

  // Floors per second, with a session for each of `threads` (1 .. 64) threads. Blocks for about
  // `seconds`. kHsmUnavailable when a call fails, also when a signature does not verify.
  Result<double> Run(std::size_t threads, double seconds) const;

 private:
  struct Request;
  CryptoFloor(std::unique_ptr<RawToken> token, std::unique_ptr<Request> request);
  std::unique_ptr<RawToken> token_;
  std::unique_ptr<Request> request_;
};

}  // namespace acb::bench
