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

// Read from trust.json, certificates.pem and revocation-lists.pem. The entries that are in the
// range are held against it as they come (SeeEntry). One thread.
class TrustHistory {
 public:
  // The ACB's certificates, from a start on: of each key pair in use, oldest first.
  struct AcbPair {
    Sha256Digest digital_signing{};
    Sha256Digest key_agreement{};
  };
  struct AcbKeys {
    std::uint64_t from = 0;
    std::vector<AcbPair> pairs;
  };

  // kMalformed: a file is missing or not as the export writes it; kConfiguration.
  static Result<TrustHistory> Load(const ExportFile& file);

  // `entry`, of kind start or feed: what it names is what trust.json says came with it.
  // kNotFound: it names what trust.json has not; kMalformed: trust.json says something else.
  Status SeeEntry(std::uint64_t index, const audit::Object& entry);
  // After the last: an index in the range at which trust.json says that something came or went, and
  // that is no entry of the kind; nothing when there is none.
  std::optional<std::uint64_t> Unexplained(std::uint64_t first, std::uint64_t end) const;
  // Of the entry's own members: "index" and "feeds". kNotFound: settings or a certificate that it
  // needs are not in the export. kMalformed: nothing was in force; or it names an import that is
  // none, comes later, or was superseded before the decision began. `first`: of the range.
  Result<InForce> At(std::uint64_t index, const audit::Object& entry, std::uint64_t first);

  // What trust.json says came before the range, which no entry of the range tells.
  std::uint64_t before(std::uint64_t first) const;
  std::vector<AcbKeys> AcbKeyHistory() const;
  // kNotFound: not in the export; and what smki::Certificate::Parse fails with.
  Result<smki::CertificatePtr> CertificateOf(const Sha256Digest& sha256) const;
  // Names of the relaxations of the test environment that were in force at some time.
  const std::set<std::string>& relaxations() const { return relaxations_; }
  // What every path ends at, by its SHA-256: certificates, or, for a named anchor (test), its name
  // and key; with its name for the reader.
  const std::map<std::string, std::string>& roots() const { return roots_; }
  // Decisions that name an import which was superseded before the range, nobody can say when.
  std::uint64_t superseded_before() const { return superseded_before_; }

 private:
  using Octets = std::shared_ptr<const Bytes>;
  using Held = std::map<Sha256Digest, Octets>;
  struct Dated {
    Octets der;
    std::uint64_t from = 0;
    std::optional<std::uint64_t> until;
  };
  // SHA-256, in order, of what came and went with one import.
  struct Change {
    std::vector<std::string> brought;
    std::vector<std::string> superseded;
  };
  // One of the two feeds: certificates or lists. One that was superseded may come again.
  struct Material {
    std::multimap<Sha256Digest, Dated> rows;
    std::map<std::uint64_t, Change> changes;               // by index
    std::map<std::uint64_t, std::optional<UtcTime>> seen;  // imports that are in the range
    std::set<std::uint64_t> changed;                       // indices at which anything changed
  };
  struct Settings {
    smki::TrustSettings trust;
    Sha256Digest sha256{};
    AcbKeys keys;
    std::set<std::string> relaxations;
  };

  // The pair whose certificate the entry names; the oldest when it names none of them.
  Result<checks::AcbCertificates> AcbOf(const AcbKeys& keys, const audit::Object& entry) const;
  static Result<Held> HeldIn(const ExportFile& file, std::string_view name,
                             Result<std::vector<Bytes>> (*split)(BytesView));
  static Status LoadRows(const audit::List& list, const Held& held, Material& material);
  Status LoadSettings(const audit::List& list);
  Result<smki::TrustSettings> SettingsFrom(const audit::Object& members);
  void NoteRoots(const smki::TrustSettings& settings);
  Status SeeStart(std::uint64_t index, const audit::Object& entry);
  Result<std::uint64_t> ImportOf(std::uint64_t index, const audit::Object& entry,
                                 std::string_view feed, const Material& material,
                                 std::uint64_t first);
  std::shared_ptr<const smki::Trust> Build(std::uint64_t settings, std::uint64_t certificates,
                                           std::uint64_t lists);

  Held held_;  // certificates.pem
  Material certificates_;
  Material lists_;
  std::map<std::uint64_t, Settings> settings_;  // by index of the `start` entry
  std::set<std::uint64_t> starts_seen_;
  std::set<std::string> relaxations_;
  std::map<std::string, std::string> roots_;
  std::uint64_t superseded_before_ = 0;
  // The newest few: entries come in order.
  std::map<std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>,
           std::shared_ptr<const smki::Trust>>
      recent_;
};

}  // namespace acb::verify
