#include "tools/acb-verify/trust_history.h"

#include <algorithm>

#include "firmware/base/request_id.h"
#include "firmware/smki/bundle.h"
#include "tools/acb-verify/members.h"

namespace acb::verify {
namespace {

constexpr std::uint64_t kMaxTrustFile = std::uint64_t{2} << 30;
constexpr std::size_t kMaxRecent = 4;

Failure Wrong(std::string what) { return Failure(Reason::kMalformed, std::move(what)); }

Result<std::map<Sha256Digest, Bytes>> BySha256(const ExportFile& file, std::string_view name,
                                               Result<std::vector<Bytes>> (*split)(BytesView)) {
  std::map<Sha256Digest, Bytes> held;
  const auto octets = file.ReadWhole(name, kMaxTrustFile);
  if (!octets) return octets.error();
  if (octets->empty()) return held;
  auto blocks = split(AsBytes(*octets));
  if (!blocks) return Wrong(std::string(name) + ": " + blocks.error().explanation);
  for (Bytes& der : *blocks) {
    const Sha256Digest sha256 = Sha256(der);
    held.emplace(sha256, std::move(der));
  }
  return held;
}

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

}  // namespace

Status TrustHistory::LoadRows(const audit::List& list, const std::map<Sha256Digest, Bytes>& held,
                              Rows& rows) {
  for (const audit::Value& element : list) {
    const auto* row = std::get_if<audit::Object>(&element.get());
    if (row == nullptr) return Wrong("trust.json: a row is no object");
    const auto sha256 = DigestOf(*row, "sha256");
    const auto from = NumberOf(*row, "from");
    if (!sha256 || !from) return Wrong("trust.json: a row names no SHA-256 and index");
    const auto found = held.find(*sha256);
    if (found == held.end()) {
      return Wrong("trust.json names " + ToHex(*sha256) + ", which is not in the export");
    }
    Dated dated{found->second, *from, NumberOf(*row, "until")};
    events_.insert(*from);
    if (dated.until) events_.insert(*dated.until);
    rows.emplace(*sha256, std::move(dated));
  }
  return Done{};
}

Result<smki::CertificatePtr> TrustHistory::CertificateOf(const Sha256Digest& sha256) const {
  const auto found = held_.find(sha256);
  if (found == held_.end()) {
    return Wrong("certificate " + ToHex(sha256) + " is not in the export");
  }
  return smki::Certificate::Parse(found->second);
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
    const auto signing = DigestOf(*members, "acb_ds_certificate_sha256");
    const auto agreement = DigestOf(*members, "acb_ka_certificate_sha256");
    if (!signing || !agreement) return Wrong("trust.json: settings name no ACB certificates");
    settings_.insert_or_assign(
        *from,
        Settings{*std::move(trust), Sha256(AsBytes(audit::CanonicalJson(audit::Value(*members)))),
                 *signing, *agreement});
  }
  return Done{};
}

Result<TrustHistory> TrustHistory::Load(const ExportFile& file) {
  TrustHistory history;
  auto certificates = BySha256(file, "certificates.pem", smki::SplitCertificates);
  if (!certificates) return std::move(certificates).error();
  history.held_ = *std::move(certificates);
  const auto lists = BySha256(file, "revocation-lists.pem", smki::SplitRevocationLists);
  if (!lists) return lists.error();
  const auto text = file.ReadWhole("trust.json", kMaxTrustFile);
  if (!text) return text.error();
  const auto trust = ParseCanonical(*text);
  const audit::List* rows[] = {trust ? ListOf(*trust, "certificates") : nullptr,
                               trust ? ListOf(*trust, "revocation_lists") : nullptr,
                               trust ? ListOf(*trust, "settings") : nullptr};
  if (std::ranges::find(rows, nullptr) != std::end(rows)) {
    return Wrong("trust.json is not as an export has it");
  }
  if (Status s = history.LoadRows(*rows[0], history.held_, history.certificates_); !s) {
    return std::move(s).error();
  }
  if (Status s = history.LoadRows(*rows[1], *lists, history.lists_); !s) {
    return std::move(s).error();
  }
  if (Status s = history.LoadSettings(*rows[2]); !s) return std::move(s).error();
  return history;
}

