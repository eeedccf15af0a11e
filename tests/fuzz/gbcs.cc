// gbcs::Message and the payloads of CS02b. What parses is written again, by code of this file, and
// must give the same octets; what the correlation takes for a 6.21 command must be the very octets
// that the builder makes.
#include "firmware/gbcs/correlation.h"
#include "firmware/gbcs/message.h"
#include "firmware/gbcs/payload.h"
#include "tests/fakes/reserved_counter.h"
#include "tests/fuzz/fuzz.h"

namespace {

using acb::Bytes;
using acb::BytesView;
using acb::ByteWriter;
using acb::fuzz::Require;
using namespace acb::gbcs;

void Append(Bytes& to, BytesView octets) { to.insert(to.end(), octets.begin(), octets.end()); }

void AppendLength(Bytes& to, std::size_t length) {
  if (length >= 0x100) {
    Append(to, Bytes{0x82, static_cast<std::uint8_t>(length >> 8),
                     static_cast<std::uint8_t>(length & 0xff)});
    return;
  }
  if (length >= 0x80) to.push_back(0x81);
  to.push_back(static_cast<std::uint8_t>(length));
}

Bytes WriteGroupingHeader(const GroupingHeader& header) {
  Bytes out = ByteWriter()
                  .U8(0xdf)
                  .U8(9)
                  .U8(static_cast<std::uint8_t>(header.cra))
                  .U64(header.counter)
                  .U8(8)
                  .U64(header.originator.value())
                  .U8(8)
                  .U64(header.target.value())
                  .bytes();
  out.push_back(header.date_time ? 12 : 0);
  if (header.date_time) Append(out, *header.date_time);
  Append(out, Bytes{2, static_cast<std::uint8_t>(header.message_code >> 8),
                    static_cast<std::uint8_t>(header.message_code & 0xff)});
  return out;
}

// gbcs-cs02b.md sections 1 and 2.
Bytes Write(const Message& message) {
  Bytes body = WriteGroupingHeader(message.header());
  AppendLength(body, message.payload().size());
  Append(body, message.payload());
  if (message.signature()) {
    body.push_back(64);
    Append(body, *message.signature());
  } else if (message.mac()) {
    body.push_back(0);
  }
  if (!message.mac()) return body;
  Bytes service = {0x11, 0, 0, 0, 0};
  Append(service, body);
  Append(service, *message.mac());
  Bytes out = {0xdd, 0, 0, 0, 0, 0, 0};
  AppendLength(out, service.size());
  Append(out, service);
  return out;
}

// What a 6.21 would have asked for, had it led to this command.
HandoverContent ContentOf(const GroupingHeader& header, const CommandPayload& payload) {
  HandoverContent content;
  content.acb = header.originator;
  content.floor = payload.floor;
  content.prepayment_top_up_floor = payload.prepayment_top_up_floor;
  content.apply_time_based_cpv_checks = payload.apply_time_based_cpv_checks;
  const auto certificate = [&](std::size_t i) {
    return acb::ToBytes(payload.replacements[i].certificate);
  };
  content.digital_signing_certificate = certificate(0);
  content.key_agreement_certificate = certificate(1);
  if (payload.replacements.size() > 2) content.key_agreement_top_up_certificate = certificate(2);
  for (const BytesView der : payload.certification_path) {
    content.certification_path.push_back(acb::ToBytes(der));
  }
  return content;
}

// R-SEC3-6.
void CheckBuiltAgain(const Message& message, const CommandPayload& payload) {
  const auto counter = acb::OriginatorCounter::From(message.header().counter);
  if (!counter || payload.replacements.size() < 2 || payload.replacements.size() > 3) return;
  const HandoverContent content = ContentOf(message.header(), payload);
  const auto reserved = acb::testing::Reserve(
      acb::RequestId{acb::Eui64(0x90b3d51f30010000), message.header().target, 1},
      payload.replacements[0].cell.role, *counter);
  Bytes octets = {0xdf};
  Append(octets, message.ToBeSigned());
  if (!CheckCorrelation(octets, content, reserved)) return;
  const auto built = BuildUpdateSecurityCredentials(content, reserved);
  // The parser takes longer paths and other certificates than the builder.
  if (!built) return;
  Require(acb::Equal(built->octets(), octets), "built again it is the same command");
}

void ParsePayloads(BytesView octets) {
  static_cast<void>(CommandPayload::Parse(octets).has_value());
  static_cast<void>(ResponsePayload::Parse(octets).has_value());
  static_cast<void>(AlertPayload::Parse(octets).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView octets{data, size};
  const auto message = Message::Parse(octets);
  if (!message) {
    ParsePayloads(octets);
    return 0;
  }
  // An empty signature behind a Pre-Command is dropped (section 1).
  Bytes again = Write(*message);
  if (message->form() == MessageForm::kPreCommand && again.size() + 1 == size) again.push_back(0);
  Require(acb::Equal(again, octets), "written again it is the same message");
  ParsePayloads(message->payload());
  const auto payload = CommandPayload::Parse(message->payload());
  if (!payload) return 0;
  static_cast<void>(CheckAgreement(message->header(), *payload).has_value());
  CheckBuiltAgain(*message, *payload);
  return 0;
}
