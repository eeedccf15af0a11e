#include "platform/export_trust.h"

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <set>

#include "firmware/base/base64.h"
#include "firmware/smki/certificate.h"
#include "hsm/public_key.h"

namespace acb::platform {
namespace {

using What = store::TrustChange::What;

struct Row {
  Sha256Digest sha256{};
  std::uint64_t from = 0;
  std::optional<std::uint64_t> until;
};

struct SettingsRow {
  std::uint64_t from = 0;
  std::string json;
};

// Of everything that changed before the end of the range, what the range can have used.
class History {
 public:
  History(const store::Store& store, std::uint64_t first) : store_(store), first_(first) {}

  Status Read(std::uint64_t end) {
    std::vector<store::TrustChange> settings;
    Status read = store_.ReadTrustChanges(end, [&](const store::TrustChange& change) -> Status {
      See(change, settings);
      return Done{};
    });
    if (!read) return read;
    std::erase_if(lists_, [&](const Row& row) { return row.until && *row.until <= first_; });
    return ReadSettings(settings);
  }

  const std::vector<Row>& certificates() const { return certificates_; }
  const std::vector<Row>& lists() const { return lists_; }
  const std::vector<SettingsRow>& settings() const { return settings_; }
  const std::set<Sha256Digest>& named() const { return named_; }

 private:
  void See(const store::TrustChange& change, std::vector<store::TrustChange>& settings) {
    switch (change.what) {
      case What::kCertificateCame:
        certificates_.push_back({change.sha256, change.index, {}});
        return;
      case What::kListCame:
        lists_.push_back({change.sha256, change.index, {}});
        return;
      case What::kListWent: {
        const auto open = std::ranges::find_if(
            lists_, [&](const Row& row) { return row.sha256 == change.sha256 && !row.until; });
        if (open != lists_.end()) open->until = change.index;
        return;
      }
      case What::kSettings:
        // Those of a start that another one follows before the range are of no use to it.
        if (change.index <= first_) {
          settings.clear();
          named_.clear();
        }
        settings.push_back(change);
        return;
      case What::kNamedCertificate:
        named_.insert(change.sha256);
        return;
    }
  }

  Status ReadSettings(const std::vector<store::TrustChange>& changes) {
    for (const store::TrustChange& change : changes) {
      const auto octets = store_.FindTrustMaterial(change.sha256);
      if (!octets) return octets.error();
      if (!octets->has_value()) {
        return Failure(Reason::kRecordDamaged, {}, "settings of a start are not held");
      }
      settings_.push_back({change.index, std::string(AsText(**octets))});
    }
    return Done{};
  }

