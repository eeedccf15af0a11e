// CS02b messages made up from the parts of the public test data where no vector shows the case:
// a network operator's or recovery's command that places the ACB's certificates, its response, its
// alert. Signatures are octets; who wants good ones puts them there.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "firmware/gbcs/der_writer.h"
#include "firmware/smki/certificate.h"
#include "tests/firmware/gbcs/vectors.h"

namespace acb::testing {

inline constexpr auto kNetworkRole = RemotePartyRole::kNetworkOperator;
inline constexpr Eui64 kNetworkOperator{0x90B3D51F30020000};

inline Bytes Envelope(std::uint8_t cra, std::uint64_t counter, Eui64 from, Eui64 to,
                      std::uint16_t code, BytesView payload) {
  const Bytes content = gbcs::DerElement(0x30, {payload});  // only for its length octets
  return ByteWriter()
      .U8(0xDF)
      .U8(0x09)
      .U8(cra)
      .U64(counter)
      .U8(0x08)
      .U64(from.value())
      .U8(0x08)
      .U64(to.value())
      .U8(0x00)
      .U8(0x02)
      .U16(code)
      .Raw(BytesView(content).subspan(1))
      .U8(0x40)
      .Raw(Bytes(64, 0x5A))
      .bytes();
}

inline Bytes CellDer(RemotePartyRole role, std::string_view usage) {
  return gbcs::DerElement(0x30,
                          {gbcs::DerUnsigned(0x02, static_cast<std::uint8_t>(role)), Hex(usage)});
}
inline constexpr std::string_view kSigning = "03020780";
inline constexpr std::string_view kAgreement = "03020308";

inline Bytes ChangeDer(RemotePartyRole role, std::uint64_t floor) {
  return gbcs::DerElement(0x30, {gbcs::DerUnsigned(0x02, static_cast<std::uint8_t>(role)),
                                 gbcs::DerUnsigned(0x02, floor)});
}

struct Made {
  int mode = 3;
  std::uint64_t counter = 1200;
  Eui64 originator = kNetworkOperator;
  RemotePartyRole authorising = kNetworkRole;
  std::optional<std::uint64_t> floor;
  std::optional<std::uint64_t> other_floor;  // [6] for the network operator
  std::string signing = "90b3d51f30000002-ds";
  std::string agreement = "90b3d51f30000002-ka";
  std::string_view execution;  // GeneralizedTime, or empty
  Eui64 device = kGpf;
  // Of the outcome.
  int signing_status = 0;
  int agreement_status = 0;
  bool leave_out_agreement = false;
  std::optional<std::uint64_t> reported;
};

inline Bytes MadeCommand(const Made& made) {
  Bytes control = gbcs::DerUnsigned(0x02, static_cast<std::uint64_t>(made.mode));
  const auto add = [&control](const Bytes& part) {
    control.insert(control.end(), part.begin(), part.end());
  };
  add(gbcs::DerElement(
      0xA2, {gbcs::DerUnsigned(0x02, static_cast<std::uint8_t>(made.authorising)), Hex(kSigning)}));
  add(gbcs::DerUnsigned(0x83, made.counter));
  if (made.floor) add(gbcs::DerUnsigned(0x84, *made.floor));
  if (made.other_floor) add(gbcs::DerElement(0xA6, {ChangeDer(kNetworkRole, *made.other_floor)}));
  const Bytes replacements = gbcs::DerElement(
      0x30,
      {gbcs::DerElement(0x30, {ReadCertificate(made.signing), CellDer(kNetworkRole, kSigning)}),
       gbcs::DerElement(0x30,
                        {ReadCertificate(made.agreement), CellDer(kNetworkRole, kAgreement)})});
  const Bytes path = gbcs::DerElement(0x30, {ReadCertificate("90b3d51f30000002-ds")});
  const Bytes time =
      made.execution.empty() ? Bytes() : gbcs::DerElement(0x18, {AsBytes(made.execution)});
  const Bytes payload =
      gbcs::DerElement(0x30, {gbcs::DerElement(0x30, {control}), replacements, path, time});
  return Envelope(1, made.counter, made.originator, made.device,
                  static_cast<std::uint16_t>(0x0100 + made.mode), payload);
}

inline Bytes OutcomeOf(std::string_view usage, const std::string& sent, std::string_view held,
                       int status) {
  const auto certificate = smki::Certificate::Parse(ReadCertificate(sent)).value();
  const auto before = smki::Certificate::Parse(ReadCertificate(std::string(held))).value();
  const smki::Certificate& now = status == 0 ? *certificate : *before;
  const auto text = [](BytesView octets) { return gbcs::DerElement(0x04, {octets}); };
  return gbcs::DerElement(
      0x30,
      {CellDer(kNetworkRole, usage), gbcs::DerUnsigned(0x0A, static_cast<std::uint64_t>(status)),
       text(before->eui64()->Octets()), text(before->subject_key_identifier()),
       text(now.eui64()->Octets()), text(now.subject_key_identifier())});
}

inline Bytes MadeOutcome(const Made& made) {
  const Bytes changes =
      gbcs::DerElement(0x30, {made.reported ? ChangeDer(kNetworkRole, *made.reported) : Bytes()});
  const Bytes signing =
      OutcomeOf(kSigning, made.signing, "90b3d51f30020000-ds", made.signing_status);
  const Bytes agreement =
      made.leave_out_agreement
          ? Bytes()
          : OutcomeOf(kAgreement, made.agreement, "90b3d51f30020000-ka", made.agreement_status);
  return gbcs::DerElement(0x30, {gbcs::DerUnsigned(0x02, made.counter),
                                 gbcs::DerUnsigned(0x02, static_cast<std::uint64_t>(made.mode)),
                                 changes, gbcs::DerElement(0x30, {signing, agreement})});
}

inline Bytes MadeResponse(const Made& made, bool with_outcome = true) {
  const Bytes payload =
      gbcs::DerElement(0x30, {Hex("0500"), with_outcome ? MadeOutcome(made) : Bytes()});
  return Envelope(2, made.counter, made.device, made.originator,
                  static_cast<std::uint16_t>(0x0100 + made.mode), payload);
}

inline Bytes MadeAlert(const Made& made, std::uint32_t code) {
  const Bytes payload = gbcs::DerElement(
      0x30, {gbcs::DerUnsigned(0x02, code), gbcs::DerElement(0x18, {AsBytes("20261121120000Z")}),
             MadeOutcome(made)});
  return Envelope(3, 2000, made.device, made.originator, 0x00CB, payload);
}

}  // namespace acb::testing
