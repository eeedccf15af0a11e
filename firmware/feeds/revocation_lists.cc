#include "firmware/feeds/revocation_lists.h"

#include <optional>

#include "firmware/base/p256.h"
#include "firmware/smki/authority.h"
#include "firmware/smki/key_identifier.h"

namespace acb::feeds {
namespace {

using Scope = smki::RevocationList::Scope;

// One that may have signed the lists of an issuer.
struct Signer {
  VerifyingKey key;
  Bytes key_identifier;
};

// The signers of this issuer's lists. A certificate that the feed brought has that name for the
// asking: it counts when a root signed it.
std::vector<Signer> SignersOf(const smki::Name& issuer, const ListContext& context) {
  std::vector<Signer> signers;
  const auto add = [&](const std::optional<PublicPoint>& point) {
    const auto key = point ? VerifyingKey::From(*point) : std::nullopt;
    // The profile of roots and issuing CAs has no other key identifier than this.
    if (key) signers.push_back({*key, smki::KeyIdentifier(*point)});
  };
  for (const smki::CertificatePtr& root : context.settings.roots) {
    if (root->subject() == issuer) add(root->public_point());
  }
  for (const smki::NamedAnchor& anchor : context.settings.named_anchors) {
    if (anchor.name == issuer) add(anchor.key);
  }
  const smki::AuthorityChecker authorities(context.settings, {});
  for (const smki::CertificatePtr& certificate : context.certificates) {
    if (certificate->subject() == issuer && authorities.Check(certificate)) {
      add(certificate->public_point());
    }
  }
  return signers;
}

bool IsOf(const smki::RevocationList& list, const Signer& signer) {
  return smki::IsListOf(list, list.issuer(), signer.key, signer.key_identifier);
}

std::optional<Signer> SignerOf(const smki::RevocationList& list,
                               const std::vector<Signer>& signers) {
  for (const Signer& signer : signers) {
    if (IsOf(list, signer)) return signer;
  }
  return std::nullopt;
}

bool IsAhead(const smki::RevocationList& list, UtcTime at) {
  return at.PlusSeconds(kMaxListAheadSeconds) < list.this_update();
}

Failure Refused(const smki::RevocationList& list, const std::string& why) {
  return Failure(Reason::kFeedRejected, list.Label() + ": " + why);
}

// R-SEC3-17: bound to the right issuer.
Failure NotBound(const smki::RevocationList& list, const std::vector<Signer>& signers) {
  for (const Signer& signer : signers) {
    if (!list.VerifyBy(signer.key)) continue;
    return Refused(list, "its authorityKeyIdentifier is " + ToHex(list.authority_key_identifier()) +
                             ", expected " + ToHex(signer.key_identifier) +
                             " of the key that signed it");
  }
  return Refused(list, "its signature is not by the issuer held here");
}

// Every certificate that `older` speaks of, `newer` speaks of too.
bool Covers(Scope newer, Scope older) { return newer == Scope::kAll || newer == older; }

// Some certificate is spoken of by both: only then are their numbers of one series.
bool Overlap(Scope a, Scope b) { return Covers(a, b) || Covers(b, a); }

}  // namespace

Status CheckNewRevocationList(const smki::RevocationList& list, const ListContext& context,
                              UtcTime at) {
  // R-SEC3-14: it would stand in the way of the lists of now.
  if (IsAhead(list, at)) {
    return Refused(list, "its thisUpdate lies more than " + std::to_string(kMaxListAheadSeconds) +
                             " seconds after " + at.Iso());
  }
  const std::vector<Signer> signers = SignersOf(list.issuer(), context);
  if (signers.empty()) return Done{};
  const auto signer = SignerOf(list, signers);
  if (!signer) return NotBound(list, signers);
  for (const smki::RevocationListPtr& older : context.held) {
    const bool same_series =
        older->issuer() == list.issuer() && Overlap(list.scope(), older->scope());
    const bool back = list.number() < older->number() || list.this_update() < older->this_update();
    // R-SEC3-17: never rolled back. One that came before lists of the future were refused does not
    // count.
    if (same_series && back && !IsAhead(*older, at) && IsOf(*older, *signer)) {
      return Refused(
          list, "a list with a higher number or a later thisUpdate is held: " + older->Label());
    }
  }
  return Done{};
}

bool IsIssuerHeld(const smki::RevocationList& list, const ListContext& context) {
  return !SignersOf(list.issuer(), context).empty();
}

std::vector<smki::RevocationListPtr> SignedLists(const ListContext& context) {
  std::vector<smki::RevocationListPtr> lists = context.held;
  std::erase_if(lists, [&](const smki::RevocationListPtr& list) {
    return !SignerOf(*list, SignersOf(list->issuer(), context));
  });
  return lists;
}

std::vector<Sha256Digest> SupersededLists(const smki::RevocationList& newer,
                                          const ListContext& context, UtcTime at) {
  std::vector<Sha256Digest> superseded;
  const auto signer = SignerOf(newer, SignersOf(newer.issuer(), context));
  if (!signer || at < newer.this_update()) return superseded;
  for (const smki::RevocationListPtr& older : context.held) {
    // Also one that names another key: CheckStatus never looks at it.
    if (older->issuer() == newer.issuer() && older->number() < newer.number() &&
        older->this_update() <= newer.this_update() && Covers(newer.scope(), older->scope()) &&
        older->VerifyBy(signer->key)) {
      superseded.push_back(older->sha256());
    }
  }
  return superseded;
}

bool IsInForce(const smki::RevocationList& list, const ListContext& context, UtcTime at) {
  return list.scope() != Scope::kAuthoritiesOnly && list.this_update() <= at &&
         at < list.next_update() &&
         at <= list.this_update().PlusSeconds(context.settings.crl_max_age_seconds) &&
         SignerOf(list, SignersOf(list.issuer(), context));
}

}  // namespace acb::feeds
