#include "firmware/feeds/revocation_lists.h"

#include <optional>

#include "firmware/smki/authority.h"

namespace acb::feeds {
namespace {

using Scope = smki::RevocationList::Scope;

// The keys that may have signed a list of this issuer. A certificate that the feed brought has that
// name for the asking: it counts when a root signed it.
std::vector<PublicPoint> KeysOf(const smki::Name& issuer, const ListContext& context) {
  std::vector<PublicPoint> keys;
  const auto add = [&](const smki::Certificate& certificate) {
    if (certificate.public_point()) keys.push_back(*certificate.public_point());
  };
  for (const smki::CertificatePtr& root : context.settings.roots) {
    if (root->subject() == issuer) add(*root);
  }
  for (const smki::NamedAnchor& anchor : context.settings.named_anchors) {
    if (anchor.name == issuer) keys.push_back(anchor.key);
  }
  const smki::AuthorityChecker authorities(context.settings, {});
  for (const smki::CertificatePtr& certificate : context.certificates) {
    if (certificate->subject() == issuer && authorities.Check(certificate)) add(*certificate);
  }
  return keys;
}

std::optional<PublicPoint> SignerOf(const smki::RevocationList& list,
                                    const std::vector<PublicPoint>& keys) {
  for (const PublicPoint& key : keys) {
    if (list.VerifyBy(key)) return key;
  }
  return std::nullopt;
}

// Every certificate that `older` speaks of, `newer` speaks of too.
bool Covers(Scope newer, Scope older) { return newer == Scope::kAll || newer == older; }

// Some certificate is spoken of by both: only then are their numbers of one series.
bool Overlap(Scope a, Scope b) { return Covers(a, b) || Covers(b, a); }

// CheckStatus looks only at lists that name no key or the CA's: an older list must not give way to
// one that it does not look at.
bool NamesAsGoodAKey(const smki::RevocationList& newer, const smki::RevocationList& older) {
  return newer.authority_key_identifier().empty() ||
         Equal(newer.authority_key_identifier(), older.authority_key_identifier());
}

}  // namespace

Status CheckNewRevocationList(const smki::RevocationList& list, const ListContext& context) {
  const std::vector<PublicPoint> keys = KeysOf(list.issuer(), context);
  const auto signer = SignerOf(list, keys);
  if (!signer) {
    if (keys.empty()) return Done{};
    // R-SEC3-17: bound to the right issuer.
    return Failure(Reason::kFeedRejected,
                   list.Label() + ": its signature is not by the issuer held here");
  }
  for (const smki::RevocationListPtr& older : context.held) {
    const bool same_series =
        older->issuer() == list.issuer() && Overlap(list.scope(), older->scope());
    const bool back = list.number() < older->number() || list.this_update() < older->this_update();
    // R-SEC3-17: never rolled back.
    if (same_series && back && older->VerifyBy(*signer)) {
      return Failure(Reason::kFeedRejected, list.Label() +
                                                ": a list with a higher number or a later "
                                                "thisUpdate is held: " +
                                                older->Label());
    }
  }
  return Done{};
}

std::vector<smki::RevocationListPtr> SignedLists(const ListContext& context) {
  std::vector<smki::RevocationListPtr> lists = context.held;
  std::erase_if(lists, [&](const smki::RevocationListPtr& list) {
    return !SignerOf(*list, KeysOf(list->issuer(), context));
  });
  return lists;
}

std::vector<Sha256Digest> SupersededLists(const smki::RevocationList& newer,
                                          const ListContext& context, UtcTime at) {
  std::vector<Sha256Digest> superseded;
  const auto signer = SignerOf(newer, KeysOf(newer.issuer(), context));
  if (!signer || at < newer.this_update()) return superseded;
  for (const smki::RevocationListPtr& older : context.held) {
    if (older->issuer() == newer.issuer() && older->number() < newer.number() &&
        older->this_update() <= newer.this_update() && Covers(newer.scope(), older->scope()) &&
        NamesAsGoodAKey(newer, *older) && older->VerifyBy(*signer)) {
      superseded.push_back(older->sha256());
    }
  }
  return superseded;
}

bool IsInForce(const smki::RevocationList& list, const ListContext& context, UtcTime at) {
  return list.scope() != Scope::kAuthoritiesOnly && list.this_update() <= at &&
         at < list.next_update() &&
         at <= list.this_update().PlusSeconds(context.settings.crl_max_age_seconds) &&
         SignerOf(list, KeysOf(list.issuer(), context));
}

}  // namespace acb::feeds
