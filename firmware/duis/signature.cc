#include "firmware/duis/signature.h"

#include <openssl/evp.h>
#include <xmlsec/buffer.h>
#include <xmlsec/keys.h>
#include <xmlsec/list.h>
#include <xmlsec/openssl/crypto.h>
#include <xmlsec/openssl/evp.h>
#include <xmlsec/transforms.h>
#include <xmlsec/xmldsig.h>

#include <string>
#include <utility>

#include "firmware/base/handle.h"
#include "firmware/base/p256.h"
#include "firmware/base/sha256.h"
#include "firmware/duis/document.h"
#include "firmware/duis/handover.h"
#include "firmware/duis/reading.h"
#include "firmware/duis/tree.h"

namespace acb::duis {
namespace {

using DsigContext = Handle<xmlSecDSigCtx, xmlSecDSigCtxDestroy>;
using PublicKey = Handle<EVP_PKEY, EVP_PKEY_free>;
using XmlsecKeyData = Handle<xmlSecKeyData, xmlSecKeyDataDestroy>;
using XmlsecKey = Handle<xmlSecKey, xmlSecKeyDestroy>;

Failure LibraryFault(const char* what) { return Failure{Reason::kBusy, {}, what}; }

XmlsecKey XmlsecKeyOf(const VerifyingKey& verifying) {
  if (EVP_PKEY_up_ref(verifying.handle()) != 1) return nullptr;
  PublicKey key(verifying.handle());
  // Takes the key over when it succeeds.
  XmlsecKeyData data(xmlSecOpenSSLEvpKeyAdopt(key.get()));
  if (!data) return nullptr;
  static_cast<void>(key.release());
  XmlsecKey result(xmlSecKeyCreate());
  if (!result || xmlSecKeySetValue(result.get(), data.get()) != 0) return nullptr;
  static_cast<void>(data.release());
  return result;
}

// A context that knows the profile's algorithms and no others, with `key` as its only key: it has
// no key manager, so nothing in KeyInfo can bring another.
DsigContext ContextFor(const VerifyingKey& key) {
  DsigContext context(xmlSecDSigCtxCreate(nullptr));
  if (!context) return nullptr;
  xmlSecDSigCtx& dsig = *context;
  dsig.signKey = XmlsecKeyOf(key).release();
  // Only URI="": no fragment, no file, no network.
  dsig.enabledReferenceUris = xmlSecTransformUriTypeEmpty;
  // Keeps the digested octets.
  dsig.flags = XMLSEC_DSIG_FLAGS_IGNORE_MANIFESTS | XMLSEC_DSIG_FLAGS_STORE_SIGNEDINFO_REFERENCES;
  // An empty list would mean every kind of KeyInfo. A name is the one that leads nowhere.
  const bool limited =
      xmlSecPtrListAdd(&dsig.keyInfoReadCtx.enabledKeyData,
                       const_cast<_xmlSecKeyDataKlass*>(xmlSecKeyDataNameGetKlass())) == 0 &&
      xmlSecDSigCtxEnableSignatureTransform(&dsig, xmlSecTransformExclC14NGetKlass()) == 0 &&
      xmlSecDSigCtxEnableSignatureTransform(&dsig, xmlSecOpenSSLTransformEcdsaSha256GetKlass()) ==
          0 &&
      xmlSecDSigCtxEnableReferenceTransform(&dsig, xmlSecTransformEnvelopedGetKlass()) == 0 &&
      xmlSecDSigCtxEnableReferenceTransform(&dsig, xmlSecOpenSSLTransformSha256GetKlass()) == 0;
  return dsig.signKey != nullptr && limited ? std::move(context) : nullptr;
}

// The one Reference, when it verified.
xmlSecDSigReferenceCtx* GoodReference(xmlSecDSigCtx& dsig) {
  if (xmlSecPtrListGetSize(&dsig.signedInfoReferences) != 1) return nullptr;
  auto* reference =
      static_cast<xmlSecDSigReferenceCtx*>(xmlSecPtrListGetItem(&dsig.signedInfoReferences, 0));
  return reference->status == xmlSecDSigStatusSucceeded ? reference : nullptr;
}

// The octets that the signature covers, once it verified: the canonical Request without its
// Signature. R-SEC3-3.
Result<Bytes> VerifiedOctets(xmlNode* signature, const Sha256Digest& digest,
                             const smki::Certificate& signer, const VerifyingKey& key) {
  const DsigContext context = ContextFor(key);
  if (!context) return LibraryFault("no xmlsec1 context");
  const int code = xmlSecDSigCtxVerify(context.get(), signature);
  xmlSecDSigReferenceCtx* reference = GoodReference(*context);
  if (code != 0 || context->status != xmlSecDSigStatusSucceeded || reference == nullptr) {
    const bool changed = code == 0 && reference == nullptr;
    return Failure{Reason::kSignatureInvalid,
                   changed
                       ? "the Request is not the one that was signed: its digest is not DigestValue"
                       : "the signature does not verify with the key of the certificate with " +
                             signer.Label()};
  }
  xmlSecBuffer* buffer = xmlSecDSigReferenceCtxGetPreDigestBuffer(reference);
  if (buffer == nullptr || xmlSecBufferGetData(buffer) == nullptr) {
    return LibraryFault("xmlsec1 kept no digested octets");
  }
  Bytes octets = ToBytes({xmlSecBufferGetData(buffer), xmlSecBufferGetSize(buffer)});
  if (Sha256(octets) != digest) {
    return Failure{Reason::kSignatureInvalid, "the digest of the Request is not DigestValue"};
  }
  return octets;
}

// The signature covers octets. They are read anew, so that nothing outside them (comments, KeyInfo,
// ds:Object) and no reading of the first tree can lend them a meaning.
Result<HandoverRequest> ReadVerified(BytesView octets) {
  auto tree = BuildTree(octets);
  if (!tree) return tree.error();
  Reading reading;
  Sequence request(reading, kDuis, ReadRequestElement(reading, **tree), {"schemaVersion"});
  auto content = ReadHandover(reading, request);
  request.End();
  if (!reading.ok()) return reading.failure();
  return *std::move(content);
}

}  // namespace

class SignatureVerifier {
 public:
  // Whether the signature of a document in plain form is good. What it covers is then what was
  // parsed, all of it but the Signature: there is nothing else to read. When it is not, xmlsec1 has
  // the word, so that a document is refused for one reason, whatever its form. R-SEC3-3.
  static bool IsGoodAsItIs(const UnverifiedRequest::Document& document, const VerifyingKey& key) {
    return document.plain && document.plain->request == document.claims.digest &&
           key.VerifyRaw(AsBytes(document.plain->signed_info), document.claims.signature);
  }

