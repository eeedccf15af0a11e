#include "firmware/gbcs/message.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace acb::gbcs {
namespace {

constexpr std::uint8_t kGeneralCiphering = 0xDD;
constexpr std::uint8_t kGeneralSigning = 0xDF;
// transaction-id, originator and recipient titles, date-time, other-information: empty; key-info:
// absent.
constexpr std::size_t kEmptyMacHeaderFields = 6;
constexpr std::uint8_t kSecurityControl = 0x11;  // authentication only, suite 1
constexpr std::uint8_t kTransactionIdOctets = 9;
constexpr std::uint8_t kEuiOctets = 8;
constexpr std::uint8_t kDateTimeOctets = 12;
constexpr std::uint8_t kMessageCodeOctets = 2;
constexpr std::uint8_t kSignatureOctets = 64;

}  // namespace

// Reads one message from front to back. The first field that is wrong names the failure; the
// reading of later ones is harmless, since ByteReader gives zeros past the end.
class MessageParser {
 public:
  explicit MessageParser(BytesView octets) : octets_(octets), reader_(octets) {}

  Result<Message> Parse() {
    if (octets_.size() > kMaxMessageOctets) Refuse("message: too large");
    const bool maced = !octets_.empty() && octets_.front() == kGeneralCiphering;
    if (maced) MacHeader();
    const std::size_t body_start = Position();
    Expect(kGeneralSigning, "tag general-signing");
    const std::size_t signed_start = Position();
    Header();
    message_.payload_ = reader_.Raw(Length("content length"));
    if (!reader_.ok()) Refuse("payload: shorter than announced");
    message_.to_be_signed_ = octets_.subspan(signed_start, Position() - signed_start);
    std::size_t body_end = Position();
    if (maced || !reader_.rest().empty()) {
      TakeSignature();
      // An empty signature behind a Pre-Command is dropped (section 1); under a MAC it is
      // authenticated.
      if (maced || message_.signature_) body_end = Position();
    }
    if (maced) TakeMac();
    if (!reader_.rest().empty()) Refuse("message: octets after the end");
    if (!problem_.empty()) return Failure(Reason::kMalformed, problem_);
    message_.body_ = octets_.subspan(body_start, body_end - body_start);
    return Finish();
  }

 private:
  std::size_t Position() const { return octets_.size() - reader_.rest().size(); }

  void Refuse(std::string_view problem) {
    if (problem_.empty()) problem_ = problem;
  }

  void Expect(std::uint8_t value, std::string_view field) {
    const std::uint8_t found = reader_.U8();
    if (!reader_.ok() || found != value) {
      Refuse(std::string(field) + ": not " + ToHex({&value, 1}));
    }
  }

  // One octet below 128, else 81 xx, else 82 xx xx, in the shortest form (section 2.1).
  std::size_t Length(std::string_view field) {
    const std::uint8_t first = reader_.U8();
    if (first < 0x80) return first;
    std::size_t length = 0;
    if (first == 0x81) length = reader_.U8();
    if (first == 0x82) length = reader_.U16();
    const bool shortest = first == 0x81 ? length >= 0x80 : length >= 0x100;
    if (!shortest) Refuse(std::string(field) + ": not in the shortest form");
    return length;
  }

  void MacHeader() {
    Expect(kGeneralCiphering, "tag general-ciphering");
    for (std::size_t i = 0; i < kEmptyMacHeaderFields; ++i) Expect(0, "MAC Header");
    const std::size_t length = Length("ciphered-service length");
    if (length != reader_.rest().size()) Refuse("ciphered-service length: not what follows");
    Expect(kSecurityControl, "security control byte");
    if (reader_.U32() != 0) Refuse("invocation counter: not zero");
  }

  void Header() {
    GroupingHeader& header = message_.header_;
    Expect(kTransactionIdOctets, "transaction-id length");
    const std::uint8_t cra = reader_.U8();
    if (cra < 1 || cra > 3) Refuse("CRA Flag: unknown");
    header.cra = static_cast<CraFlag>(cra);
    header.counter = reader_.U64();
    Expect(kEuiOctets, "originator-system-title length");
    header.originator = Eui64(reader_.U64());
    Expect(kEuiOctets, "recipient-system-title length");
    header.target = Eui64(reader_.U64());
    DateTime();
    Expect(kMessageCodeOctets, "other-information length");
    header.message_code = reader_.U16();
  }

  // Empty in every Command and Alert; in Responses both forms occur (section 2.2).
  void DateTime() {
    const std::uint8_t length = reader_.U8();
    if (length == 0) return;
    const bool allowed = length == kDateTimeOctets && message_.header_.cra == CraFlag::kResponse;
    if (!allowed) return Refuse("date-time: not allowed here");
    const BytesView value = reader_.Raw(kDateTimeOctets);
    if (!reader_.ok()) return Refuse("date-time: cut off");
    std::ranges::copy(value, message_.header_.date_time.emplace().begin());
  }

  void TakeSignature() {
    const std::uint8_t length = reader_.U8();
    if (!reader_.ok()) return Refuse("signature length: missing");
    if (length == 0) return;
    if (length != kSignatureOctets) return Refuse("signature length: neither 40 nor 00");
    const BytesView value = reader_.Raw(kSignatureOctets);
    if (!reader_.ok()) return Refuse("signature: cut off");
    std::ranges::copy(value, message_.signature_.emplace().begin());
  }

  void TakeMac() {
    const BytesView value = reader_.Raw(std::tuple_size_v<Mac>);
    if (!reader_.ok()) return Refuse("MAC: cut off");
    std::ranges::copy(value, message_.mac_.emplace().begin());
  }

  Result<Message> Finish() {
    if (message_.mac_) {
      message_.form_ = message_.signature_ ? MessageForm::kSignedAndMaced : MessageForm::kMaced;
      return message_;
    }
    if (message_.signature_) {
      message_.form_ = MessageForm::kSigned;
      return message_;
    }
    if (message_.header_.cra != CraFlag::kCommand) {
      return Failure(Reason::kMalformed, "signature: missing");
    }
    message_.form_ = MessageForm::kPreCommand;
    return message_;
  }

  BytesView octets_;
  ByteReader reader_;
  Message message_;
  std::string problem_;
};

Result<Message> Message::Parse(BytesView octets) { return MessageParser(octets).Parse(); }

}  // namespace acb::gbcs
