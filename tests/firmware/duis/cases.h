// Requests that differ from one good request in one place. Each is signed after the change, so that
// only the rule it is about can refuse it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/base/reason.h"
#include "tests/support/duis_signer.h"

namespace acb::testing {

// Every element that a 6.21 may have, but FirstInSequence and PrecedingServiceRequestID. The
// certificates are octets: what is in them is not looked at here.
inline HandoverFields FullFields() {
  HandoverFields fields;
  fields.request_id = "90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1001";
  fields.execution = "2026-12-01T00:00:00.00Z";
  fields.role = "Supplier";
  fields.floor = "5";
  fields.top_up_floor = "6";
  fields.digital_signing_certificate = "AQI=";
  fields.key_agreement_certificate = "AwQ=";
  fields.key_agreement_top_up_certificate = "BQY=";
  fields.certification_path = {"Bwg="};
  return fields;
}

struct Case {
  std::string name;
  std::string from;  // in MakeHandoverXml(FullFields())
  std::string to;
  std::optional<Reason> refused;
  std::string says;  // in the explanation
  bool schema_valid =
      false;  // by the public XSD as libxml2 reads it, which skips what is not base64
};

inline std::string Document(const Case& changed) {
  return Replaced(MakeHandoverXml(FullFields()), changed.from, changed.to);
}

inline std::vector<Case> AcceptedCases() {
  const std::string counter = ":1001</";
  const std::string variant = "<sr:CommandVariant>1<";
  const std::string floor = "<sr:RemotePartyFloorSeqNumber>5<";
  const std::string time = "2026-12-01T00:00:00.00Z";
  const std::string cpv = "Checks>true<";
  std::vector<Case> cases = {
      {"nothing changed", "1001", "1001", {}, "", true},
      {"counter 0", counter, ":0</", {}, "", true},
      {"counter 2^63", counter, ":9223372036854775808</", {}, "", true},
      {"counter 2^64-1", counter, ":18446744073709551615</", {}, "", true},
      {"lower case EUI-64", "00-DB-12", "00-db-12", {}, "", true},
      {"blanks around the RequestID", ":1001<", ":1001 \n<", {}, "", true},
      {"RequestID in CDATA",
       "90-B3-D5-1F-30-01-00-00:",
       "<![CDATA[90-B3]]>-D5-1F-30-01-00-00:",
       {},
       "",
       true},
      {"character reference in RequestID", ":1001<", ":&#49;001<", {}, "", true},
      {"FirstInSequence and PrecedingServiceRequestID",
       "<sr:CommandVariant>",
       "<sr:FirstInSequence>false</sr:FirstInSequence><sr:PrecedingServiceRequestID>"
       "90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1000</sr:PrecedingServiceRequestID>"
       "<sr:CommandVariant>",
       {},
       "",
       true},
      {"FirstInSequence with blanks",
       "<sr:CommandVariant>",
       "<sr:FirstInSequence> true\n</sr:FirstInSequence><sr:CommandVariant>",
       {},
       "",
       true},
      {"CommandVariant 01", variant, "<sr:CommandVariant>01<", {}, "", true},
      {"CommandVariant +1", variant, "<sr:CommandVariant>+1<", {}, "", true},
      {"CommandVariant 2", variant, "<sr:CommandVariant>2<", {}, "", true},
      {"CommandVariant 3", variant, "<sr:CommandVariant>3<", {}, "", true},
      {"role with blanks", ">Supplier<", "> Supplier\n<", {}, "", true},
      {"floor 00", floor, "<sr:RemotePartyFloorSeqNumber>00<", {}, "", true},
      {"floor +5", floor, "<sr:RemotePartyFloorSeqNumber>+5<", {}, "", true},
      {"floor 2^63-1", floor, "<sr:RemotePartyFloorSeqNumber>9223372036854775807<", {}, "", true},
      {"no floor",
       "<sr:RemotePartyFloorSeqNumber>5</sr:RemotePartyFloorSeqNumber>",
       "",
       {},
       "",
       true},
      {"execution time with an offset", time, "2026-12-01T01:00:00+01:00", {}, "", true},
      {"the cancellation time", time, "3000-12-31T00:00:00.00Z", {}, "", true},
      {"ApplyTimeBasedCPVChecks false", cpv, "Checks>false<", {}, "", true},
      {"ApplyTimeBasedCPVChecks 0", cpv, "Checks>0<", {}, "", true},
      {"ApplyTimeBasedCPVChecks 1", cpv, "Checks>1<", {}, "", true},
      {"base64 with a line break", "AQI=", "A\nQI=", {}, "", true},
      {"base64 with a carriage return", "AQI=", "AQ&#13;\nI=", {}, "", true},
      {"three path certificates",
       "<sr:Certificate>Bwg=</sr:Certificate>",
       "<sr:Certificate>Bwg=</sr:Certificate><sr:Certificate>Bwg=</sr:Certificate>"
       "<sr:Certificate>Bwg=</sr:Certificate>",
       {},
       "",
       true},
      {"no key agreement certificates",
       "<sr:KeyAgreementCertificate>AwQ=</sr:KeyAgreementCertificate>"
       "<sr:KeyAgreementTopUpCertificate>BQY=</sr:KeyAgreementTopUpCertificate>",
       "",
       {},
       "",
       true},
      {"white space between elements",
       "<sr:CommandVariant>",
       "\r\n\t <sr:CommandVariant>",
       {},
       "",
       true},
      {"a namespace declaration nobody uses",
       " schemaVersion",
       " xmlns:x=\"urn:x\" schemaVersion",
       {},
       "",
       true},
      // A schema lets it pass on any element; it says nothing about the request.
      {"xsi:schemaLocation",
       "\"5.4\"",
       "\"5.4\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
       "xsi:schemaLocation=\"urn:x x.xsd\" xsi:noNamespaceSchemaLocation=\"y.xsd\"",
       {},
       "",
       true},
      {"an attribute in single quotes", "\"5.4\"", "'5.4'", {}, "", true},
  };
  // An xs:decimal: one number has many spellings.
  for (const char* version :
       {"5.0", "5.1", "5.3", "5.40", "+5.4", "05.4", " 5.4 ", "005.400", "5", "5."}) {
    cases.push_back({std::string("schemaVersion ") + version, "5.4", version, {}, "", true});
  }
  return cases;
}

// Values.
inline std::vector<Case> RefusedValues() {
  const Reason malformed = Reason::kMalformed;
  const std::string id = ">90-B3-D5-1F-30-01-00-00:";
  const std::string counter = ":1001</";
  const std::string variant = "<sr:CommandVariant>1<";
  const std::string floor = "<sr:RemotePartyFloorSeqNumber>5<";
  const std::string top_up = "<sr:RemotePartyPrepaymentTopUpFloorSeqNumber>6<";
  const std::string time = "2026-12-01T00:00:00.00Z";
  const std::string reference = "<sr:ServiceReference>6.21<";
  const std::string reference_variant = "<sr:ServiceReferenceVariant>6.21<";
  std::vector<Case> cases = {
      {"EUI-64 of 9 octets", id, ">90-B3-D5-1F-30-01-00-00-00:", malformed, "sr:RequestID"},
      {"EUI-64 without hyphens", id, ">90B3D51F30010000:", malformed, "sr:RequestID"},
      {"EUI-64 with underlines", id, ">90_B3_D5_1F_30_01_00_00:", malformed, "sr:RequestID"},
      {"CommandVariant 10", variant, "<sr:CommandVariant>10<", malformed, "CommandVariant"},
      {"CommandVariant 0", variant, "<sr:CommandVariant>0<", malformed, "CommandVariant"},
      {"CommandVariant empty", variant, "<sr:CommandVariant><", malformed, "CommandVariant"},
      {"CommandVariant 2^64+1", variant, "<sr:CommandVariant>18446744073709551617<", malformed,
       "CommandVariant"},
      {"CommandVariant 4", variant, "<sr:CommandVariant>4<", Reason::kCommandVariant, "is 4", true},
      {"CommandVariant 9", variant, "<sr:CommandVariant>9<", Reason::kCommandVariant, "is 9", true},
      {"ServiceReference 6.15", reference, "<sr:ServiceReference>6.15<", Reason::kSrvNotSignedHere,
       "6.15", true},
      {"ServiceReferenceVariant 6.15.1", reference_variant, "<sr:ServiceReferenceVariant>6.15.1<",
       Reason::kSrvNotSignedHere, "6.15.1", true},
      {"ServiceReference with a blank", reference, "<sr:ServiceReference>6.21 <", malformed,
       "ServiceReference"},
      {"ServiceReference empty", reference, "<sr:ServiceReference><", malformed,
       "ServiceReference"},
      {"FirstInSequence yes", "<sr:CommandVariant>",
       "<sr:FirstInSequence>yes</sr:FirstInSequence><sr:CommandVariant>", malformed,
       "FirstInSequence"},
      {"PrecedingServiceRequestID 7", "<sr:CommandVariant>",
       "<sr:PrecedingServiceRequestID>7</sr:PrecedingServiceRequestID><sr:CommandVariant>",
       malformed, "PrecedingServiceRequestID"},
      {"execution time without zone", time, "2026-12-01T00:00:00", malformed, "zone", true},
      {"execution on 30 February", time, "2026-02-30T00:00:00Z", malformed, "ExecutionDateTime"},
      {"execution time empty", time, "", malformed, "ExecutionDateTime"},
      {"top-up floor 2^63", top_up,
       "<sr:RemotePartyPrepaymentTopUpFloorSeqNumber>9223372036854775808<", malformed,
       "TopUpFloor"},
      {"top-up certificate and floor for a network operator", ">Supplier<", ">NetworkOperator<",
       malformed, "top-up", true},
      {"certificate not base64", "AQI=", "!!!", malformed,
       "DigitalSigningCertificate is not base64", true},
      {"certificate base64 without padding", "AwQ=", "AwQ", malformed,
       "KeyAgreementCertificate is not base64"},
      {"certificate with set unused bits", "Bwg=", "Bwh=", malformed, "Certificate is not base64"},
      {"certificate empty", "AQI=", "", malformed, "DigitalSigningCertificate is empty", true},
      {"top-up certificate empty", "BQY=", "", malformed, "TopUpCertificate is empty", true},
      {"path certificate in PEM", "Bwg=", "-----BEGIN CERTIFICATE-----Bwg=", malformed,
       "Certificate is not base64", true},
  };
  for (const char* text : {"01", "+5", "-1", "1e3", "", "1 0", "0x10", "18446744073709551616",
                           "NaN", "%n%s", "\xEF\xBC\x91"}) {
    cases.push_back({std::string("counter '") + text + "'", counter, std::string(":") + text + "</",
                     malformed, "sr:RequestID"});
  }
  for (const char* text : {"9223372036854775808", "18446744073709551616", "-1", "-0", "", "+",
                           "5.0", "0x10", "1 0", "9999999999999999999999999999999999999999"}) {
    const bool minus_zero = std::string_view(text) == "-0";  // legal XML Schema, never meant
    cases.push_back({std::string("floor '") + text + "'", floor,
                     std::string("<sr:RemotePartyFloorSeqNumber>") + text + "<", malformed,
                     "RemotePartyFloorSeqNumber", minus_zero});
  }
  for (const char* role : {"ACB", "Recovery", "Root", "TransCoS", "LoadController"}) {
    cases.push_back({std::string("role ") + role, ">Supplier<", std::string(">") + role + "<",
                     malformed, "RemotePartyRole", true});
  }
  for (const char* role : {"supplier", "WanProvider", "Supplier Supplier", ""}) {
    cases.push_back({std::string("role '") + role + "'", ">Supplier<",
                     std::string(">") + role + "<", malformed, "RemotePartyRole"});
  }
  for (const char* flag : {"TRUE", "yes", "", "2"}) {
    cases.push_back({std::string("ApplyTimeBasedCPVChecks '") + flag + "'", "Checks>true<",
                     std::string("Checks>") + flag + "<", malformed, "ApplyTimeBasedCPVChecks"});
  }
  for (const char* version : {"5.5", "5.2", "3.1", "5.41", "50.4", "5.04", "-5.4", "54", "", "x"}) {
    const bool decimal = version[0] != 'x' && version[0] != '\0';
    cases.push_back({std::string("schemaVersion '") + version + "'", "5.4", version,
                     Reason::kDuisVersion, "schemaVersion", decimal});
  }
  return cases;
}

// Elements and attributes.
inline std::vector<Case> RefusedStructure() {
  const Reason malformed = Reason::kMalformed;
  const std::string certificate = "<sr:Certificate>Bwg=</sr:Certificate>";
  const std::string name = "sr:RequestHandoverOfDCCControlledDevice";
  std::vector<Case> cases = {
      {"no schemaVersion", " schemaVersion=\"5.4\"", "", malformed, "schemaVersion"},
      {"an attribute on Request", "\"5.4\"", "\"5.4\" x=\"1\"", malformed, "attribute x"},
      {"an Id on Request", "\"5.4\"", "\"5.4\" Id=\"a\"", malformed, "attribute Id"},
      {"xml:id on Header", "<sr:Header>", "<sr:Header xml:id=\"a\">", malformed, "attribute id"},
      {"schemaVersion in a namespace", " schemaVersion", " xmlns:x=\"urn:x\" x:schemaVersion",
       malformed, "attribute schemaVersion"},
      // A schema lets it pass there too; nobody writes it below the document element.
      {"xsi:schemaLocation on Header", "<sr:Header>",
       "<sr:Header xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
       "xsi:schemaLocation=\"urn:x x.xsd\">",
       malformed, "attribute schemaLocation", true},
      {"schemaLocation in no namespace", "\"5.4\"", "\"5.4\" schemaLocation=\"urn:x x.xsd\"",
       malformed, "attribute schemaLocation"},
      {"xsi:nil", "\"5.4\"",
       "\"5.4\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:nil=\"false\"",
       malformed, "attribute nil"},
      {"xsi:type", "\"5.4\"",
       "\"5.4\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"sr:Request\"",
       malformed, "attribute type", true},
      {"an attribute on RequestID", "<sr:RequestID>", "<sr:RequestID x=\"1\">", malformed,
       "attribute x"},
      {"an element inside RequestID", ":1001<", ":1001<sr:x/><", malformed, "more than text"},
      {"text between elements", "<sr:CommandVariant>", "x<sr:CommandVariant>", malformed,
       "text between"},
      {"text after the last element of Header", "</sr:Header>", "x</sr:Header>", malformed,
       "text between"},
      {"no Header", "<sr:Header>", "<sr:Header/><sr:Header>", malformed, "expected sr:RequestID"},
      {"RequestID twice", "<sr:CommandVariant>",
       "<sr:RequestID>90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1</sr:RequestID>"
       "<sr:CommandVariant>",
       malformed, "expected sr:CommandVariant"},
      {"PrecedingServiceRequestID before FirstInSequence", "<sr:CommandVariant>",
       "<sr:PrecedingServiceRequestID>90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1"
       "</sr:PrecedingServiceRequestID><sr:FirstInSequence>true</sr:FirstInSequence>"
       "<sr:CommandVariant>",
       malformed, "expected sr:CommandVariant"},
      {"an unknown element at the end of Header", "</sr:Header>", "<sr:x/></sr:Header>", malformed,
       "no further element"},
      {"two Bodies", "<sr:Body>", "<sr:Body/><sr:Body>", malformed, "in sr:Body"},
      {"an element after Body", "</sr:Body>", "</sr:Body><sr:Body/>", malformed,
       "expected ds:Signature"},
      {"two services in Body", "</sr:Body>", "<sr:ServiceOptOut/></sr:Body>", malformed,
       "no further element"},
      {"another service in Body", "<sr:Body>", "<sr:Body><sr:ServiceOptOut/>",
       Reason::kSrvNotSignedHere, "ServiceOptOut"},
      {"another namespace in Body", "<" + name + ">", "<x xmlns=\"urn:x\"/><" + name + ">",
       malformed, "expected sr:RequestHandover"},
      {"RemotePartyRole twice", "<sr:RemotePartyRole>",
       "<sr:RemotePartyRole>Supplier</sr:RemotePartyRole><sr:RemotePartyRole>", malformed,
       "found sr:RemotePartyRole"},
      {"no RemotePartyRole", "<sr:RemotePartyRole>Supplier</sr:RemotePartyRole>", "", malformed,
       "sr:RemotePartyRole"},
      {"ExecutionDateTime after RemotePartyRole",
       "<sr:ExecutionDateTime>2026-12-01T00:00:00.00Z</sr:ExecutionDateTime>"
       "<sr:RemotePartyRole>Supplier</sr:RemotePartyRole>",
       "<sr:RemotePartyRole>Supplier</sr:RemotePartyRole>"
       "<sr:ExecutionDateTime>2026-12-01T00:00:00.00Z</sr:ExecutionDateTime>",
       malformed, "found sr:ExecutionDateTime"},
      {"no DigitalSigningCertificate",
       "<sr:DigitalSigningCertificate>AQI=</sr:DigitalSigningCertificate>", "", malformed,
       "expected sr:DigitalSigningCertificate"},
      {"top-up before key agreement certificate",
       "<sr:KeyAgreementCertificate>AwQ=</sr:KeyAgreementCertificate>"
       "<sr:KeyAgreementTopUpCertificate>BQY=</sr:KeyAgreementTopUpCertificate>",
       "<sr:KeyAgreementTopUpCertificate>BQY=</sr:KeyAgreementTopUpCertificate>"
       "<sr:KeyAgreementCertificate>AwQ=</sr:KeyAgreementCertificate>",
       malformed, "found sr:KeyAgreementCertificate"},
      {"the certificates as 6.15.1 has them", "<sr:ReplacementCertificates>",
       "<sr:ReplacementCertificates><sr:SupplierOrNetworkOperatorCertificates/>", malformed,
       "found sr:SupplierOrNetworkOperatorCertificates"},
      {"no path certificate", certificate, "", malformed, "expected sr:Certificate"},
      {"four path certificates", certificate, certificate + certificate + certificate + certificate,
       malformed, "found sr:Certificate"},
      {"no ApplyTimeBasedCPVChecks",
       "<sr:ApplyTimeBasedCPVChecks>true</sr:ApplyTimeBasedCPVChecks>", "", malformed,
       "expected sr:ApplyTimeBasedCPVChecks"},
      {"an XInclude", "<sr:RemotePartyRole>",
       "<xi:include xmlns:xi=\"http://www.w3.org/2001/XInclude\" href=\"/etc/passwd\"/>"
       "<sr:RemotePartyRole>",
       malformed, "found xi:include"},
      {"another namespace for all", "ServiceUserGateway", "ServiceUserGateway2", malformed,
       "namespace"},
  };
  return cases;
}

}  // namespace acb::testing
