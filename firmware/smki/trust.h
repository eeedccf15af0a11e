// The organisation PKI as this box sees it: trust anchors, certificates and revocation lists held
// at one moment. Immutable once built, shared between threads; a feed import builds the next one.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "firmware/smki/certificate.h"

namespace acb::smki {

enum class Environment : std::uint8_t { kTest = 1, kLive = 2 };

// RFC 5280 section 6.1.1 (d): a trust anchor given as name and public key. Test only
// (design.md section 10).
struct NamedAnchor {
  Name name;
  PublicPoint key;
  Bytes key_identifier;  // not read: Build computes it from the key by method (2)
};

struct TrustSettings {
  Environment environment = Environment::kLive;
  std::vector<CertificatePtr> roots;
  // Test only (design.md section 10): in live Build throws the next three away.
  std::vector<NamedAnchor> named_anchors;
  std::vector<Name> issuers_without_crl;  // honoured while no list signed by that issuer is held
  std::set<Sha256Digest> pinned_signers;  // SHA-256 of the certificate
  std::string policy_oid = "1.2.826.0.1.8641679.1.2.1.4";
  // R-SEC3-14: a CRL older than nextUpdate, or than this, stops signing. R-SEC3-16 for the ARL.
  std::int64_t crl_max_age_seconds = (12 + 1) * 3600;
  std::int64_t arl_max_age_seconds = std::int64_t{366} * 86400;
};

// What a decision about a path rested on, for the audit record.
struct PathEvidence {
  CertificatePtr leaf;
  CertificatePtr issuing;  // never null
  // Of the certificates of the root that are in force the one that ends last; null for a root given
  // by name and key, which has no end.
  CertificatePtr root;
  std::vector<std::string> observations;  // "REVOCATION_NOT_CHECKED"
};

class Trust {
 public:
  // `certificates`: organisation certificates, issuing CAs (and anything else the feed brought;
  // roots in it are not trusted for being there, R-SEC3-12). `revocation_lists`: DER, several per
  // issuer possible: of those in force at the time of a check, the one of highest number counts.
  // Never fails: what does not parse or verify is left out and shows up as CHAIN or CRL_STALE when
  // it is needed. Verifies each issuing CA and each list here, once: 70 microseconds each, and
  // about 2 ms for a list of 100,000 entries beside its parse.
  static std::shared_ptr<const Trust> Build(TrustSettings settings, std::uint64_t generation,
                                            const std::vector<Bytes>& certificates,
                                            const std::vector<Bytes>& revocation_lists);
  ~Trust();

  std::uint64_t generation() const;
  const TrustSettings& settings() const;
  // Test only: the certificate is one that the configuration trusts as a signer by its SHA-256,
  // where no path can be built. CheckPath knows nothing of pins: who honours one says
  // REVOCATION_NOT_CHECKED.
  bool IsPinnedSigner(const Certificate& certificate) const;
  // The key identifier is that of a root, or of an issuing CA held that a root signed: whatever
  // names it as its issuer's is of the organisation PKI (R-SEC3-13). For files of millions of rows.
  bool IsOrganisationKey(BytesView key_identifier) const;
  // All that are held of that issuer and serial number, those first that a trusted issuing CA
  // signed: two CAs of one name may give out the same number. `serial` is the content octets of the
  // INTEGER.
  std::vector<CertificatePtr> FindAll(const Name& issuer, BytesView serial) const;
  // The first of them; nullptr when none is held.
  CertificatePtr Find(const Name& issuer, BytesView serial) const;
  CertificatePtr FindBySha256(const Sha256Digest& sha256) const;
  // The certificate in `der`, which need not be held: Certificate::Parse, whose failures it has.
  // One that came before is not parsed again.
  Result<CertificatePtr> Read(BytesView der) const;
  // Digital signing certificates held of the party that a trusted issuing CA signed, in force or
  // not: a message that is observed may have been signed by any of them. Empty when none is held.
  std::vector<CertificatePtr> SigningCertificatesOf(Eui64 party) const;

  // Profile of the leaf (profile.h) and path root -> issuing -> leaf at `at`, with revocation.
  // `offered`: certificates that came with the request, used as candidates for the issuing CA only;
  // they are never trusted for being there. When both would do, an offered one is the evidence.
  // All candidates of that name are tried: a forged one beside the real one changes nothing. When
  // any whose key signed the leaf is revoked, the leaf is refused.
  //
  // About 0.1 ms for a certificate seen first, 0.01 ms later: what never changes for a certificate
  // (profile, whose signature it has) is remembered, what the time decides is judged each time.
  // Fails with
  //   kEnvironment          live, and leaf, issuing CA or root has a published test key
  //   (R-SEC3-31). kProfile, kAlgorithm, kNotOrganisationCert  profile.h. kCertExpired leaf,
  //   issuing CA or root is outside its validity period. kChain                no path of exactly
  //   root -> issuing CA -> leaf (R-SEC3-11). kCertRevoked, kIssuerRevoked  on the CRL / ARL, under
  //   any reason (R-SEC3-16, R-SEC3-18). kCrlStale, kArlStale  faults: the list is missing, out of
  //   date, too old, from the future, not
  //                         of that issuer, or damaged (R-SEC3-14, R-SEC3-16).
  // Explanations name the certificate by Label() and what was expected. `leaf` is not null.
  Result<PathEvidence> CheckPath(const CertificatePtr& leaf,
                                 const std::vector<CertificatePtr>& offered, UtcTime at) const;

 private:
  struct State;
  explicit Trust(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

}  // namespace acb::smki
