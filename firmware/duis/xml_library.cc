// One-time settings of libxml2 and xmlsec1.
#include <libxml/parser.h>
#include <libxml/xmlIO.h>
#include <libxml/xmlerror.h>
#include <xmlsec/buffer.h>  // brings xmlsec.h, which errors.h needs
#include <xmlsec/errors.h>
#include <xmlsec/io.h>
#include <xmlsec/openssl/crypto.h>
#include <xmlsec/xmlsec.h>

#include "firmware/duis/signature.h"

namespace acb::duis {
namespace {

xmlParserInputPtr LoadNothing(const char*, const char*, xmlParserCtxtPtr) { return nullptr; }

// What went wrong is known from return values; both libraries would print it on stderr.
void IgnoreXmlError(void*, xmlErrorPtr) {}
void IgnoreXmlMessage(void*, const char*, ...) {}
void IgnoreXmlsecError(const char*, int, const char*, const char*, const char*, int, const char*) {}

Status Initialise() {
  xmlInitParser();
  xmlSetExternalEntityLoader(LoadNothing);
  // Registered first, so that libxml2 does not do it later; then none is left that could open
  // anything by a name: no file, no gzip, no HTTP, no FTP.
  xmlRegisterDefaultInputCallbacks();
  while (xmlPopInputCallbacks() >= 0) {
  }
  // For this thread, and for those that start later.
  xmlSetStructuredErrorFunc(nullptr, IgnoreXmlError);
  xmlThrDefSetStructuredErrorFunc(nullptr, IgnoreXmlError);
  xmlSetGenericErrorFunc(nullptr, IgnoreXmlMessage);
  xmlThrDefSetGenericErrorFunc(nullptr, IgnoreXmlMessage);

  if (xmlSecInit() != 0 || xmlSecCheckVersion() != 1 || xmlSecOpenSSLInit() != 0) {
    return Failure{Reason::kConfiguration, {}, "xmlsec1 does not start: wrong library version?"};
  }
  xmlSecIOCleanupCallbacks();
  xmlSecErrorsSetCallback(IgnoreXmlsecError);
  return Done{};
}

}  // namespace

Status InitialiseXml() {
  static const Status kOnce = Initialise();
  return kOnce;
}

}  // namespace acb::duis
