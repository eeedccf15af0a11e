#include "firmware/duis/request.h"

#include <utility>

#include "firmware/duis/document.h"
#include "firmware/duis/handover.h"
#include "firmware/duis/markup.h"
#include "firmware/duis/plain_form.h"
#include "firmware/duis/reading.h"
#include "firmware/duis/signature.h"
#include "firmware/duis/signature_profile.h"
#include "firmware/duis/tree.h"

namespace acb::duis {
namespace {

std::optional<PlainOctets> PlainOctetsOf(std::string_view document) {
  auto form = FindPlainForm(document);
  if (!form) return std::nullopt;
  return PlainOctets{Sha256({AsBytes(form->before_signature), AsBytes(form->after_signature)}),
                     std::move(form->signed_info)};
}

}  // namespace

UnverifiedRequest::UnverifiedRequest(std::unique_ptr<Document> document)
    : document_(std::move(document)) {}
UnverifiedRequest::~UnverifiedRequest() = default;
UnverifiedRequest::UnverifiedRequest(UnverifiedRequest&&) noexcept = default;
UnverifiedRequest& UnverifiedRequest::operator=(UnverifiedRequest&&) noexcept = default;

const SignerName& UnverifiedRequest::signer() const { return document_->claims.signer; }
const RequestId& UnverifiedRequest::claimed_request_id() const {
  return document_->content.request_id;
}

Result<UnverifiedRequest> Parse(BytesView octets, const ParseLimits& limits) {
  if (auto ready = InitialiseXml(); !ready) return ready.error();
  if (auto fits = CheckMarkup(octets, limits); !fits) return fits.error();
  auto tree = BuildTree(octets);
  if (!tree) return tree.error();

  Reading reading;
  const xmlNode* root = ReadRequestElement(reading, **tree);
  Sequence request(reading, kDuis, root, {"schemaVersion"});
  auto content = ReadHandover(reading, request);
  const xmlNode* signature = request.ForeignElement(kXmlSignature, "Signature");
  request.End();
  auto claims = ReadSignature(reading, signature);
  if (!reading.ok()) return reading.failure();

  return UnverifiedRequest(
      std::make_unique<UnverifiedRequest::Document>(UnverifiedRequest::Document{
          *std::move(tree), const_cast<xmlNode*>(signature), *std::move(claims),
          *std::move(content), PlainOctetsOf(AsText(octets))}));
}

}  // namespace acb::duis
