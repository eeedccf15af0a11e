// What an UnverifiedRequest holds.
#pragma once

#include <libxml/tree.h>

#include "firmware/base/request_id.h"
#include "firmware/base/sha256.h"
#include "firmware/duis/request.h"
#include "firmware/duis/tree.h"

namespace acb::duis {

struct UnverifiedRequest::Document {
  Tree tree;
  xmlNode* signature;  // in `tree`: the last child of the document element
  SignerName signer;
  Sha256Digest digest;  // DigestValue
  RequestId claimed_request_id;
};

}  // namespace acb::duis
