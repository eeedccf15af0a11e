// The organisation PKI as this box sees it: trust anchors, certificates and revocation lists held at one
// moment. Immutable once built, shared between threads; a feed import builds the next one.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "firmware/smki/certificate.h"

namespace acb::smki {

enum class Environment : std::uint8_t { kTest = 1, kLive = 2 };

// RFC 5280 section 6.1.1 (d): a trust anchor given as name and public key. Test only (design.md 10).
struct NamedAnchor {
  Name name;
  PublicPoint key;
  Bytes key_identifier;  // 8 octets, computed from the key by method (2)
};

struct TrustSettings {
  Environment environment = Environment::kLive;
  std::vector<CertificatePtr> roots;
  std::vector<NamedAnchor> named_anchors;           // test only
  std::vector<Name> issuers_without_crl;            // test only
  std::set<Sha256Digest> pinned_signers;            // test only: SHA-256 of the certificate
  std::string policy_oid = "1.2.826.0.1.8641679.1.2.1.4";
  // R-SEC3-14: a CRL older than nextUpdate, or than this, stops signing. R-SEC3-16 for the ARL.
  std::int64_t crl_max_age_seconds = (12 + 1) * 3600;
  std::int64_t arl_max_age_seconds = std::int64_t{366} * 86400;
};

// What a decision about a path rested on, for the audit record.
struct PathEvidence {
  CertificatePtr leaf;
  CertificatePtr issuing;
  std::vector<std::string> observations;  // "REVOCATION_NOT_CHECKED"
};

class Trust {
 public:
  // `certificates`: organisation certificates, issuing CAs (and anything else the feed brought; roots
  // in it are not trusted for being there, R-SEC3-12). `revocation_lists`: DER, several per issuer
  // possible: the one of highest number counts. Never fails: what does not parse or verify is left out
  // and shows up as CHAIN or CRL_STALE when it is needed.
  static std::shared_ptr<const Trust> Build(TrustSettings settings, std::uint64_t generation,
                                            const std::vector<Bytes>& certificates,
                                            const std::vector<Bytes>& revocation_lists);
  ~Trust();

  std::uint64_t generation() const;
  const TrustSettings& settings() const;
  // nullptr when not held. `serial` is the content octets of the INTEGER.
  CertificatePtr Find(const Name& issuer, BytesView serial) const;
  CertificatePtr FindBySha256(const Sha256Digest& sha256) const;

  // Profile of the leaf (profile.h) and path root -> issuing -> leaf at `at`, with revocation.
  // `offered`: certificates that came with the request, used as candidates for the issuing CA only;
  // they are never trusted for being there.
  // Fails with kProfile, kAlgorithm, kNotOrganisationCert, kChain, kCertExpired, kCertRevoked, kIssuerRevoked,
  // kEnvironment (refusals), kCrlStale, kArlStale (faults: missing, out of date, from the future, not
  // of that issuer, damaged). Explanations name the certificate by Label() and what was expected.
  Result<PathEvidence> CheckPath(const CertificatePtr& leaf, const std::vector<CertificatePtr>& offered,
                                 UtcTime at) const;

 private:
  struct State;
  explicit Trust(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace acb::smki
