#include "firmware/smki/authority.h"

#include <algorithm>

#include "firmware/smki/authority_profile.h"
#include "firmware/smki/certificate_fields.h"
#include "firmware/smki/deny_list.h"
#include "firmware/smki/key_identifier.h"

namespace acb::smki {

AuthorityChecker::AuthorityChecker(const TrustSettings& settings,
                                   std::vector<RevocationListPtr> lists)
    : settings_(settings), lists_(std::move(lists)) {
  for (const CertificatePtr& root : settings.roots) AddRoot(root);
  for (const NamedAnchor& named : settings.named_anchors) AddNamedAnchor(named);
}

void AuthorityChecker::AddRoot(const CertificatePtr& root) {
  if (!root) return;
  if (const Status profile = CheckRootProfile(*root, settings_); !profile) {
    root_faults_.push_back(profile.error().explanation);
    return;
  }
  const auto key = VerifyingKey::From(*root->public_point());  // the profile demands one
  if (!key) return;
  Bytes identifier = ToBytes(root->subject_key_identifier());
  auto lists = ListsOf(root->subject(), *key, identifier);
  anchors_.push_back(std::make_shared<Anchor>(
      Anchor{root->subject(), *key, std::move(identifier), root, std::move(lists)}));
}

void AuthorityChecker::AddNamedAnchor(const NamedAnchor& named) {
  const auto key = VerifyingKey::From(named.key);
  if (!key) {
    root_faults_.push_back("trust anchor " + named.name.Text() + ": its key is not on P-256");
    return;
  }
  Bytes identifier = KeyIdentifier(named.key);
  auto lists = ListsOf(named.name, *key, identifier);
  anchors_.push_back(std::make_shared<Anchor>(
      Anchor{named.name, *key, std::move(identifier), nullptr, std::move(lists)}));
}

std::vector<RevocationListPtr> AuthorityChecker::ListsOf(const Name& issuer,
                                                         const VerifyingKey& key,
                                                         BytesView key_identifier) const {
  std::vector<RevocationListPtr> of_issuer;
  for (const RevocationListPtr& list : lists_) {
    if (IsListOf(*list, issuer, key, key_identifier)) of_issuer.push_back(list);
  }
  return of_issuer;
}

bool AuthorityChecker::IsRootName(const Name& name) const {
  return std::ranges::any_of(anchors_, [&](const auto& anchor) { return anchor->name == name; });
}

bool AuthorityChecker::IsSignedByRoot(const Certificate& certificate) const {
  return std::ranges::any_of(anchors_, [&](const auto& anchor) {
    return anchor->key.VerifyDer(certificate.fields().tbs, certificate.fields().signature);
  });
}

// R-SEC3-11, R-SEC3-13; gbcs-cs02b.md section 10, rule 9. All that have signed it: which is in its
// time is judged when the CA is used.
Result<std::vector<std::shared_ptr<const Anchor>>> AuthorityChecker::FindRoots(
    const Certificate& certificate) const {
  std::vector<std::shared_ptr<const Anchor>> roots;
  for (const auto& anchor : anchors_) {
    const Certificate::Fields& fields = certificate.fields();
    if (anchor->name == certificate.issuer() &&
        Equal(anchor->key_identifier, certificate.authority_key_identifier()) &&
        anchor->key.VerifyDer(fields.tbs, fields.signature)) {
      roots.push_back(anchor);
    }
  }
  if (!roots.empty()) return roots;
  std::string why = certificate.Label() + ": no trusted root " + certificate.issuer().Text() +
                    " with key identifier " + ToHex(certificate.authority_key_identifier()) +
                    " has signed it";
  for (const std::string& fault : root_faults_) why += "; root left out: " + fault;
  return Failure(Reason::kChain, why);
}

Result<IssuingAuthorityPtr> AuthorityChecker::Check(const CertificatePtr& certificate) const {
  if (IsTestKeyInLive(settings_, certificate->public_point())) {
    return Failure(Reason::kEnvironment,
                   certificate->Label() + ": the key of this CA is a published test key");
  }
  if (Status profile = CheckIssuingAuthorityProfile(*certificate, settings_); !profile) {
    return std::move(profile).error();
  }
  auto roots = FindRoots(*certificate);
  if (!roots) return std::move(roots).error();
  const Anchor& root = *roots->front();
  if (IsTestKeyInLive(settings_, root.key.point())) {
    return Failure(Reason::kEnvironment, certificate->Label() + ": the key of its root " +
                                             root.name.Text() + " is a published test key");
  }
  const auto key = VerifyingKey::From(*certificate->public_point());
  if (!key) return Failure(Reason::kChain, certificate->Label() + ": its key cannot be used");
  auto lists = ListsOf(certificate->subject(), *key, certificate->subject_key_identifier());
  return IssuingAuthorityPtr(std::make_shared<IssuingAuthority>(
      IssuingAuthority{certificate, *key, *std::move(roots), std::move(lists)}));
}

bool IsListOf(const RevocationList& list, const Name& issuer, const VerifyingKey& key,
              BytesView key_identifier) {
  const BytesView named = list.authority_key_identifier();
  const bool fits = named.empty() || Equal(named, key_identifier);
  return fits && list.issuer() == issuer && list.VerifyBy(key);
}

bool IsTestKeyInLive(const TrustSettings& settings, const std::optional<PublicPoint>& point) {
  return settings.environment == Environment::kLive && point && IsPublishedTestKey(*point);
}

bool IsSelfSigned(const Certificate& certificate) {
  return certificate.subject() == certificate.issuer() || IsSignedByItself(certificate);
}

bool IsSignedByItself(const Certificate& certificate) {
  const auto& key = certificate.verifying_key();
  return key && key->VerifyDer(certificate.fields().tbs, certificate.fields().signature);
}

bool LooksLikeAuthority(const Certificate& certificate) {
  const auto role = certificate.ou_role();
  return CountExtensions(certificate.fields().extensions, oid::kBasicConstraints) != 0 ||
         role == static_cast<std::uint8_t>(RemotePartyRole::kRoot) ||
         role == static_cast<std::uint8_t>(RemotePartyRole::kIssuingAuthority);
}

}  // namespace acb::smki
