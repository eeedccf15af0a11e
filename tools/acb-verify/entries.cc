#include "tools/acb-verify/entries.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "firmware/base/base64.h"
#include "firmware/base/time.h"
#include "tools/acb-verify/counters.h"
#include "tools/acb-verify/entries_report.h"
#include "tools/acb-verify/leaves.h"
#include "tools/acb-verify/members.h"
#include "tools/acb-verify/request_ids.h"
#include "tools/acb-verify/retired_keys.h"
#include "tools/acb-verify/side_file.h"
#include "tools/acb-verify/signed_command.h"
#include "tools/acb-verify/two_operators.h"

namespace acb::verify {
namespace {

// design.md section 7. A command under another name would be no command to this program.
constexpr std::array<std::string_view, 17> kKinds = {
    "start",     "stop",          "anchor",      "provision", "ceremony", "feed",
    "signed",    "refused",       "quarantined", "released",  "observed", "reserved-elsewhere",
    "abandoned", "configuration", "operator",    "export",    "alarm"};

// A decision takes no longer from its beginning to its entry, so what is earlier by more is the
// clock's doing.
constexpr std::int64_t kStepBackMs = 10'000;

bool Has(const audit::Object& line, std::initializer_list<std::string_view> names) {
  return line.size() == names.size() &&
         std::ranges::all_of(names, [&](std::string_view name) { return line.contains(name); });
}

class Pass {
 public:
  Pass(Lines entries, SideFile disclosures, SideFile evidence, const Range& range,
       const Against& against, Findings& findings)
      : entries_(std::move(entries)),
        disclosures_(std::move(disclosures)),
        evidence_(std::move(evidence)),
        range_(range),
        against_(against),
        trust_(against.trust),
        absent_(against.recovered),
        findings_(findings) {
    if (against.tree != nullptr) leaves_.emplace(*against.tree, findings);
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
    JudgeSignedAgain();
    // A panel export withholds the starts.
    if (trust_ != nullptr && !range_.panel) {
      if (const auto index = trust_->Unexplained(range_.first, range_.end)) {
        findings_.EntryFails(*index,
                             "trust.json says that certificates, lists or settings came or "
                             "went with it; it is no such entry");
      }
    }
    if (operators_.wrong() == 0) counts_.acts_of_two = operators_.acts();
    if (leaves_ && against_.tree_is_signed) counts_.proven = leaves_->proven();
    ReportEntries(counts_, counters_, commands_, range_, trust_, findings_);
    return Done{};
  }

 private:
  // P5, and its one exception: an answer that was lost with a disk is decided anew, above every
  // counter before. As of what is missing (Absent), the box's word for a recovery is not enough.
  void JudgeSignedAgain() {
    for (const RequestIds::Again& again : request_ids_.SignedAgain()) {
      ++counts_.signed_again;
      // A panel export withholds the entries of operators, and with them the recovery.
      const bool lost = again.rises && (again.recovery || range_.panel);
      if (lost && against_.recovered) {
        if (counts_.decided_anew++ == 0) counts_.first_decided_anew = again;
        continue;
      }
      std::string what = "its RequestID was signed before, by entry " +
                         std::to_string(again.before) + ": one request, two commands";
      if (lost && again.recovery) {
        what += "; entry " + std::to_string(*again.recovery) +
                " says that the one before was recovered without its answer: --recovered, when you "
                "know that it was";
      }
      findings_.EntryFails(again.index, what);
    }
  }

