#include "tools/acb-verify/trust_history.h"

#include <algorithm>
#include <iterator>

#include "firmware/audit/note.h"
#include "firmware/base/request_id.h"
#include "firmware/base/spki.h"
#include "firmware/smki/bundle.h"
#include "tools/acb-verify/members.h"

namespace acb::verify {
namespace {

constexpr std::uint64_t kMaxPemFile = std::uint64_t{2} << 30;
// As many rows as the PEM files may have blocks, several times.
constexpr std::uint64_t kMaxTrustJson = std::uint64_t{64} << 20;
constexpr std::size_t kMaxRecent = 4;
// A decision that began before an import may be recorded behind it; how long an import itself may
// take.
constexpr std::int64_t kUnderwaySeconds = 300;
constexpr std::string_view kCertificateFeed = "organisation-certificates";
constexpr std::string_view kListFeed = "revocation-lists";

Failure Wrong(std::string what) { return Failure(Reason::kMalformed, std::move(what)); }
Failure Missing(std::string what) { return Failure(Reason::kNotFound, std::move(what)); }

Result<std::set<Sha256Digest>> DigestsOf(const audit::Object& members, std::string_view name) {
  std::set<Sha256Digest> digests;
  for (const std::string& text : TextsOf(members, name)) {
    const auto digest = DigestFrom(text);
    if (!digest) return Wrong("trust.json: " + std::string(name) + " holds no SHA-256");
    digests.insert(*digest);
  }
  return digests;
}

std::string HashOfList(const std::vector<std::string>& texts) {
  const audit::List list(texts.begin(), texts.end());
  return ToHex(Sha256(AsBytes(audit::CanonicalJson(audit::Value(list)))));
}

// What an entry names, in full or, when they are many, by one hash, against what trust.json has.
Status CompareNamed(const audit::Object& entry, const std::string& name,
                    const std::vector<std::string>& texts) {
  const std::string hash(TextOf(entry, name + "_sha256"));
  const std::vector<std::string> named = TextsOf(entry, name);
  if (!hash.empty() && entry.contains(name)) return Wrong("it names " + name + " twice");
  if (hash.empty() ? named == texts : hash == HashOfList(texts)) return Done{};
  const bool less = hash.empty() ? std::ranges::includes(named, texts) : texts.empty();
  if (less) return Missing("trust.json lacks what the entry names as " + name);
  return Wrong(
      "what trust.json says came or went with this import is not what the entry names as " + name);
}

Result<TrustHistory::AcbKeys> AcbKeysFrom(std::uint64_t from, const audit::Object& settings) {
  TrustHistory::AcbKeys keys{from, {}};
  const auto add = [&](const audit::Object& members, const char* signing, const char* agreement) {
    const auto ds = DigestOf(members, signing);
    const auto ka = DigestOf(members, agreement);
    if (ds && ka) keys.pairs.push_back({*ds, *ka});
    return ds && ka;
  };
  bool good = add(settings, "acb_ds_certificate_sha256", "acb_ka_certificate_sha256");
  if (const audit::List* later = ListOf(settings, "acb_later")) {
    for (const audit::Value& element : *later) {
      const auto* pair = std::get_if<audit::Object>(&element.get());
      good = good && pair != nullptr && add(*pair, "ds", "ka");
    }
  }
  if (!good) return Wrong("trust.json: settings name no ACB certificates");
  return keys;
}

std::set<std::string> RelaxationsOf(const smki::TrustSettings& settings) {
  std::set<std::string> names;
  if (!settings.named_anchors.empty()) names.insert("trust_anchors");
  if (!settings.issuers_without_crl.empty()) names.insert("issuers_without_crl");
  if (!settings.pinned_signers.empty()) names.insert("pinned_signers");
  return names;
}

}  // namespace

Result<TrustHistory::Held> TrustHistory::HeldIn(const ExportFile& file, std::string_view name,
                                                Result<std::vector<Bytes>> (*split)(BytesView)) {
  Held held;
  const auto octets = file.ReadWhole(name, kMaxPemFile);
  if (!octets) return octets.error();
  if (octets->empty()) return held;
  auto blocks = split(AsBytes(*octets));
  if (!blocks) return Wrong(std::string(name) + ": " + blocks.error().explanation);
  for (Bytes& der : *blocks) {
    const Sha256Digest sha256 = Sha256(der);
    held.emplace(sha256, std::make_shared<const Bytes>(std::move(der)));
  }
  return held;
}

Status TrustHistory::LoadRows(const audit::List& list, const Held& held, Material& material) {
  for (const audit::Value& element : list) {
    const auto* row = std::get_if<audit::Object>(&element.get());
    if (row == nullptr) return Wrong("trust.json: a row is no object");
    const auto sha256 = DigestOf(*row, "sha256");
    const auto from = NumberOf(*row, "from");
    const auto until = NumberOf(*row, "until");
    if (!sha256 || !from || row->contains("until") != until.has_value()) {
      return Wrong("trust.json: a row names no SHA-256 and index");
    }
    const auto found = held.find(*sha256);
    if (found == held.end()) {
      return Wrong("trust.json names " + ToHex(*sha256) + ", which is not in the export");
    }
    material.rows.emplace(*sha256, Dated{found->second, *from, until});
  }
  for (const auto& [sha256, row] : material.rows) {
    material.changes[row.from].brought.push_back(ToHex(sha256));
    if (row.until) material.changes[*row.until].superseded.push_back(ToHex(sha256));
  }
  for (const auto& [index, change] : material.changes) material.changed.insert(index);
  return Done{};
}

Result<smki::CertificatePtr> TrustHistory::CertificateOf(const Sha256Digest& sha256) const {
  const auto found = held_.find(sha256);
  if (found == held_.end()) {
    return Missing("certificate " + ToHex(sha256) + " is not in the export");
  }
  return smki::Certificate::Parse(*found->second);
}

Result<smki::TrustSettings> TrustHistory::SettingsFrom(const audit::Object& members) {
  smki::TrustSettings settings;
  settings.environment = TextOf(members, "environment") == "live" ? smki::Environment::kLive
                                                                  : smki::Environment::kTest;
  settings.policy_oid = TextOf(members, "policy_oid");
  const auto crl_age = NumberOf(members, "crl_max_age_seconds");
  const auto arl_age = NumberOf(members, "arl_max_age_seconds");
  if (!crl_age || !arl_age || *crl_age > kMaxSeqNumber || *arl_age > kMaxSeqNumber) {
    return Wrong("trust.json: settings without the ages of lists");
  }
  settings.crl_max_age_seconds = static_cast<std::int64_t>(*crl_age);
  settings.arl_max_age_seconds = static_cast<std::int64_t>(*arl_age);
  const auto roots = DigestsOf(members, "roots");
  if (!roots) return roots.error();
  for (const Sha256Digest& root : *roots) {
    auto certificate = CertificateOf(root);
    if (!certificate) return std::move(certificate).error();
    settings.roots.push_back(*std::move(certificate));
  }
  if (const audit::List* anchors = ListOf(members, "trust_anchors")) {
    for (const audit::Value& element : *anchors) {
      const auto* anchor = std::get_if<audit::Object>(&element.get());
      const auto name = anchor ? smki::Name::FromText(TextOf(*anchor, "name")) : std::nullopt;
      const auto key = anchor ? FromHex(TextOf(*anchor, "public_key")) : std::nullopt;
      if (!name || !key || key->size() != std::tuple_size_v<PublicPoint>) {
        return Wrong("trust.json: a trust anchor is not a name and a key");
      }
      smki::NamedAnchor named{.name = *name, .key = {}, .key_identifier = {}};
      std::ranges::copy(*key, named.key.begin());
      settings.named_anchors.push_back(std::move(named));
    }
  }
  for (const std::string& text : TextsOf(members, "issuers_without_crl")) {
    const auto name = smki::Name::FromText(text);
    if (!name) return Wrong("trust.json: an issuer without CRL is no name");
    settings.issuers_without_crl.push_back(*name);
  }
  auto pinned = DigestsOf(members, "pinned_signers");
  if (!pinned) return std::move(pinned).error();
  settings.pinned_signers = *std::move(pinned);
  return settings;
}

Status TrustHistory::LoadSettings(const audit::List& list) {
  for (const audit::Value& element : list) {
    const auto* row = std::get_if<audit::Object>(&element.get());
    const auto* members = row ? ObjectOf(*row, "settings") : nullptr;
    const auto from = row ? NumberOf(*row, "from") : std::nullopt;
    if (members == nullptr || !from) return Wrong("trust.json: settings without index");
    auto trust = SettingsFrom(*members);
    if (!trust) return std::move(trust).error();
    auto keys = AcbKeysFrom(*from, *members);
    if (!keys) return std::move(keys).error();
    NoteRoots(*trust);
    std::set<std::string> relaxations = RelaxationsOf(*trust);
    relaxations_.insert(relaxations.begin(), relaxations.end());
    const auto [place, is_new] = settings_.try_emplace(
        *from,
        Settings{*std::move(trust), Sha256(AsBytes(audit::CanonicalJson(audit::Value(*members)))),
                 *std::move(keys), std::move(relaxations)});
    if (!is_new) return Wrong("trust.json: two settings for entry " + std::to_string(place->first));
  }
  return Done{};
}

void TrustHistory::NoteRoots(const smki::TrustSettings& settings) {
  for (const smki::CertificatePtr& root : settings.roots) {
    roots_.emplace(ToHex(root->sha256()), root->subject().Text());
  }
  for (const smki::NamedAnchor& anchor : settings.named_anchors) {
    roots_.emplace(ToHex(Sha256(SpkiOfP256(anchor.key))), "the key of " + anchor.name.Text());
  }
}

Result<TrustHistory> TrustHistory::Load(const ExportFile& file) {
  TrustHistory history;
  auto certificates = HeldIn(file, "certificates.pem", smki::SplitCertificates);
  if (!certificates) return std::move(certificates).error();
  history.held_ = *std::move(certificates);
  const auto lists = HeldIn(file, "revocation-lists.pem", smki::SplitRevocationLists);
  if (!lists) return lists.error();
  const auto text = file.ReadWhole("trust.json", kMaxTrustJson);
  if (!text) return text.error();
  const auto trust = ParseCanonical(*text);
  const audit::List* rows[] = {trust ? ListOf(*trust, "certificates") : nullptr,
                               trust ? ListOf(*trust, "revocation_lists") : nullptr,
                               trust ? ListOf(*trust, "settings") : nullptr};
  if (std::ranges::find(rows, nullptr) != std::end(rows)) {
    return Wrong("trust.json is not as an export has it");
  }
  if (Status s = LoadRows(*rows[0], history.held_, history.certificates_); !s) {
    return std::move(s).error();
  }
  if (Status s = LoadRows(*rows[1], *lists, history.lists_); !s) return std::move(s).error();
  if (Status s = history.LoadSettings(*rows[2]); !s) return std::move(s).error();
  return history;
}

Status TrustHistory::SeeEntry(std::uint64_t index, const audit::Object& entry) {
  if (TextOf(entry, "kind") == "start") return SeeStart(index, entry);
  const std::string_view feed = TextOf(entry, "feed");
  if (feed != kListFeed && feed != kCertificateFeed) return Done{};
  Material& material = feed == kListFeed ? lists_ : certificates_;
  material.seen.emplace(index, UtcTime::FromIso(TextOf(entry, "time")));
  static const Change kNone;
  const auto found = material.changes.find(index);
  const Change& change = found == material.changes.end() ? kNone : found->second;
  for (const char* name : {"brought", "superseded"}) {
    // Whatever trust.json says of it: from here on others were in force.
    if (entry.contains(name) || entry.contains(std::string(name) + "_sha256")) {
      material.changed.insert(index);
    }
  }
  Status brought = CompareNamed(entry, "brought", change.brought);
  Status superseded = CompareNamed(entry, "superseded", change.superseded);
  // What is wrong before what is missing.
  return !superseded && (brought || superseded.error().reason == Reason::kMalformed) ? superseded
                                                                                     : brought;
}

// One without settings is one that a crash cut short: nothing may have been decided under it (At).
Status TrustHistory::SeeStart(std::uint64_t index, const audit::Object& entry) {
  starts_seen_.insert(index);
  const auto named = TextsOf(entry, "relaxations");
  relaxations_.insert(named.begin(), named.end());
  const auto found = settings_.find(index);
  if (found == settings_.end()) return Done{};
  const Settings& settings = found->second;
  if (TextOf(entry, "trust_sha256") != ToHex(settings.sha256)) {
    return Wrong("the settings in trust.json are not those that this start names");
  }
  // design.md section 10: what `live` cannot relax.
  const bool live = settings.trust.environment == smki::Environment::kLive;
  if (TextOf(entry, "environment") != (live ? "live" : "test")) {
    return Wrong("the settings in trust.json are of another environment");
  }
  for (const auto& [name, sha256] :
       {std::pair("acb_ds_certificate_sha256", settings.keys.pairs.front().digital_signing),
        std::pair("acb_ka_certificate_sha256", settings.keys.pairs.front().key_agreement)}) {
    if (TextOf(entry, name) != ToHex(sha256)) {
      return Wrong(std::string(name) + " is not that of its settings in trust.json");
    }
  }
  for (const std::string& relaxed : settings.relaxations) {
    if (std::ranges::find(named, relaxed) == named.end()) {
      return Wrong("its settings relax " + relaxed + ", and it does not say so");
    }
  }
  return Done{};
}

// The rows that are in force depend on the newest change at or before the import only.
std::shared_ptr<const smki::Trust> TrustHistory::Build(std::uint64_t settings,
                                                       std::uint64_t certificates,
                                                       std::uint64_t lists) {
  const auto key = std::tuple(settings, certificates, lists);
  if (const auto found = recent_.find(key); found != recent_.end()) return found->second;
  const auto in_force = [](const Material& material, std::uint64_t at) {
    std::vector<Bytes> ders;
    const Sha256Digest* last = nullptr;  // of those: two rows of one are one
    for (const auto& [sha256, row] : material.rows) {
      if (row.from > at || (row.until && *row.until <= at)) continue;
      if (last == nullptr || *last != sha256) ders.push_back(*row.der);
      last = &sha256;
    }
    return ders;
  };
  auto built = smki::Trust::Build(settings_.at(settings).trust, 0,
                                  in_force(certificates_, certificates), in_force(lists_, lists));
  if (recent_.size() >= kMaxRecent) recent_.erase(recent_.begin());
  recent_.emplace(key, built);
  return built;
}

// R-SEC3-7: the box's word for which import it judged by is taken only as far as the log bears it.
// Gives the newest change at or before the import.
Result<std::uint64_t> TrustHistory::ImportOf(std::uint64_t index, const audit::Object& entry,
                                             std::string_view feed, const Material& material,
                                             std::uint64_t first) {
  const audit::Object* feeds = ObjectOf(entry, "feeds");
  const std::string_view text = feeds ? TextOf(*feeds, feed) : std::string_view();
  const std::uint64_t named = feeds ? NumberOf(*feeds, feed).value_or(0) : 0;
  const std::string what = "it names import " + std::string(text) + " of " + std::string(feed);
  if (named >= index) return Wrong(what + ", which comes later");
  if (named >= first && !text.empty() && !material.seen.contains(named)) {
    return Wrong(what + ", which is none");
  }
  const auto next = material.changed.upper_bound(named);
  if (next != material.changed.end() && *next < index) {
    const auto imported = material.seen.find(*next);
    const auto began = UtcTime::FromIso(TextOf(entry, "time"));
    if (imported == material.seen.end()) {
      ++superseded_before_;
    } else if (!began || !imported->second ||
               imported->second->PlusSeconds(kUnderwaySeconds) < *began) {
      return Wrong(what + ", which was superseded by entry " + std::to_string(*next) +
                   " before the decision began");
    }
  }
  return next == material.changed.begin() ? 0 : *std::prev(next);
}

Result<InForce> TrustHistory::At(std::uint64_t index, const audit::Object& entry,
                                 std::uint64_t first) {
  auto start = settings_.upper_bound(index);
  const auto begun = starts_seen_.upper_bound(index);
  if (start == settings_.begin() ||
      (begun != starts_seen_.begin() && std::prev(start)->first < *std::prev(begun))) {
    return Missing("trust.json has no settings of the start before it");
  }
  --start;
  const auto certificates = ImportOf(index, entry, kCertificateFeed, certificates_, first);
  if (!certificates) return certificates.error();
  const auto lists = ImportOf(index, entry, kListFeed, lists_, first);
  if (!lists) return lists.error();
  auto acb = AcbOf(start->second.keys, entry);
  if (!acb) return std::move(acb).error();
  return InForce{Build(start->first, *certificates, *lists), *std::move(acb)};
}

Result<checks::AcbCertificates> TrustHistory::AcbOf(const AcbKeys& keys,
                                                    const audit::Object& entry) const {
  const audit::Object* named = ObjectOf(entry, "acb_certificate");
  const std::string_view sha256 = named ? TextOf(*named, "sha256") : std::string_view();
  const auto found = std::ranges::find_if(
      keys.pairs, [&](const AcbPair& pair) { return ToHex(pair.digital_signing) == sha256; });
  const AcbPair& pair = found == keys.pairs.end() ? keys.pairs.front() : *found;
  auto digital_signing = CertificateOf(pair.digital_signing);
  if (!digital_signing) return std::move(digital_signing).error();
  auto key_agreement = CertificateOf(pair.key_agreement);
  if (!key_agreement) return std::move(key_agreement).error();
  return checks::AcbCertificates::From(*std::move(digital_signing), *std::move(key_agreement));
}

std::optional<std::uint64_t> TrustHistory::Unexplained(std::uint64_t first,
                                                       std::uint64_t end) const {
  const auto is_in = [&](std::uint64_t index) { return index >= first && index < end; };
  for (const Material* material : {&certificates_, &lists_}) {
    for (const auto& [index, change] : material->changes) {
      if (is_in(index) && !material->seen.contains(index)) return index;
    }
  }
  for (const auto& [from, settings] : settings_) {
    if (is_in(from) && !starts_seen_.contains(from)) return from;
  }
  return {};
}

std::vector<TrustHistory::AcbKeys> TrustHistory::AcbKeyHistory() const {
  std::vector<AcbKeys> history;
  for (const auto& [from, settings] : settings_) history.push_back(settings.keys);
  return history;
}

std::uint64_t TrustHistory::before(std::uint64_t first) const {
  std::uint64_t count = 0;
  for (const Material* material : {&certificates_, &lists_}) {
    for (const auto& [sha256, row] : material->rows) count += row.from < first ? 1 : 0;
  }
  for (const auto& [from, settings] : settings_) count += from < first ? 1 : 0;
  return count;
}

}  // namespace acb::verify
