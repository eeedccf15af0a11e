// One command that the log says was signed: verified again, from its octets and its request's.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "firmware/audit/entry.h"
#include "firmware/base/bytes.h"
#include "firmware/base/result.h"
#include "tools/acb-verify/trust_history.h"

namespace acb::verify {

// What was verified of the signed entries, for the report.
struct CommandCounts {
  std::uint64_t signatures = 0;            // of commands, by the ACB
  std::uint64_t requests = 0;              // XML signatures, by the Users
  std::uint64_t revocation_unchecked = 0;  // decisions that relied on a missing list (test)
  std::uint64_t pinned = 0;                // signers trusted by their SHA-256 alone (test)
  std::uint64_t judged_elsewhen = 0;       // decisions at another instant than their own (test)
};

struct Evidence {
  Bytes command;
  Bytes request;
};

// The octets are those that the entry names; the ACB's signature; each field of the command against
// the entry and against the request; the request's signature, its signer and every certificate,
// with path and revocation at the instant that the box judged at. kMalformed or the box's own
// reason; the explanation says what is wrong.
Status CheckSignedCommand(const audit::Object& entry, const Evidence& evidence,
                          const InForce& in_force, CommandCounts& counts);

}  // namespace acb::verify
