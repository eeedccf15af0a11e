#include "firmware/duis/request.h"

#include <utility>

#include "firmware/duis/document.h"
#include "firmware/duis/handover.h"
#include "firmware/duis/markup.h"
#include "firmware/duis/reading.h"
#include "firmware/duis/signature.h"
#include "firmware/duis/signature_profile.h"
#include "firmware/duis/tree.h"

namespace acb::duis {

UnverifiedRequest::UnverifiedRequest(std::unique_ptr<Document> document)
    : document_(std::move(document)) {}
UnverifiedRequest::~UnverifiedRequest() = default;
UnverifiedRequest::UnverifiedRequest(UnverifiedRequest&&) noexcept = default;
UnverifiedRequest& UnverifiedRequest::operator=(UnverifiedRequest&&) noexcept = default;

const SignerName& UnverifiedRequest::signer() const { return document_->signer; }
const RequestId& UnverifiedRequest::claimed_request_id() const {
  return document_->claimed_request_id;
}

Result<UnverifiedRequest> Parse(BytesView octets, const ParseLimits& limits) {
  if (auto ready = InitialiseXml(); !ready) return ready.error();
  if (auto fits = CheckMarkup(octets, limits); !fits) return fits.error();
  auto tree = BuildTree(octets);
  if (!tree) return tree.error();

  Reading reading;
  const xmlNode* root = ReadRequestElement(reading, **tree);
  Sequence request(reading, kDuis, root, {"schemaVersion"});
  const auto content = ReadHandover(reading, request);
  const xmlNode* signature = request.ForeignElement(kXmlSignature, "Signature");
  request.End();
  auto claims = ReadSignature(reading, signature);
  if (!reading.ok()) return reading.failure();

  // The content was read only to see that it can be. What is used later is read from the octets
  // that were verified (signature.cc).
  return UnverifiedRequest(std::make_unique<UnverifiedRequest::Document>(
      UnverifiedRequest::Document{*std::move(tree), const_cast<xmlNode*>(signature),
                                  std::move(claims->signer), claims->digest, content->request_id}));
}

}  // namespace acb::duis
