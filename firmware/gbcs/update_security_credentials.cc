#include "firmware/gbcs/update_security_credentials.h"

#include <string>
#include <string_view>

#include "firmware/gbcs/der_writer.h"

namespace acb::gbcs {
namespace {

constexpr std::uint8_t kSequence = 0x30;
constexpr std::uint8_t kInteger = 0x02;

// AuthorisingRemotePartyControl (section 3.1): IMPLICIT tags, primitive for integers (trap 5).
constexpr std::uint8_t kApplyTimeBasedCpvChecks = 0x81;
constexpr std::uint8_t kAuthorisingCell = 0xA2;
constexpr std::uint8_t kAuthorisingSeqNumber = 0x83;
constexpr std::uint8_t kNewFloor = 0x84;
constexpr std::uint8_t kNewSpecialistFloor = 0xA5;
constexpr std::uint8_t kDisapply = 1;
constexpr std::uint8_t kPrepaymentTopUpUsage = 0;  // seqNumberUsage

// KeyUsage BIT STRINGs, whole: digitalSignature(0) and keyAgreement(4).
constexpr std::array<std::uint8_t, 4> kSigns = {0x03, 0x02, 0x07, 0x80};
constexpr std::array<std::uint8_t, 4> kAgrees = {0x03, 0x02, 0x03, 0x08};
// cellUsage prePaymentTopUp(1); management(0) is the DEFAULT and left out.
constexpr std::array<std::uint8_t, 3> kTopUp = {0x02, 0x01, 0x01};

constexpr std::size_t kMaxReplacements = 3;
static_assert(kMaxPathCertificatesBuilt == 3);  // DUIS 6.21: 1 to 3 (section 11)
// Every length of the message fits 82 xx xx: the certificates, and 512 octets are more than all the
// rest.
static_assert((kMaxReplacements + kMaxPathCertificatesBuilt) * kMaxCertificateOctets + 512 <
              0x10000);

// Of the role whose cells are handed over (section 4.2). Zero: 6.21 has no such role.
std::uint8_t ModeOf(RemotePartyRole role) {
  if (role == RemotePartyRole::kSupplier) return 2;         // supplierBySupplier
  if (role == RemotePartyRole::kNetworkOperator) return 3;  // networkOperatorByNetworkOperator
  return 0;
}

Failure Unfit(std::string_view what) { return Failure(Reason::kCorrelation, std::string(what)); }

// One SEQUENCE, its length in the shortest form, with nothing behind it. What is inside is copied,
// not judged: smki/ and checks/ did that.
bool IsOneSequence(BytesView der) {
  if (der.size() < 2 || der.size() > kMaxCertificateOctets || der[0] != kSequence) return false;
  // Written anew around the same content, it must be the same.
  for (const std::size_t header : {std::size_t{2}, std::size_t{3}, std::size_t{4}}) {
    if (der.size() < header) return false;
    Bytes expected = {kSequence};
    AppendLength(der.size() - header, expected);
    if (expected.size() == header && Equal(expected, der.first(header))) return true;
  }
  return false;
}

Status CheckContent(const HandoverContent& content, RemotePartyRole role) {
  if (ModeOf(role) == 0) return Unfit("6.21 hands over supplier and network operator cells only");
  const bool top_up = content.key_agreement_top_up_certificate || content.prepayment_top_up_floor;
  if (top_up && role != RemotePartyRole::kSupplier) {
    return Unfit("only a supplier has prepayment top-up credentials");
  }
  const std::size_t path = content.certification_path.size();
  if (path < 1 || path > kMaxPathCertificatesBuilt) {
    return Unfit("1 to 3 certification path certificates are needed");
  }
  bool whole = IsOneSequence(content.digital_signing_certificate) &&
               IsOneSequence(content.key_agreement_certificate);
  if (content.key_agreement_top_up_certificate) {
    whole = whole && IsOneSequence(*content.key_agreement_top_up_certificate);
  }
  for (const Bytes& certificate : content.certification_path) {
    whole = whole && IsOneSequence(certificate);
  }
  if (!whole) return Unfit("a certificate is not one DER SEQUENCE of up to 8 KiB");
  return Done{};
}

// TrustAnchorCellIdentifier.
Bytes Cell(std::uint8_t tag, RemotePartyRole role, BytesView key_usage, BytesView cell_usage = {}) {
  return DerElement(
      tag, {DerUnsigned(kInteger, static_cast<std::uint8_t>(role)), key_usage, cell_usage});
}

Bytes Control(const HandoverContent& content, const ReservedCounter& reserved) {
  const Bytes mode = DerUnsigned(kInteger, ModeOf(reserved.role()));
  Bytes checks, floor, top_up_floor;
  // DEFAULT apply is left out (section 4.4).
  if (!content.apply_time_based_cpv_checks) {
    checks = DerUnsigned(kApplyTimeBasedCpvChecks, kDisapply);
  }
  // The cell that proves the signature is the role's own, which holds the ACB's certificate: never
  // {accessControlBroker, ...} (section 4.2).
  const Bytes cell = Cell(kAuthorisingCell, reserved.role(), kSigns);
  const Bytes counter = DerUnsigned(kAuthorisingSeqNumber, reserved.counter().value());
  if (content.floor) floor = DerUnsigned(kNewFloor, content.floor->value());
  if (content.prepayment_top_up_floor) {
    const Bytes entry =
        DerElement(kSequence, {DerUnsigned(kInteger, kPrepaymentTopUpUsage),
                               DerUnsigned(kInteger, content.prepayment_top_up_floor->value())});
    top_up_floor = DerElement(kNewSpecialistFloor, {entry});
  }
  return DerElement(kSequence, {mode, checks, cell, counter, floor, top_up_floor});
}

Bytes Replacements(const HandoverContent& content, RemotePartyRole role) {
  const Bytes signing =
      DerElement(kSequence, {content.digital_signing_certificate, Cell(kSequence, role, kSigns)});
  const Bytes agreement =
      DerElement(kSequence, {content.key_agreement_certificate, Cell(kSequence, role, kAgrees)});
  Bytes top_up;
  if (content.key_agreement_top_up_certificate) {
    top_up = DerElement(kSequence, {*content.key_agreement_top_up_certificate,
                                    Cell(kSequence, role, kAgrees, kTopUp)});
  }
  return DerElement(kSequence, {signing, agreement, top_up});
}

Bytes Payload(const HandoverContent& content, const ReservedCounter& reserved) {
  Bytes path;
  for (const Bytes& certificate : content.certification_path) {
    path.insert(path.end(), certificate.begin(), certificate.end());
  }
  return DerElement(kSequence, {Control(content, reserved), Replacements(content, reserved.role()),
                                DerElement(kSequence, {path})});
}

}  // namespace

Result<UnsignedCommand> BuildUpdateSecurityCredentials(const HandoverContent& content,
                                                       const ReservedCounter& reserved) {
  if (auto fits = CheckContent(content, reserved.role()); !fits) return fits.error();
  const Bytes payload = Payload(content, reserved);
  Bytes length;
  AppendLength(payload.size(), length);
  // Grouping Header (section 2.2). Originator and counter are the ACB's, not those of the DUIS
  // request.
  ByteWriter message;
  message.U8(0xDF).U8(0x09).U8(0x01);               // general-signing, transaction-id: Command,
  message.U64(reserved.counter().value());          // Originator Counter
  message.U8(0x08).U64(content.acb.value());        // Business Originator ID
  message.U8(0x08).U64(reserved.device().value());  // Business Target ID
  message.U8(0x00);                                 // no date-time
  message.U8(0x02).U8(0x01).U8(ModeOf(reserved.role()));  // Message Code 0100 + mode
  message.Raw(length).Raw(payload);
  return UnsignedCommand(std::move(message).bytes(), content.acb, reserved.device(),
                         reserved.counter());
}

SignedCommand Assemble(const UnsignedCommand& command, const Signature& signature, const Mac& mac) {
  // MAC Header (section 2.1): tag, five empty octet strings, no key-info, then the length of
  // security control byte (1) || invocation counter (4) || all that follows.
  const std::size_t ciphered = 1 + 4 + command.octets().size() + 1 + signature.size() + mac.size();
  Bytes header = {0xDD, 0, 0, 0, 0, 0, 0};
  AppendLength(ciphered, header);
  ByteWriter message;
  message.Raw(header).U8(0x11).U32(0);
  message.Raw(command.octets());
  message.U8(static_cast<std::uint8_t>(signature.size())).Raw(signature);
  message.Raw(mac);
  return {std::move(message).bytes()};
}

}  // namespace acb::gbcs
