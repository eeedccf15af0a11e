#include "firmware/feeds/revocation_lists.h"

namespace acb::feeds {
namespace {

// The keys that may have signed a list of this issuer.
std::vector<PublicPoint> KeysOf(const smki::Name& issuer, const smki::TrustSettings& settings,
                                const std::vector<Bytes>& certificates) {
  std::vector<PublicPoint> keys;
  const auto add = [&](const smki::Certificate& certificate) {
    if (certificate.subject() == issuer && certificate.public_point()) {
      keys.push_back(*certificate.public_point());
    }
  };
  for (const smki::CertificatePtr& root : settings.roots) add(*root);
  for (const smki::NamedAnchor& anchor : settings.named_anchors) {
    if (anchor.name == issuer) keys.push_back(anchor.key);
  }
  for (const Bytes& der : certificates) {
    if (const auto certificate = smki::Certificate::Parse(der)) add(**certificate);
  }
  return keys;
}

}  // namespace

Status CheckNewRevocationList(const smki::RevocationList& list, const smki::TrustSettings& settings,
                              const std::vector<Bytes>& certificates,
                              const std::vector<Bytes>& held) {
  const std::vector<PublicPoint> keys = KeysOf(list.issuer(), settings, certificates);
  const PublicPoint* signer = nullptr;
  for (const PublicPoint& key : keys) {
    if (list.VerifyBy(key)) signer = &key;
  }
  if (signer == nullptr) {
    if (keys.empty()) return Done{};
    return Failure(Reason::kFeedRejected,
                   list.Label() + ": its signature is not by the issuer held here");
  }
  for (const Bytes& der : held) {
    const auto older = smki::RevocationList::Parse(der);
    if (!older || (*older)->issuer() != list.issuer() || !(*older)->VerifyBy(*signer)) continue;
    if (list.number() < (*older)->number() || list.this_update() < (*older)->this_update()) {
      return Failure(Reason::kFeedRejected, list.Label() +
                                                ": a list with a higher number or a later "
                                                "thisUpdate is held: " +
                                                (*older)->Label());
    }
  }
  return Done{};
}

}  // namespace acb::feeds