  static Result<HandoverRequest> VerifiedContent(const UnverifiedRequest::Document& document,
                                                 const smki::Certificate& signer,
                                                 const VerifyingKey& key) {
    if (IsGoodAsItIs(document, key)) return document.content;
    const auto octets = VerifiedOctets(document.signature, document.claims.digest, signer, key);
    if (!octets) return octets.error();
    return ReadVerified(*octets);
  }

  static Result<VerifiedRequest> Verify(const UnverifiedRequest::Document& document,
                                        smki::CertificatePtr signer) {
    if (signer->key_usage() != KeyUsage::kDigitalSignature) {
      return Failure{Reason::kSenderAuth, "the certificate with " + signer->Label() +
                                              " is not for digital signatures (key usage)"};
    }
    const auto& key = signer->verifying_key();
    if (!key) {
      return Failure{Reason::kSenderAuth,
                     "the certificate with " + signer->Label() + " has no key on P-256"};
    }
    auto content = VerifiedContent(document, *signer, *key);
    if (!content) return content.error();

    // R-SEC3-2; duis-6.21.md 4.6.
    if (signer->eui64() != content->request_id.originator) {
      return Failure{Reason::kSenderAuth, "the originator of the RequestID is " +
                                              content->request_id.originator.Hyphenated() +
                                              ", but it was signed with the certificate with " +
                                              signer->Label()};
    }
    return VerifiedRequest(*std::move(content), std::move(signer));
  }

  static bool IsGoodBy(const UnverifiedRequest& request, const smki::Certificate& certificate) {
    const auto& key = certificate.verifying_key();
    return key && VerifiedContent(*request.document_, certificate, *key).has_value();
  }

  static Result<VerifiedRequest> Verify(UnverifiedRequest&& request, smki::CertificatePtr signer) {
    const UnverifiedRequest taken = std::move(request);
    return Verify(*taken.document_, std::move(signer));
  }
};

Result<VerifiedRequest> VerifySignature(UnverifiedRequest&& request, smki::CertificatePtr signer) {
  if (auto ready = InitialiseXml(); !ready) return ready.error();
  // R-SEC3-2: an unknown signer is nobody who may send a request.
  if (signer == nullptr) {
    return Failure{Reason::kSenderAuth,
                   "no certificate of the issuer and serial number that the "
                   "signature names is held here"};
  }
  return SignatureVerifier::Verify(std::move(request), std::move(signer));
}

bool IsSignedWith(const UnverifiedRequest& request, const smki::Certificate& certificate) {
  return InitialiseXml() && SignatureVerifier::IsGoodBy(request, certificate);
}

}  // namespace acb::duis
