// Which certificates, revocation lists and settings were in force when an entry was written.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "firmware/audit/entry.h"
#include "firmware/base/result.h"
#include "firmware/checks/acb_certificates.h"
#include "firmware/smki/trust.h"
#include "tools/acb-verify/export_file.h"
#include "tools/acb-verify/findings.h"

namespace acb::verify {

// What one signed entry was judged with.
struct InForce {
  std::shared_ptr<const smki::Trust> trust;
  checks::AcbCertificates acb;
};

// Read from trust.json, keys.json, certificates.pem and revocation-lists.pem. The entries that are
// in the range are held against it as they come (SeeEntry). One thread.
class TrustHistory {
 public:
  // kMalformed: a file is missing or not as the export writes it; kConfiguration.
  static Result<TrustHistory> Load(const ExportFile& file);

  // `entry`, of kind start or feed: what it names is what trust.json says came with it.
  Status SeeEntry(std::uint64_t index, const audit::Object& entry);
  // After the last: an index in the range at which trust.json says that something came or went, and
  // that is no entry of the kind; nothing when there is none.
  std::optional<std::uint64_t> Unexplained(std::uint64_t first, std::uint64_t end) const;
  // Of the entry's own members: "index" and "feeds". kMalformed: nothing was in force, or a
  // certificate that is named is not in the export.
  Result<InForce> At(std::uint64_t index, const audit::Object& entry);

  // What trust.json says came before the range, which no entry of the range tells.
  std::uint64_t before(std::uint64_t first) const;
  std::size_t certificates() const { return certificates_.size(); }
  std::size_t revocation_lists() const { return lists_.size(); }
  std::uint64_t trusts_built() const { return built_; }
  // Names of the relaxations of the test environment that were in force at some time.
  const std::set<std::string>& relaxations() const { return relaxations_; }

 private:
  struct Dated {
    Bytes der;
    std::uint64_t from = 0;
    std::optional<std::uint64_t> until;
  };
  struct Settings {
    smki::TrustSettings trust;
    Sha256Digest sha256{};
    Sha256Digest digital_signing{};
    Sha256Digest key_agreement{};
  };
  // A list that was superseded may come again.
  using Rows = std::multimap<Sha256Digest, Dated>;

  Status LoadRows(const audit::List& list, const std::map<Sha256Digest, Bytes>& held, Rows& rows);
  Status LoadSettings(const audit::List& list);
  Result<smki::TrustSettings> SettingsFrom(const audit::Object& members);
  Result<smki::CertificatePtr> CertificateOf(const Sha256Digest& sha256) const;
  std::shared_ptr<const smki::Trust> Build(std::uint64_t settings, std::uint64_t certificates,
                                           std::uint64_t lists);

  std::map<Sha256Digest, Bytes> held_;  // certificates.pem
  Rows certificates_;
  Rows lists_;
  std::map<std::uint64_t, Settings> settings_;  // by index of the `start` entry
  std::set<std::uint64_t> events_;              // indices at which a row came or went
  std::set<std::uint64_t> starts_seen_;
  std::set<std::uint64_t> certificates_seen_;
  std::set<std::uint64_t> lists_seen_;
  std::set<std::string> relaxations_;
  std::uint64_t built_ = 0;
  // The newest few: entries come in order.
  std::map<std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>,
           std::shared_ptr<const smki::Trust>>
      recent_;
};

}  // namespace acb::verify
