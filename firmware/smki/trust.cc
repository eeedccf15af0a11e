#include "firmware/smki/trust.h"

#include <algorithm>
#include <mutex>
#include <unordered_set>

#include "firmware/smki/authority.h"
#include "firmware/smki/certificate_fields.h"
#include "firmware/smki/profile.h"
#include "firmware/smki/revocation_status.h"

namespace acb::smki {
namespace {

// Certificates that one request may offer. DUIS sets no limit; a path needs one.
constexpr std::size_t kMaxOffered = 16;
// What is told to the operator about lists that were left out.
constexpr std::size_t kMaxFaultText = 1000;

// What was worked out before, by what it is about. Anyone may make it grow, so it forgets all when
// there is too much: then it is worked out again. Thread-safe.
template <class Key, class Value>
class Remembered {
 public:
  explicit Remembered(std::size_t limit) : limit_(limit) {}

  // Value{} when it is not known.
  Value Find(const Key& key) {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(key);
    return found == known_.end() ? Value{} : found->second;
  }
  void Add(const Key& key, Value value) {
    const std::lock_guard lock(mutex_);
    if (known_.size() >= limit_) known_.clear();
    known_[key] = std::move(value);
  }

 private:
  const std::size_t limit_;
  std::mutex mutex_;
  std::map<Key, Value> known_;
};

bool IsSignedBy(const Certificate& certificate, const VerifyingKey& key) {
  return key.VerifyDer(certificate.fields().tbs, certificate.fields().signature);
}

// R-SEC3-7: judged each time it is relied on. notAfter is the last instant of the period (RFC 5280
// section 4.1.2.5).
Status CheckValidity(const Certificate& certificate, UtcTime at) {
  if (at < certificate.not_before()) {
    return Failure(Reason::kCertExpired, certificate.Label() + ": not valid before notBefore " +
                                             certificate.not_before().Iso() + ", judged at " +
                                             at.Iso());
  }
  if (certificate.not_after() < at) {
    return Failure(Reason::kCertExpired, certificate.Label() + ": expired at notAfter " +
                                             certificate.not_after().Iso() + ", judged at " +
                                             at.Iso());
  }
  return Done{};
}

// As PathEvidence has it: one that is in its time is enough. A named anchor has no period (RFC 5280
// section 6.1.1 (d)).
Result<CertificatePtr> RootInForce(const IssuingAuthority& authority, UtcTime at) {
  CertificatePtr longest;
  std::optional<Failure> first;
  for (const auto& root : authority.roots) {
    const CertificatePtr& certificate = root->certificate;
    if (!certificate) return CertificatePtr();
    Status valid = CheckValidity(*certificate, at);
    if (!valid) {
      if (!first) first = std::move(valid).error();
    } else if (!longest || longest->not_after() < certificate->not_after()) {
      longest = certificate;
    }
  }
  if (longest) return longest;
  return *std::move(first);  // there is a root (authority.h), and it is not in its time
}

// A key identifier of the SMKI as a number; nothing of another length (gbcs-cs02b.md 9.1).
std::optional<std::uint64_t> KeyNumber(BytesView key_identifier) {
  if (key_identifier.size() != sizeof(std::uint64_t)) return std::nullopt;
  return ByteReader(key_identifier).U64();
}

void Observe(PathEvidence& evidence, Reason reason) {
  const std::string name(Describe(reason).name);
  if (std::ranges::find(evidence.observations, name) == evidence.observations.end()) {
    evidence.observations.push_back(name);
  }
}

}  // namespace

// A CA that will not do, and why: for the explanation.
struct RejectedAuthority {
  CertificatePtr certificate;
  Failure why;
};

// What was found for a leaf's issuer.
struct Candidates {
  std::vector<IssuingAuthorityPtr> good;
  std::vector<RejectedAuthority> rejected;

  bool Has(const Sha256Digest& certificate) const {
    return std::ranges::any_of(good, [&](const IssuingAuthorityPtr& authority) {
      return authority->certificate->sha256() == certificate;
    });
  }
};

struct Trust::State {
  State(TrustSettings given, std::uint64_t number, std::vector<RevocationListPtr> lists)
      : settings(std::move(given)), generation(number), checker(settings, std::move(lists)) {}

