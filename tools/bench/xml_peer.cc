#include "tools/bench/xml_peer.h"

#include <libxml/parser.h>
#include <xmlsec/crypto.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmlsec.h>
#include <xmlsec/xmltree.h>

#include <utility>

#include "firmware/base/handle.h"

namespace acb::bench {

struct XmlPeer::Key {
  Handle<xmlSecKey, xmlSecKeyDestroy> handle;
};

XmlPeer::XmlPeer(std::unique_ptr<Key> key) : key_(std::move(key)) {}
XmlPeer::~XmlPeer() = default;

Result<std::unique_ptr<XmlPeer>> XmlPeer::Open(BytesView certificate) {
  auto key = std::make_unique<Key>();
  key->handle.reset(
      xmlSecCryptoAppKeyLoadMemory(certificate.data(), static_cast<xmlSecSize>(certificate.size()),
                                   xmlSecKeyDataFormatCertDer, nullptr, nullptr, nullptr));
  if (!key->handle) return Failure(Reason::kSignatureInvalid, {}, "xmlsec1 takes no such key");
  return std::unique_ptr<XmlPeer>(new XmlPeer(std::move(key)));
}

Status XmlPeer::Verify(const std::string& document) const {
  const Handle<xmlDoc, xmlFreeDoc> parsed(xmlReadMemory(
      document.data(), static_cast<int>(document.size()), nullptr, nullptr, XML_PARSE_NONET));
  if (!parsed) return Failure(Reason::kMalformed);
  xmlNode* const signature =
      xmlSecFindNode(xmlDocGetRootElement(parsed.get()), xmlSecNodeSignature, xmlSecDSigNs);
  const Handle<xmlSecDSigCtx, xmlSecDSigCtxDestroy> context(xmlSecDSigCtxCreate(nullptr));
  if (signature == nullptr || !context) return Failure(Reason::kSignatureInvalid);
  context->signKey = xmlSecKeyDuplicate(key_->handle.get());
  if (xmlSecDSigCtxVerify(context.get(), signature) < 0 ||
      context->status != xmlSecDSigStatusSucceeded) {
    return Failure(Reason::kSignatureInvalid);
  }
  return Done{};
}

}  // namespace acb::bench
