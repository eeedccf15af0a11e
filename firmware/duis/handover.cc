#include "firmware/duis/handover.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>

#include "firmware/base/base64.h"

namespace acb::duis {
namespace {

constexpr std::string_view kService = "6.21";
constexpr std::string_view kServiceElement = "RequestHandoverOfDCCControlledDevice";
constexpr std::string_view kDigits = "0123456789";
// CommandVariant is 1..9, of which 6.21 has the first three (duis-6.21.md 1.2).
constexpr std::uint64_t kLastVariant = 9;
constexpr std::uint64_t kLastHandoverVariant = 3;
constexpr int kMaxPathCertificates = 3;

struct Header {
  std::optional<RequestId> request_id;
  std::string command_variant;
};

// xs:nonNegativeInteger as a number: "+7" and "007" are 7 there too (duis-6.21.md 1.2). Not "-0",
// which is legal and never meant. Nothing above 2^64-1.
std::optional<std::uint64_t> NonNegativeInteger(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || text.find_first_not_of(kDigits) != std::string_view::npos)
    return std::nullopt;
  text.remove_prefix(std::min(text.find_first_not_of('0'), text.size() - 1));
  return ParseDecimal(text);
}

// Whether `text` is an xs:decimal of the same value as `version`, which is written "5.4".
bool IsDecimal(std::string_view text, std::string_view version) {
  if (text.starts_with('+')) text.remove_prefix(1);
  text.remove_prefix(std::min(text.find_first_not_of('0'), text.size()));
  const std::size_t point = std::min(text.find('.'), text.size());
  const std::size_t last = text.find_last_not_of('0');
  // "5", "5." and "5.0" are one number.
  const bool whole = last == std::string_view::npos || last <= point;
  const std::string written =
      std::string(text.substr(0, point)) + "." +
      (whole || point == text.size() ? "0" : std::string(text.substr(point + 1, last - point)));
  return written == version;
}

// "6.15.1": how the schema writes services.
bool LooksLikeService(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos;
}

void CheckService(Reading& reading, std::string_view element, const std::string& value) {
  if (value == kService) return;
  reading.Fail(LooksLikeService(value) ? Reason::kSrvNotSignedHere : Reason::kMalformed,
               std::string(element) + " is '" + Printable(value) + "'; only 6.21 is signed here");
}

bool Boolean(Reading& reading, std::string_view element, const std::string& text) {
  const std::string value = Collapse(text);
  if (value == "true" || value == "1") return true;
  if (value != "false" && value != "0") {
    reading.Fail(Reason::kMalformed,
                 std::string(element) + " is '" + Printable(value) + "', neither true nor false");
  }
  return false;
}

Header ReadHeader(Reading& reading, const xmlNode* element) {
  Header header;
  Sequence children(reading, kDuis, element);
  const std::string request_id = Collapse(children.Text("RequestID"));
  const auto first = children.OptionalText("FirstInSequence");
  const auto preceding = children.OptionalText("PrecedingServiceRequestID");
  header.command_variant = Collapse(children.Text("CommandVariant"));
  // xs:string: blanks count.
  const std::string service = children.Text("ServiceReference");
  const std::string variant = children.Text("ServiceReferenceVariant");
  children.End();
  if (!reading.ok()) return header;

  // R-NOW-2: a counter of more than 64 bits is MALFORMED.
  header.request_id = RequestId::FromText(request_id);
  if (!header.request_id) {
    reading.Fail(Reason::kMalformed,
                 "sr:RequestID is '" + Printable(request_id) +
                     "', not two EUI-64 and a counter of 0 .. 2^64-1 (90-B3-...:00-DB-...:1001)");
  }
  CheckService(reading, "sr:ServiceReference", service);
  CheckService(reading, "sr:ServiceReferenceVariant", variant);
  if (first) (void)Boolean(reading, "sr:FirstInSequence", *first);
  if (preceding && !RequestId::FromText(Collapse(*preceding))) {
    reading.Fail(Reason::kMalformed, "sr:PrecedingServiceRequestID is no RequestID");
  }
  return header;
}

int CommandVariant(Reading& reading, const std::string& text) {
  const auto number = NonNegativeInteger(text);
  if (!number || *number < 1 || *number > kLastVariant) {
    reading.Fail(Reason::kMalformed, "sr:CommandVariant is '" + Printable(text) + "', not 1 .. 9");
    return 0;
  }
  if (*number > kLastHandoverVariant) {
    reading.Fail(Reason::kCommandVariant,
                 "sr:CommandVariant is " + std::to_string(*number) + "; 6.21 has 1, 2 and 3");
  }
  return static_cast<int>(*number);
}

std::optional<FloorSeqNumber> Floor(Reading& reading, std::string_view element,
                                    const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  const auto number = NonNegativeInteger(Collapse(*text));
  // R-NOW-2: never wrapped, never cut. R-NOW-3's limit is configuration, and checked later.
  const auto floor = number ? FloorSeqNumber::From(*number) : std::nullopt;
  if (!floor) {
    reading.Fail(Reason::kMalformed, std::string(element) + " is '" + Printable(*text) +
                                         "', not a whole number of 0 .. 9223372036854775807");
  }
  return floor;
}

std::optional<UtcTime> Execution(Reading& reading, const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  const auto time = UtcTime::FromIso(Collapse(*text));
  if (!time) {
    reading.Fail(Reason::kMalformed,
                 "sr:ExecutionDateTime is '" + Printable(*text) +
                     "', not a date and time with its zone (2026-11-21T12:00:00Z)");
  }
  return time;
}

RemotePartyRole Role(Reading& reading, const std::string& text) {
  // Also ACB, Recovery, Root, TransCoS and LoadController are schema-valid (duis-6.21.md 1.5, 1.6).
  const std::string role = Collapse(text);
  if (role == Name(RemotePartyRole::kSupplier)) return RemotePartyRole::kSupplier;
  if (role != Name(RemotePartyRole::kNetworkOperator)) {
    reading.Fail(Reason::kMalformed, "sr:RemotePartyRole is '" + Printable(role) +
                                         "'; 6.21 hands over to Supplier and NetworkOperator");
  }
  return RemotePartyRole::kNetworkOperator;
}

Bytes Certificate(Reading& reading, std::string_view element, const std::string& text) {
  auto der = FromBase64(text);
  if (!der || der->empty()) {
    reading.Fail(Reason::kMalformed, std::string(element) + (der ? " is empty" : " is not base64"));
    return {};
  }
  return *std::move(der);
}

std::optional<Bytes> OptionalCertificate(Reading& reading, std::string_view element,
                                         const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return Certificate(reading, element, *text);
}

void ReadReplacements(Reading& reading, const xmlNode* element, HandoverRequest& into) {
  Sequence children(reading, kDuis, element);
  const std::string signing = children.Text("DigitalSigningCertificate");
  const auto agreement = children.OptionalText("KeyAgreementCertificate");
  const auto top_up = children.OptionalText("KeyAgreementTopUpCertificate");
  children.End();
  into.digital_signing_certificate = Certificate(reading, "sr:DigitalSigningCertificate", signing);
  into.key_agreement_certificate =
      OptionalCertificate(reading, "sr:KeyAgreementCertificate", agreement);
  into.key_agreement_top_up_certificate =
      OptionalCertificate(reading, "sr:KeyAgreementTopUpCertificate", top_up);
}

void ReadPath(Reading& reading, const xmlNode* element, HandoverRequest& into) {
  Sequence children(reading, kDuis, element);
  std::optional<std::string> text = children.Text("Certificate");
  for (int count = 0; text && count < kMaxPathCertificates; ++count) {
    into.certification_path.push_back(Certificate(reading, "sr:Certificate", *text));
    text = count + 1 < kMaxPathCertificates ? children.OptionalText("Certificate") : std::nullopt;
  }
  children.End();
}

// duis-6.21.md 1.5, 3.3 check 26: the schema does not tie them to the role.
void CheckTopUp(Reading& reading, const HandoverRequest& request) {
  const bool top_up = request.key_agreement_top_up_certificate || request.prepayment_top_up_floor;
  if (top_up && request.role != RemotePartyRole::kSupplier) {
    reading.Fail(Reason::kMalformed,
                 "a prepayment top-up certificate or floor, with a sr:RemotePartyRole that has no "
                 "such cell");
  }
}

void ReadBody(Reading& reading, const xmlNode* element, HandoverRequest& into) {
  Sequence children(reading, kDuis, element);
  into.execution = Execution(reading, children.OptionalText("ExecutionDateTime"));
  into.role = Role(reading, children.Text("RemotePartyRole"));
  into.floor = Floor(reading, "sr:RemotePartyFloorSeqNumber",
                     children.OptionalText("RemotePartyFloorSeqNumber"));
  into.prepayment_top_up_floor =
      Floor(reading, "sr:RemotePartyPrepaymentTopUpFloorSeqNumber",
            children.OptionalText("RemotePartyPrepaymentTopUpFloorSeqNumber"));
  ReadReplacements(reading, children.Element("ReplacementCertificates"), into);
  ReadPath(reading, children.Element("CertificationPathCertificates"), into);
  into.apply_time_based_cpv_checks =
      Boolean(reading, "sr:ApplyTimeBasedCPVChecks", children.Text("ApplyTimeBasedCPVChecks"));
  children.End();
  CheckTopUp(reading, into);
}

// The header says 6.21; the schema does not make the body agree (duis-6.21.md 1.2).
const xmlNode* ServiceElement(Reading& reading, Sequence& body) {
  const xmlNode* next = body.Peek();
  if (next != nullptr && !Is(*next, kDuis, kServiceElement) && next->ns != nullptr &&
      Is(*next, kDuis, reinterpret_cast<const char*>(next->name))) {
    reading.Fail(Reason::kSrvNotSignedHere,
                 "sr:Body holds " + Printable(reinterpret_cast<const char*>(next->name)) +
                     ", not " + std::string(kServiceElement));
  }
  return body.Element(kServiceElement);
}

}  // namespace