  Status See(std::uint64_t position, std::string_view line) {
    ++counts_.entries;
    const auto entry = ParseCanonical(line);
    Sha256Digest leaf = audit::LeafHash(line);
    const bool withheld = entry && IsTrue(*entry, "withheld");
    if (withheld) {
      // The log's own entries have no such member, so the line cannot stand for one.
      if (const auto named = DigestOf(*entry, "leaf")) leaf = *named;
      ++counts_.withheld;
      if (!Has(*entry, {"index", "leaf", "withheld"})) {
        findings_.EntryFails(position, SaysMore("entries.ndjson", *entry));
      }
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
    const std::string_view kind = TextOf(entry, "kind");
    if (SeeForm(position, entry, kind)) ++counts_.good;
    if (Status rising = counters_.See(entry); !rising) {
      ++counts_.wrong_counters;
      findings_.EntryFails(position, rising.error().explanation);
    }
    if (Status sealed = SeeSealed(position, entry); !sealed) return sealed;
    if (kind == "operator" && TextOf(entry, "act") == "recover") {
      absent_.SeeRecovery(position);
      std::uint64_t own = 0;  // entries that the recovery wrote
      for (const char* name : {"appended", "raised", "suspended"}) {
        own += NumberOf(entry, name).value_or(0);
      }
      request_ids_.SeeRecovery(position, own);
    }
    if ((kind == "start" || kind == "feed") && trust_ != nullptr) {
      if (Status same = trust_->SeeEntry(position, entry); !same) Say(position, same.error());
    }
    if (Status two = operators_.See(entry); !two) Say(position, two.error());
    if (kind == "ceremony") retired_.SeeCeremony(position, entry);
    if (kind == "signed") {
      if (Status in_use = retired_.CheckSigned(entry); !in_use) Say(position, in_use.error());
    }
    if (kind == "signed") {
      request_ids_.Add(TextOf(entry, "request_id"), position,
                       NumberOf(entry, "originator_counter").value_or(0));
    }
    if (range_.panel) return Done{};
    if (kind == "signed") return SeeSigned(position, entry);
    if (kind == "refused" || kind == "quarantined") return SeeRequest(position, entry);
    return Done{};
  }

  // What is missing may have its explanation; what is wrong has none.
  void Say(std::uint64_t position, const Failure& why) {
    if (why.reason == Reason::kNotFound) {
      absent_.Add(position, why.explanation);
    } else {
      findings_.EntryFails(position, why.explanation);
    }
  }

  bool SeeForm(std::uint64_t position, const audit::Object& entry, std::string_view kind) {
    bool good = SeeTime(position, entry);
    // design.md section 10.
    if (TextOf(entry, "environment") != range_.environment) {
      findings_.EntryFails(position, "its environment is not '" + range_.environment + "'");
      good = false;
    }
    if (std::ranges::find(kKinds, kind) == kKinds.end()) {
      findings_.EntryFails(position, "its kind '" + std::string(kind) + "' is none of a log");
      good = false;
    }
    return good;
  }

  // UtcTime::Iso's form, which an instant has once: YYYY-MM-DDTHH:MM:SS.mmmZ.
  static std::optional<UtcTime> TimeOf(const audit::Object& entry) {
    const std::string_view text = TextOf(entry, "time");
    const auto time = UtcTime::FromIso(text);
    return time && time->Iso() == text ? time : std::nullopt;
  }

  // The clock says when, the index says in which order: a clock that was set back is no fault.
  bool SeeTime(std::uint64_t position, const audit::Object& entry) {
    const auto time = TimeOf(entry);
    if (!time) {
      findings_.EntryFails(position, "it has no time");
      return false;
    }
    if (latest_ && *time < *latest_) {
      NoteEarlier(position, latest_->milliseconds() - time->milliseconds());
    }
    latest_ = latest_ ? std::max(*latest_, *time) : *time;
    return true;
  }

  void NoteEarlier(std::uint64_t position, std::int64_t by_ms) {
    if (by_ms < kStepBackMs) {
      ++counts_.overlaps;
      counts_.farthest_overlap_ms = std::max(counts_.farthest_overlap_ms, by_ms);
      return;
    }
    ++counts_.steps_back;
    if (by_ms > counts_.farthest_back_ms) {
      counts_.farthest_back_ms = by_ms;
      counts_.farthest_back_at = position;
    }
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
    if (line->has_value() && (opened == nullptr || !Has(**line, {"index", "sealed"}))) {
      findings_.EntryFails(position, SaysMore("disclosures.ndjson", **line));
    }
    if (entry.contains("sealed") && sealed == nullptr) {
      findings_.EntryFails(position, "what it seals is no object");
    }
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

  // A line that nothing is held against is not to be read as if it were.
  static std::string SaysMore(const std::string& name, const audit::Object& line) {
    std::string what = name + " has other members for it than an export has:";
    for (const auto& [member, value] : line) what += " '" + member + "'";
    return what;
  }

  Status SeeSigned(std::uint64_t position, const audit::Object& entry) {
    ++counts_.commands;
    if (!entry.contains("recorded_floor")) ++counts_.no_floor;
    const auto line = evidence_.Take(position);
    if (!line) return line.error();
    if (!line->has_value()) {
      absent_.Add(position, "the export has no evidence of its command");
      return Done{};
    }
    if (!Has(**line, {"index", "request", "command"})) {
      findings_.EntryFails(position, SaysMore("evidence.ndjson", **line));
      return Done{};
    }
    const auto command = FromBase64(TextOf(**line, "command"));
    const auto request = FromBase64(TextOf(**line, "request"));
    if (!command || !request || trust_ == nullptr) {
      findings_.EntryFails(position, "its evidence is no base64, or there is no trust.json");
      return Done{};
    }
    const auto in_force = trust_->At(position, entry, range_.first);
    if (!in_force) {
      Say(position, in_force.error());
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
    if (entry.contains("request_sha256")) ++counts_.undecided;
    const auto line = evidence_.Take(position);
    if (!line) return line.error();
    if (!line->has_value()) return Done{};
    const auto request = FromBase64(TextOf(**line, "request"));
    if (!Has(**line, {"index", "request"})) {
      findings_.EntryFails(position, SaysMore("evidence.ndjson", **line));
    } else if (!request || TextOf(entry, "request_sha256") != ToHex(Sha256(*request))) {
      findings_.EntryFails(position, "the request in evidence.ndjson is not the one it names");
    } else {
      ++counts_.requests;
    }
    return Done{};
  }

  Lines entries_;
  SideFile disclosures_;
  SideFile evidence_;
  const Range& range_;
  const Against& against_;
  TrustHistory* trust_;
  Absent absent_;
  Findings& findings_;
  std::optional<LeafComparison> leaves_;
  Counters counters_;
  RequestIds request_ids_;
  RetiredKeys retired_;
  TwoOperators operators_{range_.first == 0};
  CommandCounts commands_;
  EntryCounts counts_;
  std::optional<UtcTime> latest_;
};

}  // namespace

Status CheckEntries(const ExportFile& file, const Range& range, const Against& against,
                    Findings& findings,
                    const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  auto entries = file.ReadLines("entries.ndjson");
  if (!entries) return std::move(entries).error();
  auto disclosures = file.ReadLines("disclosures.ndjson");
  if (!disclosures) return std::move(disclosures).error();
  auto evidence = file.ReadLines("evidence.ndjson");
  if (!evidence) return std::move(evidence).error();
  Pass pass(*std::move(entries), SideFile("disclosures.ndjson", *std::move(disclosures), findings),
            SideFile("evidence.ndjson", *std::move(evidence), findings), range, against, findings);
  return pass.Run(progress);
}

}  // namespace acb::verify