  const store::Store& store_;
  const std::uint64_t first_;
  std::vector<Row> certificates_;
  std::vector<Row> lists_;
  std::vector<SettingsRow> settings_;
  std::set<Sha256Digest> named_;
};

std::string Pem(std::string_view label, BytesView der) {
  constexpr std::size_t kLine = 64;
  const std::string base64 = ToBase64(der);
  std::string pem = "-----BEGIN " + std::string(label) + "-----\n";
  for (std::size_t at = 0; at < base64.size(); at += kLine) {
    pem.append(base64, at, kLine).append("\n");
  }
  return pem + "-----END " + std::string(label) + "-----\n";
}

Result<Bytes> Find(const store::Store& store, const Sha256Digest& sha256) {
  auto octets = store.FindTrustMaterial(sha256);
  if (!octets) return std::move(octets).error();
  if (!octets->has_value()) {
    return Failure(Reason::kRecordDamaged, {}, "what was in force is not held: " + ToHex(sha256));
  }
  return **std::move(octets);
}

// Each once, in order of SHA-256.
Status WritePem(const store::Store& store, const std::set<Sha256Digest>& wanted,
                const std::string& name, std::string_view label, ExportSpool& spool) {
  if (Status begun = spool.Begin(name); !begun) return begun;
  for (const Sha256Digest& sha256 : wanted) {
    const auto der = Find(store, sha256);
    if (!der) return der.error();
    if (Status added = spool.Append(Pem(label, *der)); !added) return added;
  }
  return spool.End();
}

audit::List RowsJson(const std::vector<Row>& rows) {
  audit::List list;
  for (const Row& row : rows) {
    audit::Object members{{"sha256", ToHex(row.sha256)}, {"from", std::to_string(row.from)}};
    if (row.until) members.emplace("until", std::to_string(*row.until));
    list.emplace_back(std::move(members));
  }
  return list;
}

// The octets of settings are canonical already: they are put in as they are.
std::string TrustJson(const History& history) {
  std::string settings;
  for (const SettingsRow& row : history.settings()) {
    settings.append(settings.empty() ? "" : ",")
        .append("{\"from\":\"" + std::to_string(row.from) + "\",\"settings\":" + row.json + "}");
  }
  return "{\"certificates\":" + audit::CanonicalJson(RowsJson(history.certificates())) +
         ",\"revocation_lists\":" + audit::CanonicalJson(RowsJson(history.lists())) +
         ",\"settings\":[" + settings + "]}";
}

// The ACB's certificates that settings name: of the oldest pair, then of each that is newer.
std::vector<std::string> NamedBy(const SettingsRow& row, std::string_view first,
                                 std::string_view later) {
  const auto settings = boost::json::parse(row.json);
  std::vector<std::string> named{std::string(settings.at(first).as_string().c_str())};
  const auto* pairs = settings.as_object().if_contains("acb_later");
  if (pairs == nullptr) return named;
  for (const auto& pair : pairs->as_array()) {
    named.emplace_back(pair.at(later).as_string().c_str());
  }
  return named;
}

Result<std::string> SpkiOfCertificate(const store::Store& store, const std::string& hex) {
  const auto sha256 = FromHex(hex).value_or(Bytes());
  Sha256Digest digest{};
  if (sha256.size() == digest.size()) std::ranges::copy(sha256, digest.begin());
  const auto der = Find(store, digest);
  if (!der) return der.error();
  const auto certificate = smki::Certificate::Parse(*der);
  if (!certificate) return certificate.error();
  const auto point = (*certificate)->public_point();
  if (!point) return Failure(Reason::kRecordDamaged, {}, "a certificate of the ACB has no key");
  return ToBase64(hsm::ToSpki({hsm::KeyAlgorithm::kP256, ToBytes(*point)}));
}

// Which key signed from which entry on (design.md section 7, "key history").
Result<std::string> KeysJson(const store::Store& store, const History& history,
                             const ExportKeys& keys) {
  audit::List list;
  const bool edwards = keys.checkpoint.type == audit::NoteKey::Type::kEd25519;
  list.emplace_back(audit::Object{{"role", "checkpoint"},
                                  {"algorithm", edwards ? "Ed25519" : "ECDSA P-256"},
                                  {"spki", ToBase64(keys.checkpoint_spki)},
                                  {"vkey", audit::FormatKey(keys.checkpoint)},
                                  {"from", "0"}});
  std::map<std::string, std::vector<std::string>> last;
  for (const SettingsRow& row : history.settings()) {
    for (const auto& [role, members] :
         {std::pair("acb-digital-signing", std::pair("acb_ds_certificate_sha256", "ds")),
          std::pair("acb-key-agreement", std::pair("acb_ka_certificate_sha256", "ka"))}) {
      const std::vector<std::string> in_use = NamedBy(row, members.first, members.second);
      for (const std::string& hex : in_use) {
        if (std::ranges::find(last[role], hex) != last[role].end()) continue;
        auto spki = SpkiOfCertificate(store, hex);
        if (!spki) return std::move(spki).error();
        list.emplace_back(audit::Object{{"role", role},
                                        {"algorithm", "ECDSA P-256"},
                                        {"spki", *std::move(spki)},
                                        {"certificate_sha256", hex},
                                        {"from", std::to_string(row.from)}});
      }
      last[role] = in_use;
    }
  }
  return audit::CanonicalJson(audit::Object{{"keys", std::move(list)}});
}

}  // namespace

std::string TrustSettingsJson(const smki::TrustSettings& settings,
                              const std::vector<AcbPairDigests>& pairs) {
  audit::List roots;
  for (const smki::CertificatePtr& root : settings.roots) {
    roots.emplace_back(ToHex(root->sha256()));
  }
  audit::List anchors;
  for (const smki::NamedAnchor& anchor : settings.named_anchors) {
    anchors.emplace_back(
        audit::Object{{"name", anchor.name.Text()}, {"public_key", ToHex(anchor.key)}});
  }
  audit::List without_crl;
  for (const smki::Name& name : settings.issuers_without_crl) without_crl.emplace_back(name.Text());
  audit::List pinned;
  for (const Sha256Digest& signer : settings.pinned_signers) pinned.emplace_back(ToHex(signer));
  const bool live = settings.environment == smki::Environment::kLive;
  audit::Object members{{"environment", live ? "live" : "test"},
                        {"policy_oid", settings.policy_oid},
                        {"crl_max_age_seconds", std::to_string(settings.crl_max_age_seconds)},
                        {"arl_max_age_seconds", std::to_string(settings.arl_max_age_seconds)},
                        {"roots", std::move(roots)},
                        {"trust_anchors", std::move(anchors)},
                        {"issuers_without_crl", std::move(without_crl)},
                        {"pinned_signers", std::move(pinned)},
                        {"acb_ds_certificate_sha256", ToHex(pairs.front().digital_signing)},
                        {"acb_ka_certificate_sha256", ToHex(pairs.front().key_agreement)}};
  audit::List later;
  for (std::size_t i = 1; i < pairs.size(); ++i) {
    later.emplace_back(audit::Object{{"ds", ToHex(pairs[i].digital_signing)},
                                     {"ka", ToHex(pairs[i].key_agreement)}});
  }
  if (!later.empty()) members.emplace("acb_later", std::move(later));
  return audit::CanonicalJson(audit::Value(std::move(members)));
}

Status WriteTrust(const store::Store& store, const ExportRange& range, const ExportKeys& keys,
                  ExportSpool& spool) {
  History history(store, range.first);
  if (Status read = history.Read(range.end); !read) return read;
  std::set<Sha256Digest> certificates = history.named();
  for (const Row& row : history.certificates()) certificates.insert(row.sha256);
  std::set<Sha256Digest> lists;
  for (const Row& row : history.lists()) lists.insert(row.sha256);
  Status done = WritePem(store, certificates, "certificates.pem", "CERTIFICATE", spool);
  if (!done) return done;
  done = WritePem(store, lists, "revocation-lists.pem", "X509 CRL", spool);
  if (!done) return done;
  done = spool.AddWhole("trust.json", TrustJson(history));
  if (!done) return done;
  const auto keys_json = KeysJson(store, history, keys);
  if (!keys_json) return keys_json.error();
  return spool.AddWhole("keys.json", *keys_json);
}

}  // namespace acb::platform
