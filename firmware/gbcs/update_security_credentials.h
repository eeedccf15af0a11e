// GBCS use case CS02b "Update Security Credentials": build what the ACB sends for DUIS 6.21, and
// parse every Command, Pre-Command, Response and Alert of the use case.
//
// All numbers big-endian. Source: gbcs-cs02b.md sections 1 to 6 (proven on the DCC's test vectors).
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/eui64.h"
#include "firmware/base/p256.h"
#include "firmware/base/reserved_counter.h"
#include "firmware/base/result.h"
#include "firmware/base/trust_anchor_cell.h"

namespace acb::gbcs {

// r (32) || s (32), big-endian, fixed width: the Plain Format of GBCS.
using Signature = EcdsaSignature;
// The first 12 octets of the GMAC tag.
using Mac = std::array<std::uint8_t, 12>;

// Limits of what is built; the parser has its own (payload.h).
inline constexpr std::size_t kMaxCertificateOctets = 8192;   // as smki::Certificate
inline constexpr std::size_t kMaxPathCertificatesBuilt = 3;  // DUIS 6.21 allows 1 to 3

// The parts of a 6.21 command that do not come from the reservation (device, role, counter do).
struct HandoverContent {
  Eui64 acb{0};  // Business Originator ID
  std::optional<FloorSeqNumber> floor;
  std::optional<FloorSeqNumber> prepayment_top_up_floor;  // supplier only
  bool apply_time_based_cpv_checks = true;
  // DER as received, never re-encoded.
  Bytes digital_signing_certificate;
  Bytes key_agreement_certificate;
  std::optional<Bytes> key_agreement_top_up_certificate;  // supplier only
  std::vector<Bytes> certification_path;                  // 1 to 3
};

// A command that lacks signature and MAC: Grouping Header and payload.
class UnsignedCommand {
 public:
  // From the tag DF to the last octet of the payload.
  BytesView octets() const { return octets_; }
  // What is signed: all but the tag DF (section 5.4).
  BytesView ToBeSigned() const { return BytesView(octets_).subspan(1); }
  Eui64 originator() const { return originator_; }
  Eui64 target() const { return target_; }
  OriginatorCounter counter() const { return counter_; }

 private:
  friend Result<UnsignedCommand> BuildUpdateSecurityCredentials(const HandoverContent&,
                                                                const ReservedCounter&);
  UnsignedCommand(Bytes octets, Eui64 originator, Eui64 target, OriginatorCounter counter)
      : octets_(std::move(octets)), originator_(originator), target_(target), counter_(counter) {}
  Bytes octets_;
  Eui64 originator_;
  Eui64 target_;
  OriginatorCounter counter_;
};

// The whole message, from the MAC Header's DD to the last octet of the MAC.
struct SignedCommand {
  Bytes octets;
};

// Builds the command of DUIS 6.21 for the device, role and counter of `reserved`: mode 2
// supplierBySupplier or mode 3 networkOperatorByNetworkOperator. Strict DER.
// Fails with kCorrelation when the content does not fit the role (top-up parts for a network
// operator, no or more than three path certificates, a certificate that is no single DER SEQUENCE
// of up to 8 KiB) and when the role is neither supplier nor network operator. Whether the set is
// complete is for checks/ to say.
//
// The caller passes the result through CheckCorrelation (correlation.h) before it is signed.
Result<UnsignedCommand> BuildUpdateSecurityCredentials(const HandoverContent& content,
                                                       const ReservedCounter& reserved);

// Puts MAC Header, signature and MAC around the command (section 1).
SignedCommand Assemble(const UnsignedCommand& command, const Signature& signature, const Mac& mac);

}  // namespace acb::gbcs
