// The CAs that Trust rests on: anchors, and issuing CAs that one of them signed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "firmware/base/p256.h"
#include "firmware/base/result.h"
#include "firmware/smki/certificate.h"
#include "firmware/smki/revocation_list.h"
#include "firmware/smki/trust.h"

namespace acb::smki {

// A root: by certificate, or in the test environment by name and key.
struct Anchor {
  Name name;
  VerifyingKey key;
  Bytes key_identifier;
  CertificatePtr certificate;            // nullptr for a named anchor
  std::vector<RevocationListPtr> lists;  // signed by this key
};

// An issuing CA with a good profile and a root's good signature. Time and status are judged when it
// is used.
struct IssuingAuthority {
  CertificatePtr certificate;
  VerifyingKey key;
  // Never empty: the certificates of one root, which renews its own, are of one name and key.
  std::vector<std::shared_ptr<const Anchor>> roots;
  std::vector<RevocationListPtr> lists;  // signed by this key
};
using IssuingAuthorityPtr = std::shared_ptr<const IssuingAuthority>;

// The anchors of a configuration and all lists held: what a CA is checked against. Immutable after
// its constructor; thread-safe.
class AuthorityChecker {
 public:
  // Roots that do not follow the profile are left out; RootFaults says why. Verifies the ARLs.
  AuthorityChecker(const TrustSettings& settings, std::vector<RevocationListPtr> lists);

  // Profile (9.2), a root of that name and key identifier, its signature; collects the CA's lists.
  // Fails with kChain, or with kEnvironment when CA or root has a published test key in live.
  Result<IssuingAuthorityPtr> Check(const CertificatePtr& certificate) const;

  bool IsRootName(const Name& name) const;
  // By the signature alone, whatever names and profile say: of the organisation PKI (R-SEC3-13).
  bool IsSignedByRoot(const Certificate& certificate) const;
  const std::vector<std::shared_ptr<const Anchor>>& anchors() const { return anchors_; }
  const std::vector<std::string>& root_faults() const { return root_faults_; }

 private:
  void AddRoot(const CertificatePtr& root);
  void AddNamedAnchor(const NamedAnchor& named);
  Result<std::vector<std::shared_ptr<const Anchor>>> FindRoots(
      const Certificate& certificate) const;
  std::vector<RevocationListPtr> ListsOf(const Name& issuer, const VerifyingKey& key,
                                         BytesView key_identifier) const;

  const TrustSettings& settings_;  // of the Trust that owns this
  std::vector<RevocationListPtr> lists_;
  std::vector<std::shared_ptr<const Anchor>> anchors_;
  std::vector<std::string> root_faults_;
};

// R-SEC3-17: the list is bound to the issuer by name, key identifier (one that names no key, RFC
// 5280 section 5.2.1, fits any) and signature. What is not so bound says nothing of a certificate.
bool IsListOf(const RevocationList& list, const Name& issuer, const VerifyingKey& key,
              BytesView key_identifier);

// R-SEC3-31: in the live environment, whether the certificate's key is a published test key.
bool IsTestKeyInLive(const TrustSettings& settings, const std::optional<PublicPoint>& point);

// Whether it is issued to its own name or signed by its own key: a root, or meant to be taken for
// one (R-SEC3-12).
bool IsSelfSigned(const Certificate& certificate);
// Its signature verifies by its own key.
bool IsSignedByItself(const Certificate& certificate);

// Whether it presents itself as a CA, good or bad: basicConstraints, or the subject OU of one.
bool LooksLikeAuthority(const Certificate& certificate);

}  // namespace acb::smki
