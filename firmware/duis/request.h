// A DUIS Request for Service Request 6.21: parsed, and then verified.
//
// An UnverifiedRequest only says who claims to have signed it. What it asks for can be read from a
// VerifiedRequest alone, which only VerifySignature (signature.h) makes.
// Source: duis-6.21.md sections 1 and 4.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/request_id.h"
#include "firmware/base/result.h"
#include "firmware/base/time.h"
#include "firmware/base/trust_anchor_cell.h"
#include "firmware/smki/certificate.h"

namespace acb::duis {

struct ParseLimits {
  std::size_t octets = 256 * 1024;
  std::size_t depth = 16;
  std::size_t elements = 256;
  std::size_t attributes = 64;   // in the whole document
  std::size_t text = 64 * 1024;  // octets between two tags
  std::size_t tag = 4 * 1024;    // octets of one tag, with its name and attributes
};

// What a 6.21 asks for.
struct HandoverRequest {
  RequestId request_id;
  std::string schema_version;
  int command_variant;  // 1, 2 or 3
  std::optional<UtcTime> execution;
  RemotePartyRole role;  // kSupplier or kNetworkOperator
  std::optional<FloorSeqNumber> floor;
  std::optional<FloorSeqNumber> prepayment_top_up_floor;
  Bytes digital_signing_certificate;  // DER
  std::optional<Bytes> key_agreement_certificate;
  std::optional<Bytes> key_agreement_top_up_certificate;
  std::vector<Bytes> certification_path;  // 1 to 3
  bool apply_time_based_cpv_checks;
};

// Who signed, as the (unsigned!) KeyInfo says: good for a look-up and nothing else.
struct SignerName {
  smki::Name issuer;
  Bytes serial;  // content octets of the INTEGER, from the decimal of up to 48 digits
};

class UnverifiedRequest {
 public:
  ~UnverifiedRequest();
  UnverifiedRequest(UnverifiedRequest&&) noexcept;
  UnverifiedRequest& operator=(UnverifiedRequest&&) noexcept;
  const SignerName& signer() const;
  // As claimed, for the record of a refusal.
  const RequestId& claimed_request_id() const;

 private:
  friend Result<UnverifiedRequest> Parse(BytesView octets, const ParseLimits& limits);
  friend class SignatureVerifier;
  struct Document;
  explicit UnverifiedRequest(std::unique_ptr<Document> document);
  std::unique_ptr<Document> document_;
};

class VerifiedRequest {
 public:
  const HandoverRequest& content() const { return content_; }
  const smki::CertificatePtr& signer() const { return signer_; }

 private:
  friend class SignatureVerifier;
  VerifiedRequest(HandoverRequest content, smki::CertificatePtr signer)
      : content_(std::move(content)), signer_(std::move(signer)) {}
  HandoverRequest content_;
  smki::CertificatePtr signer_;
};

// Parses, validates against the V5.4 rules for 6.21 and the profile of the signature's structure.
// Thread-safe; does no I/O: no DOCTYPE, no entity, no network, no file.
//
// Stricter than XML and the schema: UTF-8 only, no comment, no processing instruction, no attribute
// but those the profile needs (so no Id and no xsi:type) and the xsi:schemaLocation of the document
// element, which is signed and means nothing. White space between elements is
// accepted: it is signed and it changes nothing that is read.
// Fails with
//   kTooLarge            a limit on octets.
//   kMalformed           not well-formed, wrong encoding, DOCTYPE, limits, structure, values,
//   base64. kDuisVersion         a schemaVersion that is not supported. kSrvNotSignedHere another
//   Service Request than 6.21. kCommandVariant      a variant other than 1, 2, 3. kSignatureInvalid
//   no signature, or one that is not of the profile.
Result<UnverifiedRequest> Parse(BytesView octets, const ParseLimits& limits = {});

}  // namespace acb::duis