std::string_view SchemaVersionOf(const Sequence& request) {
  const std::string text = Collapse(request.Attribute("schemaVersion"));
  for (const std::string_view version : kSchemaVersions) {
    if (IsDecimal(text, version)) return version;
  }
  return {};
}

const xmlNode* ReadRequestElement(Reading& reading, const xmlDoc& document) {
  const xmlNode* root = xmlDocGetRootElement(&document);
  if (root == nullptr || !Is(*root, kDuis, "Request")) {
    reading.Fail(Reason::kMalformed, "the document element is not sr:Request of the namespace " +
                                         std::string(kDuis.uri));
    return nullptr;
  }
  const Sequence request(reading, kDuis, root, {"schemaVersion"});
  // R-107-9.
  if (SchemaVersionOf(request).empty()) {
    reading.Fail(Reason::kDuisVersion, "schemaVersion is '" +
                                           Printable(Collapse(request.Attribute("schemaVersion"))) +
                                           "'; 5.0, 5.1, 5.3 and 5.4 are supported");
  }
  return reading.ok() ? root : nullptr;
}

std::optional<HandoverRequest> ReadHandover(Reading& reading, Sequence& request) {
  const Header header = ReadHeader(reading, request.Element("Header"));
  Sequence body(reading, kDuis, request.Element("Body"));
  const xmlNode* service = ServiceElement(reading, body);
  body.End();
  // Only now: another service has other variants.
  const int variant = CommandVariant(reading, header.command_variant);
  if (!reading.ok()) return std::nullopt;

  HandoverRequest content{*header.request_id,
                          std::string(SchemaVersionOf(request)),
                          variant,
                          std::nullopt,
                          RemotePartyRole::kSupplier,
                          std::nullopt,
                          std::nullopt,
                          {},
                          std::nullopt,
                          std::nullopt,
                          {},
                          true};
  ReadBody(reading, service, content);
  if (!reading.ok()) return std::nullopt;
  return content;
}

}  // namespace acb::duis
