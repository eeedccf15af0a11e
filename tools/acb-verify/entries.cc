#include "tools/acb-verify/entries.h"

#include <optional>
#include <utility>

#include "firmware/base/base64.h"
#include "firmware/base/time.h"
#include "tools/acb-verify/counters.h"
#include "tools/acb-verify/leaves.h"
#include "tools/acb-verify/members.h"
#include "tools/acb-verify/signed_command.h"

namespace acb::verify {
namespace {

std::string Plural(std::uint64_t count, std::string_view what) {
  return std::to_string(count) + " " + std::string(what);
}

// A file with at most one line for an entry, in the order of entries.
class SideFile {
 public:
  SideFile(std::string name, Lines lines, Findings& findings)
      : name_(std::move(name)), lines_(std::move(lines)), findings_(findings) {}

  // The line of entry `index`, if there is one. Those before it are of no entry that needs them.
  Result<std::optional<audit::Object>> Take(std::uint64_t index) {
    while (!ended_) {  // ends with the file
      if (!next_) {
        if (Status read = Read(); !read) return std::move(read).error();
        continue;
      }
      if (next_index_ > index) break;
      audit::Object line = *std::exchange(next_, std::nullopt);
      if (next_index_ == index) return std::optional(std::move(line));
      findings_.EntryFails(next_index_, name_ + " has a line for it that does not belong there");
    }
    return std::optional<audit::Object>();
  }
  // What is left belongs to no entry.
  Status Finish() {
    constexpr std::uint64_t kBeyondAll = ~std::uint64_t{0};
    auto rest = Take(kBeyondAll);
    if (!rest) return std::move(rest).error();
    return Done{};
  }

 private:
  Status Read() {
    const auto line = lines_.Next();
    if (!line && line.error().reason == Reason::kConfiguration) return line.error();
    ended_ = !line || !line->has_value();
    if (!line) findings_.Fails(name_ + ": " + line.error().explanation);
    if (ended_) return Done{};
    next_ = ParseCanonical(**line);
    const auto index = next_ ? NumberOf(*next_, "index") : std::nullopt;
    if (!index || (any_ && *index <= next_index_)) {
      findings_.Fails(name_ + " line " + std::to_string(lines_.number() + 1) +
                      " is no canonical JSON, or not in order");
      ended_ = true;
      return Done{};
    }
    any_ = true;
    next_index_ = *index;
    return Done{};
  }

  const std::string name_;
  Lines lines_;
  Findings& findings_;
  std::optional<audit::Object> next_;
  std::uint64_t next_index_ = 0;
  bool any_ = false;
  bool ended_ = false;
};

// What could not be looked at because it is not there. A recovery from a log restores entries and
// not what lay beside them, so a `recover` entry further on explains it; nothing else does.
class Absent {
 public:
  void Add(std::uint64_t index, std::string_view what) {
    if (count_ == 0) first_ = {index, std::string(what)};
    ++count_;
  }
  void Recovered(Findings& findings) {
    if (count_ == 0) return;
    findings.NotVerified(Plural(count_,
                                "entries before a recovery lack what lay beside them (the "
                                "first is entry ") +
                         std::to_string(first_.first) + ": " + first_.second + ")");
    count_ = 0;
  }
  void Finish(Findings& findings) const {
    if (count_ == 0) return;
    findings.EntryFails(first_.first,
                        first_.second + "; " + Plural(count_, "entries in all lack such a thing"));
  }

 private:
  std::pair<std::uint64_t, std::string> first_;
  std::uint64_t count_ = 0;
};

struct Counts {
  std::uint64_t entries = 0;
  std::uint64_t withheld = 0;
  std::uint64_t with_environment = 0;
  std::uint64_t steps_back = 0;
  std::uint64_t sealed = 0;
  std::uint64_t disclosed = 0;
  std::uint64_t commands = 0;  // signed entries
  std::uint64_t verified = 0;  // of them, all of it
  std::uint64_t requests = 0;  // of refused and quarantined entries
  std::uint64_t trust_events = 0;
};

class Pass {
 public:
  Pass(Lines entries, SideFile disclosures, SideFile evidence, const Range& range,
       const SignedTree* tree, TrustHistory* trust, Findings& findings)
      : entries_(std::move(entries)),
        disclosures_(std::move(disclosures)),
        evidence_(std::move(evidence)),
        range_(range),
        trust_(trust),
        findings_(findings) {
    if (tree != nullptr) leaves_.emplace(*tree, findings);
  }

