// What an UnverifiedRequest holds.
#pragma once

#include <libxml/tree.h>

#include <optional>
#include <string>

#include "firmware/base/sha256.h"
#include "firmware/duis/request.h"
#include "firmware/duis/signature_profile.h"
#include "firmware/duis/tree.h"

namespace acb::duis {

// What the signature is over, of a document in plain form (plain_form.h).
struct PlainOctets {
  Sha256Digest request;     // of the canonical Request without its Signature
  std::string signed_info;  // canonical
};

struct UnverifiedRequest::Document {
  Tree tree;
  xmlNode* signature;  // in `tree`: the last child of the document element
  SignatureClaims claims;
  // As read from `tree`: for the record of a refusal, and once the octets that it was read from
  // have verified as they are.
  HandoverRequest content;
  std::optional<PlainOctets> plain;
};

}  // namespace acb::duis
