// One GBCS message of the DLMS general-ciphering / general-signing form: MAC Header, Grouping
// Header, payload, signature, MAC. What the payload says is another question (payload.h).
//
// All numbers big-endian. Source: gbcs-cs02b.md sections 1 and 2. Parsing allocates nothing, blocks
// for nothing and is thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "firmware/base/bytes.h"
#include "firmware/base/eui64.h"
#include "firmware/base/result.h"
#include "firmware/gbcs/mac.h"
#include "firmware/gbcs/update_security_credentials.h"

namespace acb::gbcs {

// dd, six empty fields, 82 xx xx: the greatest MAC Header in front of the length it announces.
inline constexpr std::size_t kMaxMessageOctets = 1 + 6 + 3 + 65535;

// Message Codes (section 4.1). Those of CS02b commands and responses are 0100 + mode.
inline constexpr std::uint16_t kProvideSecurityCredentialDetails = 0x0008;  // CS02a
inline constexpr std::uint16_t kUpdateSecurityCredentials = 0x0100;         // CS02b, mode 0
inline constexpr std::uint16_t kUpdateSecurityCredentialsAlert = 0x00CB;    // CS02b, any mode

struct GroupingHeader {
  CraFlag cra = CraFlag::kCommand;
  // Of the originator; in a Response the Command's, in an Alert the Device's own. 0 .. 2^64-1.
  std::uint64_t counter = 0;
  Eui64 originator{0};  // Business Originator ID
  Eui64 target{0};      // Business Target ID
  // COSEM date-time as sent; only Responses have one, and not all of them.
  std::optional<std::array<std::uint8_t, 12>> date_time;
  std::uint16_t message_code = 0;
};

enum class MessageForm {
  kPreCommand,      // no signature, no MAC; with or without the empty signature that some issuers
                    // append
  kSigned,          // Signed Pre-Command, Response, Alert; Command of modes 8 and 9
  kMaced,           // Command of mode 4, CS02a: MAC, no signature
  kSignedAndMaced,  // every other Command
};

// Views into the octets that were parsed, which must outlive the message.
class Message {
 public:
  // Refuses, with kMalformed and the name of the field, anything but exactly one message: a length
  // that is not in its shortest form or does not fit, octets left over, an unknown CRA Flag, a
  // date-time outside a Response, a Response or Alert with neither signature nor MAC.
  static Result<Message> Parse(BytesView octets);

  MessageForm form() const { return form_; }
  const GroupingHeader& header() const { return header_; }
  // The content that the Grouping Header announces: DER of the use case's payload.
  BytesView payload() const { return payload_; }
  // From the octet after the tag DF to the last octet of the payload (section 5.4).
  BytesView ToBeSigned() const { return to_be_signed_; }
  // From DF to the last octet of the signature, or to the 00 in its place; for a Pre-Command to the
  // end of the payload, so that COMMAND = MAC Header || PRECOMMAND || 40 || ....
  BytesView Body() const { return body_; }
  // What the MAC authenticates (section 5.3). For a form without MAC: what a MAC would.
  Bytes Aad() const { return MacAad(body_); }
  const std::optional<Signature>& signature() const { return signature_; }
  const std::optional<Mac>& mac() const { return mac_; }
  // Of the key that made, or would make, the MAC (section 5.2).
  OtherInfo KeyInfo() const {
    return MakeOtherInfo(header_.originator, header_.cra, header_.counter, header_.target);
  }

 private:
  Message() = default;
  friend class MessageParser;

  MessageForm form_ = MessageForm::kPreCommand;
  GroupingHeader header_;
  BytesView payload_;
  BytesView to_be_signed_;
  BytesView body_;
  std::optional<Signature> signature_;
  std::optional<Mac> mac_;
};

}  // namespace acb::gbcs