  Status Run(const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
    std::uint64_t position = range_.first;
    for (;; ++position) {  // ends with the file
      const auto line = entries_.Next();
      if (!line && line.error().reason == Reason::kConfiguration) return line.error();
      if (!line) {
        findings_.EntryFails(position, "it is not whole: " + line.error().explanation);
        break;
      }
      if (!line->has_value()) break;
      if (Status seen = See(position, **line); !seen) return seen;
      progress(position - range_.first, range_.end - range_.first);
    }
    if (position < range_.end) {
      findings_.EntryFails(position,
                           "it is missing: the entries end before it, and the manifest "
                           "says that they go to " +
                               std::to_string(range_.end - 1));
    } else if (position > range_.end) {
      findings_.EntryFails(range_.end, "it is beyond the range that the manifest names");
    }
    for (SideFile* side : {&disclosures_, &evidence_}) {
      if (Status finished = side->Finish(); !finished) return finished;
    }
    if (leaves_) {
      if (Status finished = leaves_->Finish(); !finished) return finished;
    }
    absent_.Finish(findings_);
    // A panel export withholds the starts.
    if (trust_ != nullptr && !range_.panel) {
      if (const auto index = trust_->Unexplained(range_.first, range_.end)) {
        findings_.EntryFails(*index,
                             "trust.json says that certificates, lists or settings came or "
                             "went with it; it is no such entry");
      }
    }
    Report();
    return Done{};
  }

 private:
  Status See(std::uint64_t position, std::string_view line) {
    ++counts_.entries;
    const auto entry = ParseCanonical(line);
    Sha256Digest leaf = audit::LeafHash(line);
    const bool withheld = entry && IsTrue(*entry, "withheld");
    if (withheld) {
      // The log's own entries have no such member, so the line cannot stand for one.
      if (const auto named = DigestOf(*entry, "leaf")) leaf = *named;
      ++counts_.withheld;
      if (!range_.panel) findings_.EntryFails(position, "it is withheld, and the export is whole");
    }
    if (leaves_) {
      if (Status seen = leaves_->See(position, leaf); !seen) return seen;
    }
    if (!entry) {
      findings_.EntryFails(position, "it is not canonical JSON (RFC 8785)");
      return Done{};
    }
    if (TextOf(*entry, "index") != std::to_string(position)) {
      findings_.EntryFails(position, "its index says '" + std::string(TextOf(*entry, "index")) +
                                         "': an entry is missing, moved or put in");
      return Done{};
    }
    return withheld ? Status(Done{}) : SeeEntry(position, *entry);
  }

  Status SeeEntry(std::uint64_t position, const audit::Object& entry) {
    // design.md section 10.
    if (TextOf(entry, "environment") != range_.environment) {
      findings_.EntryFails(position, "its environment is not '" + range_.environment + "'");
    }
    SeeTime(position, entry);
    if (Status rising = counters_.See(entry); !rising) {
      findings_.EntryFails(position, rising.error().explanation);
    }
    if (Status sealed = SeeSealed(position, entry); !sealed) return sealed;
    const std::string_view kind = TextOf(entry, "kind");
    if (kind.empty()) findings_.EntryFails(position, "it has no kind");
    if (kind == "operator" && TextOf(entry, "act") == "recover") absent_.Recovered(findings_);
    if ((kind == "start" || kind == "feed") && trust_ != nullptr) {
      ++counts_.trust_events;
      if (Status same = trust_->SeeEntry(position, entry); !same) {
        absent_.Add(position, same.error().explanation);
      }
    }
    if (range_.panel) return Done{};
    if (kind == "signed") return SeeSigned(position, entry);
    if (kind == "refused" || kind == "quarantined") return SeeRequest(position, entry);
    return Done{};
  }

