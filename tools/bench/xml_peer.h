// Verifies XML signatures as a team would with xmlsec1: no profile, no certificate, one key.
#pragma once

#include <memory>
#include <string>

#include "firmware/base/bytes.h"
#include "firmware/base/result.h"

namespace acb::bench {

// Thread-safe. duis::InitialiseXml() comes first.
class XmlPeer {
 public:
  // kSignatureInvalid when xmlsec1 takes no key from the certificate (DER).
  static Result<std::unique_ptr<XmlPeer>> Open(BytesView certificate);
  ~XmlPeer();
  XmlPeer(const XmlPeer&) = delete;
  XmlPeer& operator=(const XmlPeer&) = delete;

  // Parses the document and verifies its signature. kMalformed, kSignatureInvalid.
  Status Verify(const std::string& document) const;

 private:
  struct Key;
  explicit XmlPeer(std::unique_ptr<Key> key);
  std::unique_ptr<Key> key_;
};

}  // namespace acb::bench
