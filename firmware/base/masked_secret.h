// A secret that has to be kept for longer than one use: the token's PIN (promise P7).
#pragma once

#include "firmware/base/secret.h"

namespace acb {

// Move only. Memory never holds the secret between uses, but two shares of it, each of which is
// random on its own: who finds the secret's octets by a search of the memory of a process at rest,
// or of a core, finds nothing. Not: against one who reads both shares and knows how they are put
// together. Both are wiped at the end. One that was moved from is empty.
class MaskedSecret {
 public:
  MaskedSecret() = default;
  // Takes the secret in; its octets are wiped. Ends the process when there is no randomness.
  MaskedSecret(Secret secret);  // NOLINT(google-explicit-constructor): a way to keep a Secret

  // For one use; wiped when that ends.
  Secret Reveal() const;

  std::size_t size() const { return masked_.size(); }

 private:
  Secret mask_{0};
  Secret masked_{0};
};

}  // namespace acb