  // The clock says when, the index says in which order: a clock that was set back is no fault.
  void SeeTime(std::uint64_t position, const audit::Object& entry) {
    const std::string_view text = TextOf(entry, "time");
    const auto time = UtcTime::FromIso(text);
    if (!time || time->Iso() != text) {
      findings_.EntryFails(position, "it has no time");
      return;
    }
    if (latest_ && *time < *latest_) ++counts_.steps_back;
    latest_ = *time;
  }

  // rules: SHA-256 of the canonical ["name","salt",value].
  static bool Opens(const audit::Object& sealed, const std::string& name,
                    const audit::Value& opening) {
    const auto* members = std::get_if<audit::Object>(&opening.get());
    if (members == nullptr || members->size() != 2) return false;
    const auto salt = members->find("salt");
    const auto value = members->find("value");
    if (salt == members->end() || value == members->end()) return false;
    const audit::List hashed = {audit::Value(name), salt->second, value->second};
    const auto hash = Sha256(AsBytes(audit::CanonicalJson(audit::Value(hashed))));
    return TextOf(sealed, name) == ToHex(hash);
  }

  Status SeeSealed(std::uint64_t position, const audit::Object& entry) {
    const auto line = disclosures_.Take(position);
    if (!line) return line.error();
    static const audit::Object kNone;
    const audit::Object* sealed = ObjectOf(entry, "sealed");
    const audit::Object* opened = line->has_value() ? ObjectOf(**line, "sealed") : nullptr;
    const audit::Object& names = sealed ? *sealed : kNone;
    const audit::Object& openings = opened ? *opened : kNone;
    counts_.sealed += names.size();
    for (const auto& [name, opening] : openings) {
      if (!Opens(names, name, opening)) {
        findings_.EntryFails(position, "what disclosures.ndjson says of '" + name +
                                           "' is not what the entry sealed");
      } else {
        ++counts_.disclosed;
      }
    }
    if (range_.panel) return Done{};
    for (const auto& [name, hash] : names) {
      if (!openings.contains(name)) absent_.Add(position, "'" + name + "' is not disclosed");
    }
    return Done{};
  }

  Status SeeSigned(std::uint64_t position, const audit::Object& entry) {
    ++counts_.commands;
    const auto line = evidence_.Take(position);
    if (!line) return line.error();
    if (!line->has_value()) {
      absent_.Add(position, "the export has no evidence of its command");
      return Done{};
    }
    const auto command = FromBase64(TextOf(**line, "command"));
    const auto request = FromBase64(TextOf(**line, "request"));
    if (!command || !request || trust_ == nullptr) {
      findings_.EntryFails(position, "its evidence is no base64, or there is no trust.json");
      return Done{};
    }
    const auto in_force = trust_->At(position, entry);
    if (!in_force) {
      absent_.Add(position, "what it was judged with: " + in_force.error().explanation);
      return Done{};
    }
    Status good = CheckSignedCommand(entry, {*command, *request}, *in_force, commands_);
    if (!good) {
      findings_.EntryFails(position, good.error().explanation);
    } else {
      ++counts_.verified;
    }
    return Done{};
  }

  Status SeeRequest(std::uint64_t position, const audit::Object& entry) {
    const auto line = evidence_.Take(position);
    if (!line) return line.error();
    if (!line->has_value()) return Done{};
    const auto request = FromBase64(TextOf(**line, "request"));
    if (!request || TextOf(entry, "request_sha256") != ToHex(Sha256(*request))) {
      findings_.EntryFails(position, "the request in evidence.ndjson is not the one it names");
    } else {
      ++counts_.requests;
    }
    return Done{};
  }