Status TrustHistory::SeeEntry(std::uint64_t index, const audit::Object& entry) {
  if (TextOf(entry, "kind") == "start") {
    starts_seen_.insert(index);
    for (const std::string& name : TextsOf(entry, "relaxations")) relaxations_.insert(name);
    const auto found = settings_.find(index);
    if (found == settings_.end()) return Wrong("trust.json has no settings for this start");
    if (TextOf(entry, "trust_sha256") != ToHex(found->second.sha256)) {
      return Wrong("the settings in trust.json are not those that this start names");
    }
    return Done{};
  }
  const std::string_view feed = TextOf(entry, "feed");
  const bool lists = feed == "revocation-lists";
  if (!lists && feed != "organisation-certificates") return Done{};
  (lists ? lists_seen_ : certificates_seen_).insert(index);
  std::vector<std::string> brought;
  std::vector<std::string> superseded;
  for (const auto& [sha256, row] : lists ? lists_ : certificates_) {
    if (row.from == index) brought.push_back(ToHex(sha256));
    if (row.until == index) superseded.push_back(ToHex(sha256));
  }
  for (const auto& [name, texts] :
       {std::pair("brought", &brought), std::pair("superseded", &superseded)}) {
    const std::string hash(TextOf(entry, std::string(name) + "_sha256"));
    const bool same = hash.empty() ? TextsOf(entry, name) == *texts : hash == HashOfList(*texts);
    if (!same) {
      return Wrong(
          "what trust.json says came or went with this import is not what the entry "
          "names as " +
          std::string(name));
    }
  }
  return Done{};
}

// The rows that are in force depend on the newest event at or before the import only.
std::shared_ptr<const smki::Trust> TrustHistory::Build(std::uint64_t settings,
                                                       std::uint64_t certificates,
                                                       std::uint64_t lists) {
  const auto key = std::tuple(settings, certificates, lists);
  if (const auto found = recent_.find(key); found != recent_.end()) return found->second;
  const auto in_force = [](const Rows& rows, std::uint64_t at) {
    std::vector<Bytes> ders;
    for (const auto& [sha256, row] : rows) {
      if (row.from <= at && (!row.until || *row.until > at)) ders.push_back(row.der);
    }
    return ders;
  };
  auto built = smki::Trust::Build(settings_.at(settings).trust, 0,
                                  in_force(certificates_, certificates), in_force(lists_, lists));
  ++built_;
  if (recent_.size() >= kMaxRecent) recent_.erase(recent_.begin());
  recent_.emplace(key, built);
  return built;
}

Result<InForce> TrustHistory::At(std::uint64_t index, const audit::Object& entry) {
  auto start = settings_.upper_bound(index);
  if (start == settings_.begin()) return Wrong("no start is known before it");
  --start;
  const auto event_at = [&](std::string_view feed) -> std::uint64_t {
    const audit::Object* feeds = ObjectOf(entry, "feeds");
    const auto imported = feeds ? NumberOf(*feeds, feed) : std::nullopt;
    if (!imported) return 0;
    const auto after = events_.upper_bound(*imported);
    return after == events_.begin() ? 0 : *std::prev(after);
  };
  auto digital_signing = CertificateOf(start->second.digital_signing);
  if (!digital_signing) return std::move(digital_signing).error();
  auto key_agreement = CertificateOf(start->second.key_agreement);
  if (!key_agreement) return std::move(key_agreement).error();
  auto acb = checks::AcbCertificates::From(*std::move(digital_signing), *std::move(key_agreement));
  if (!acb) return std::move(acb).error();
  return InForce{
      Build(start->first, event_at("organisation-certificates"), event_at("revocation-lists")),
      *std::move(acb)};
}

std::optional<std::uint64_t> TrustHistory::Unexplained(std::uint64_t first,
                                                       std::uint64_t end) const {
  const auto is_in = [&](std::uint64_t index) { return index >= first && index < end; };
  for (const auto& [rows, seen] :
       {std::pair(&certificates_, &certificates_seen_), std::pair(&lists_, &lists_seen_)}) {
    for (const auto& [sha256, row] : *rows) {
      if (is_in(row.from) && !seen->contains(row.from)) return row.from;
      if (row.until && is_in(*row.until) && !seen->contains(*row.until)) return row.until;
    }
  }
  for (const auto& [from, settings] : settings_) {
    if (is_in(from) && !starts_seen_.contains(from)) return from;
  }
  return {};
}

std::uint64_t TrustHistory::before(std::uint64_t first) const {
  std::uint64_t count = 0;
  for (const Rows* rows : {&certificates_, &lists_}) {
    for (const auto& [sha256, row] : *rows) count += row.from < first ? 1 : 0;
  }
  for (const auto& [from, settings] : settings_) count += from < first ? 1 : 0;
  return count;
}

}  // namespace acb::verify