  void AddCertificate(const CertificatePtr& certificate);
  void AddOrganisationKey(BytesView key_identifier);
  void AddAuthority(const CertificatePtr& certificate);
  bool IsFromTrustedIssuer(const Certificate& certificate) const;
  Candidates FindCandidates(const Certificate& leaf,
                            const std::vector<CertificatePtr>& offered) const;
  void AddOffered(const CertificatePtr& offered, Candidates& candidates) const;
  bool HasSigned(const IssuingAuthority& authority, const Certificate& leaf) const;
  bool MayLackList(const Name& issuer, const std::vector<RevocationListPtr>& lists) const;
  Status CheckProfile(const Certificate& leaf) const;
  Status CheckAuthorityStatus(const IssuingAuthority& authority, UtcTime at,
                              PathEvidence& evidence) const;
  Status CheckLeafStatus(const Certificate& leaf, const IssuingAuthority& authority, UtcTime at,
                         PathEvidence& evidence) const;
  Result<PathEvidence> CheckUnder(const CertificatePtr& leaf, const IssuingAuthority& authority,
                                  UtcTime at) const;
  Failure ExplainNoIssuer(const Certificate& leaf, const Candidates& candidates) const;

  const TrustSettings settings;
  const std::uint64_t generation;
  const AuthorityChecker checker;
  std::string list_faults;  // why lists were left out, for the operator
  std::map<Sha256Digest, CertificatePtr> by_sha256;
  // By issuer Name::Key() and content octets of the serial number.
  std::map<std::pair<std::string, Bytes>, std::vector<CertificatePtr>> by_serial;
  std::map<Eui64, std::vector<CertificatePtr>> signing_by_party;
  // By subject Name::Key().
  std::map<std::string, std::vector<IssuingAuthorityPtr>> authorities;
  std::map<std::string, std::vector<RejectedAuthority>> rejected;
  std::unordered_set<std::uint64_t> organisation_keys;  // KeyNumber of each
  // Certificates that came with requests, parsed: the same few come again and again. That one is
  // here says nothing of it.
  mutable Remembered<Sha256Digest, CertificatePtr> parsed{4096};
  // Leaves whose profile was found good.
  mutable Remembered<Sha256Digest, bool> good_profiles{8192};
  // Certificate and authority whose signature was found good on it: it costs no second
  // verification. Only what verified is kept, so nobody fills it with rubbish.
  mutable Remembered<std::pair<Sha256Digest, Sha256Digest>, bool> good_signatures{8192};
  // Issuing CAs that came with requests and that a root signed, with their lists verified.
  mutable Remembered<Sha256Digest, IssuingAuthorityPtr> offered_authorities{256};
};

void Trust::State::AddAuthority(const CertificatePtr& certificate) {
  auto authority = checker.Check(certificate);
  const std::string key = certificate->subject().Key();
  if (authority) {
    AddOrganisationKey(certificate->subject_key_identifier());
    authorities[key].push_back(*std::move(authority));
  } else {
    rejected[key].push_back({certificate, std::move(authority).error()});
  }
}

void Trust::State::AddOrganisationKey(BytesView key_identifier) {
  if (const auto number = KeyNumber(key_identifier)) organisation_keys.insert(*number);
}

bool Trust::State::IsFromTrustedIssuer(const Certificate& certificate) const {
  const auto found = authorities.find(certificate.issuer().Key());
  return found != authorities.end() &&
         std::ranges::any_of(found->second, [&](const IssuingAuthorityPtr& authority) {
           return IsSignedBy(certificate, authority->key);
         });
}

void Trust::State::AddCertificate(const CertificatePtr& certificate) {
  if (!by_sha256.emplace(certificate->sha256(), certificate).second) return;
  auto& held = by_serial[{certificate->issuer().Key(), ToBytes(certificate->serial())}];
  const bool signing =
      certificate->eui64() && certificate->key_usage() == KeyUsage::kDigitalSignature;
  const bool trusted = (signing || !held.empty()) && IsFromTrustedIssuer(*certificate);
  // Of several with the same issuer and serial a forged one must not hide the others.
  const auto behind = std::ranges::find_if(
      held, [&](const CertificatePtr& other) { return trusted && !IsFromTrustedIssuer(*other); });
  held.insert(behind, certificate);
  if (signing && trusted) {
    signing_by_party[*certificate->eui64()].push_back(certificate);
  }
}

// R-SEC3-14 and design.md section 10: only in test, and only while the issuer has no list at all.
bool Trust::State::MayLackList(const Name& issuer,
                               const std::vector<RevocationListPtr>& lists) const {
  return settings.environment == Environment::kTest && lists.empty() &&
         std::ranges::find(settings.issuers_without_crl, issuer) !=
             settings.issuers_without_crl.end();
}

Status Trust::State::CheckProfile(const Certificate& leaf) const {
  // R-SEC3-31, R-SEC3-33: first, so that the reason says what matters.
  if (IsTestKeyInLive(settings, leaf.public_point())) {
    return Failure(Reason::kEnvironment, leaf.Label() + ": its key is a published test key");
  }
  if (good_profiles.Find(leaf.sha256())) return Done{};
  Status good = CheckOrganisationProfile(leaf, settings);
  if (good) good_profiles.Add(leaf.sha256(), true);
  return good;
}

Status Trust::State::CheckAuthorityStatus(const IssuingAuthority& authority, UtcTime at,
                                          PathEvidence& evidence) const {
  // Lists are of a name and a key, which the certificates of one root share.
  const Anchor& root = *authority.roots.front();
  if (MayLackList(root.name, root.lists)) {
    Observe(evidence, Reason::kRevocationNotChecked);
    return Done{};
  }
  // R-SEC3-16.
  return CheckStatus({*authority.certificate, root.lists, Reason::kIssuerRevoked, Reason::kArlStale,
                      RevocationList::Scope::kUsersOnly, settings.arl_max_age_seconds, at});
}

Status Trust::State::CheckLeafStatus(const Certificate& leaf, const IssuingAuthority& authority,
                                     UtcTime at, PathEvidence& evidence) const {
  if (MayLackList(authority.certificate->subject(), authority.lists)) {
    Observe(evidence, Reason::kRevocationNotChecked);
    return Done{};
  }
  // R-SEC3-14, R-SEC3-18.
  return CheckStatus({leaf, authority.lists, Reason::kCertRevoked, Reason::kCrlStale,
                      RevocationList::Scope::kAuthoritiesOnly, settings.crl_max_age_seconds, at});
}

// From the root down: validity and status.
Result<PathEvidence> Trust::State::CheckUnder(const CertificatePtr& leaf,
                                              const IssuingAuthority& authority, UtcTime at) const {
  auto root = RootInForce(authority, at);
  if (!root) return std::move(root).error();
  PathEvidence evidence{leaf, authority.certificate, *std::move(root), {}};
  Status status = CheckAuthorityStatus(authority, at, evidence);
  // Revoked wins: a key that is lost is lost, also when its certificate has run out since.
  if (!status && status.error().reason == Reason::kIssuerRevoked) {
    return std::move(status).error();
  }
  if (Status s = CheckValidity(*authority.certificate, at); !s) return std::move(s).error();
  if (!status) return std::move(status).error();
  if (Status s = CheckLeafStatus(*leaf, authority, at, evidence); !s) {
    return std::move(s).error();
  }
  return evidence;
}

void Trust::State::AddOffered(const CertificatePtr& offered, Candidates& candidates) const {
  if (candidates.Has(offered->sha256())) return;
  if (const auto held = authorities.find(offered->subject().Key()); held != authorities.end()) {
    for (const IssuingAuthorityPtr& authority : held->second) {
      if (authority->certificate->sha256() == offered->sha256()) {
        candidates.good.push_back(authority);
        return;
      }
    }
  }
  if (const auto known = offered_authorities.Find(offered->sha256())) {
    candidates.good.push_back(known);
    return;
  }
  auto checked = checker.Check(offered);
  if (!checked) {
    candidates.rejected.push_back({offered, std::move(checked).error()});
    return;
  }
  offered_authorities.Add(offered->sha256(), *checked);
  candidates.good.push_back(*std::move(checked));
}

Candidates Trust::State::FindCandidates(const Certificate& leaf,
                                        const std::vector<CertificatePtr>& offered) const {
  Candidates candidates;
  for (const CertificatePtr& certificate : offered) {
    if (certificate && certificate->subject() == leaf.issuer()) AddOffered(certificate, candidates);
  }
  const std::string key = leaf.issuer().Key();
  if (const auto held = authorities.find(key); held != authorities.end()) {
    for (const IssuingAuthorityPtr& authority : held->second) {
      if (!candidates.Has(authority->certificate->sha256())) candidates.good.push_back(authority);
    }
  }
  if (const auto held = rejected.find(key); held != rejected.end()) {
    candidates.rejected.insert(candidates.rejected.end(), held->second.begin(), held->second.end());
  }
  return candidates;
}

bool Trust::State::HasSigned(const IssuingAuthority& authority, const Certificate& leaf) const {
  // gbcs-cs02b.md section 10, rule 7: name (FindCandidates), key identifier, signature.
  if (!Equal(leaf.authority_key_identifier(), authority.certificate->subject_key_identifier())) {
    return false;
  }
  const Sha256Digest& issuer = authority.certificate->sha256();
  if (good_signatures.Find({leaf.sha256(), issuer})) return true;
  if (!IsSignedBy(leaf, authority.key)) return false;
  good_signatures.Add({leaf.sha256(), issuer}, true);
  return true;
}

// The most telling of several reasons why there is no path.
Failure Trust::State::ExplainNoIssuer(const Certificate& leaf, const Candidates& candidates) const {
  for (const RejectedAuthority& authority : candidates.rejected) {
    const auto& key = authority.certificate->verifying_key();
    if (!key || !IsSignedBy(leaf, *key)) continue;
    return Failure(authority.why.reason, leaf.Label() + " was issued by a CA that is refused: " +
                                             authority.why.explanation);
  }
  const std::string issuer = leaf.issuer().Text();
  if (!candidates.good.empty()) {
    const BytesView expected = candidates.good.front()->certificate->subject_key_identifier();
    const BytesView found = leaf.authority_key_identifier();
    const std::string what = Equal(expected, found)
                                 ? ": its signature is not good under the key of the issuing CA "
                                 : ": its authorityKeyIdentifier is " + ToHex(found) +
                                       ", expected " + ToHex(expected) + " of the issuing CA ";
    return Failure(Reason::kChain, leaf.Label() + what + issuer);
  }
  if (!candidates.rejected.empty()) {
    return Failure(Reason::kChain, leaf.Label() + ": no issuing CA " + issuer +
                                       " will do: " + candidates.rejected.front().why.explanation);
  }
  if (checker.IsRootName(leaf.issuer())) {
    return Failure(Reason::kChain, leaf.Label() +
                                       ": issued by the root itself; root, issuing CA and "
                                       "organisation certificate expected");
  }
  return Failure(Reason::kChain, leaf.Label() + ": the certificate of its issuing CA " + issuer +
                                     " is neither held here nor in the request");
}

std::shared_ptr<const Trust> Trust::Build(TrustSettings settings, std::uint64_t generation,
                                          const std::vector<Bytes>& certificates,
                                          const std::vector<Bytes>& revocation_lists) {
  if (settings.environment == Environment::kLive) {
    // design.md section 10: nothing relaxed, whatever the caller put there.
    settings.named_anchors.clear();
    settings.issuers_without_crl.clear();
    settings.pinned_signers.clear();
  }
  std::vector<RevocationListPtr> lists;
  std::string list_faults;
  for (const Bytes& der : revocation_lists) {
    auto list = RevocationList::Parse(der);
    if (list) {
      lists.push_back(*std::move(list));
    } else if (list_faults.size() < kMaxFaultText) {
      list_faults += list.error().explanation + "; ";
    }
  }
  auto state = std::make_unique<State>(std::move(settings), generation, std::move(lists));
  state->list_faults = std::move(list_faults);
  std::vector<CertificatePtr> parsed;
  for (const Bytes& der : certificates) {
    if (auto certificate = Certificate::Parse(der)) parsed.push_back(*std::move(certificate));
  }
  for (const auto& anchor : state->checker.anchors()) {
    state->AddOrganisationKey(anchor->key_identifier);
  }
  for (const CertificatePtr& certificate : parsed) {
    if (LooksLikeAuthority(*certificate)) state->AddAuthority(certificate);
  }
  for (const CertificatePtr& certificate : parsed) state->AddCertificate(certificate);
  return std::shared_ptr<const Trust>(new Trust(std::move(state)));
}

Trust::Trust(std::unique_ptr<const State> state) : state_(std::move(state)) {}
Trust::~Trust() = default;

std::uint64_t Trust::generation() const { return state_->generation; }
const TrustSettings& Trust::settings() const { return state_->settings; }

bool Trust::IsPinnedSigner(const Certificate& certificate) const {
  return state_->settings.environment == Environment::kTest &&
         state_->settings.pinned_signers.contains(certificate.sha256());
}

bool Trust::IsOrganisationKey(BytesView key_identifier) const {
  const auto number = KeyNumber(key_identifier);
  return number && state_->organisation_keys.contains(*number);
}

std::vector<CertificatePtr> Trust::FindAll(const Name& issuer, BytesView serial) const {
  const auto found = state_->by_serial.find({issuer.Key(), ToBytes(serial)});
  return found == state_->by_serial.end() ? std::vector<CertificatePtr>() : found->second;
}

CertificatePtr Trust::Find(const Name& issuer, BytesView serial) const {
  const std::vector<CertificatePtr> all = FindAll(issuer, serial);
  return all.empty() ? nullptr : all.front();
}

CertificatePtr Trust::FindBySha256(const Sha256Digest& sha256) const {
  const auto found = state_->by_sha256.find(sha256);
  return found == state_->by_sha256.end() ? nullptr : found->second;
}

Result<CertificatePtr> Trust::Read(BytesView der) const {
  const Sha256Digest sha256 = Sha256(der);
  if (CertificatePtr held = FindBySha256(sha256)) return held;
  if (CertificatePtr known = state_->parsed.Find(sha256)) return known;
  auto certificate = Certificate::Parse(der);
  if (certificate) state_->parsed.Add(sha256, *certificate);
  return certificate;
}

std::vector<CertificatePtr> Trust::SigningCertificatesOf(Eui64 party) const {
  const auto found = state_->signing_by_party.find(party);
  return found == state_->signing_by_party.end() ? std::vector<CertificatePtr>() : found->second;
}

Result<PathEvidence> Trust::CheckPath(const CertificatePtr& leaf,
                                      const std::vector<CertificatePtr>& offered,
                                      UtcTime at) const {
  if (Status s = state_->CheckProfile(*leaf); !s) return std::move(s).error();
  Status in_time = CheckValidity(*leaf, at);
  if (offered.size() > kMaxOffered) {
    return Failure(Reason::kChain, leaf->Label() + ": more than " + std::to_string(kMaxOffered) +
                                       " certificates came with it");
  }
  const Candidates candidates = state_->FindCandidates(*leaf, offered);
  std::optional<PathEvidence> good;
  std::optional<Failure> bad;
  for (const IssuingAuthorityPtr& authority : candidates.good) {
    if (!state_->HasSigned(*authority, *leaf)) continue;
    auto path = state_->CheckUnder(leaf, *authority, at);
    if (path) {
      if (!good) good = *std::move(path);
      continue;
    }
    const Reason reason = path.error().reason;
    // Revoked once is revoked, whatever else the CA's key is certified by.
    if (reason == Reason::kCertRevoked || reason == Reason::kIssuerRevoked) {
      return std::move(path).error();
    }
    if (bad) continue;
    bad = std::move(path).error();
    if (reason == Reason::kCrlStale || reason == Reason::kArlStale) {
      bad->detail = state_->list_faults;
    }
  }
  if (!in_time) return std::move(in_time).error();
  if (good) return *std::move(good);
  if (bad) return *std::move(bad);
  return state_->ExplainNoIssuer(*leaf, candidates);
}

}  // namespace acb::smki