  void Report() const {
    const std::string entries = Plural(counts_.entries, "entries");
    if (leaves_ && leaves_->proven() > 0) {
      findings_.Verified(Plural(leaves_->proven(),
                                "entries are in the tree of the checkpoint, "
                                "each at its index, none missing between"));
    }
    findings_.Verified(Plural(counts_.entries - counts_.withheld,
                              "entries read: canonical form, index, environment ") +
                       range_.environment);
    if (counts_.withheld > 0) {
      findings_.NotVerified(Plural(counts_.withheld,
                                   "entries are withheld from this export: their "
                                   "place in the tree was verified, not what "
                                   "they say"));
    }
    if (counts_.steps_back > 0) {
      findings_.Note("the clock stood lower than at the entry before " +
                     Plural(counts_.steps_back, "times; the index gives the order"));
    }
    findings_.Verified(Plural(counters_.seen(), "counters of ") +
                       Plural(counters_.devices(),
                              "devices recomputed: none is used twice, each "
                              "rises (P1; memory for them: ") +
                       Plural(counters_.octets() / 1024, "KiB)"));
    ReportSealed();
    ReportCommands();
  }

  void ReportSealed() const {
    if (counts_.disclosed > 0) {
      findings_.Verified(Plural(counts_.disclosed,
                                "disclosed values are those that the entries "
                                "seal by hash"));
    }
    if (counts_.sealed > counts_.disclosed) {
      findings_.NotVerified(Plural(counts_.sealed - counts_.disclosed,
                                   "sealed values are not disclosed in this export"));
    }
  }

  void ReportCommands() const {
    if (range_.panel) {
      findings_.NotVerified("commands and requests: a panel export has no evidence");
      return;
    }
    findings_.Verified(Plural(counts_.verified, "of ") + Plural(counts_.commands,
                                                                "signed commands verified: the "
                                                                "ACB's ECDSA signature, each "
                                                                "field against its entry and "
                                                                "its request, the request's "
                                                                "XML signature, certificates "
                                                                "with path and CRL as of then"));
    if (counts_.commands > 0) {
      findings_.NotVerified(
          "the MAC of the commands: its key is known to the HSM and the device "
          "alone");
    }
    if (counts_.requests > 0) {
      findings_.Verified(Plural(counts_.requests,
                                "requests that were refused or held are those "
                                "that their entries name"));
    }
    if (commands_.revocation_unchecked > 0) {
      findings_.NotVerified("revocation in " +
                            Plural(commands_.revocation_unchecked,
                                   "decisions: no list existed (test environment, the entries say "
                                   "REVOCATION_NOT_CHECKED)"));
    }
    if (commands_.pinned > 0) {
      findings_.NotVerified("the certificate path of the signer of " +
                            Plural(commands_.pinned,
                                   "requests: pinned by SHA-256 (test "
                                   "environment)"));
    }
  }

  Lines entries_;
  SideFile disclosures_;
  SideFile evidence_;
  const Range& range_;
  TrustHistory* trust_;
  Findings& findings_;
  std::optional<LeafComparison> leaves_;
  Counters counters_;
  CommandCounts commands_;
  Absent absent_;
  Counts counts_;
  std::optional<UtcTime> latest_;
};

}  // namespace

Status CheckEntries(const ExportFile& file, const Range& range, const SignedTree* tree,
                    TrustHistory* trust, Findings& findings,
                    const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  auto entries = file.ReadLines("entries.ndjson");
  if (!entries) return std::move(entries).error();
  auto disclosures = file.ReadLines("disclosures.ndjson");
  if (!disclosures) return std::move(disclosures).error();
  auto evidence = file.ReadLines("evidence.ndjson");
  if (!evidence) return std::move(evidence).error();
  Pass pass(*std::move(entries), SideFile("disclosures.ndjson", *std::move(disclosures), findings),
            SideFile("evidence.ndjson", *std::move(evidence), findings), range, tree, trust,
            findings);
  return pass.Run(progress);
}

}  // namespace acb::verify
