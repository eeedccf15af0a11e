#include "tools/acb-verify/checkpoints.h"

#include "firmware/base/request_id.h"
#include "firmware/base/time.h"
#include "tools/acb-verify/keys.h"

namespace acb::verify {
namespace {

using Verdict = audit::SignatureCheck::Verdict;
// What a signature line of a signed note begins with.
constexpr std::string_view kDash = "\xE2\x80\x94 ";
constexpr std::uint64_t kMaxCheckpoints = std::uint64_t{4} << 30;

std::string Named(const audit::Checkpoint& checkpoint) {
  return "the checkpoint of " + std::to_string(checkpoint.size) + " entries";
}

// The next note of notes that stand one after the other: a note ends where its signatures do.
class NoteLines {
 public:
  explicit NoteLines(Lines lines) : lines_(std::move(lines)) {}

  // Nothing at the end; kMalformed when what is there is no note.
  Result<std::optional<audit::Note>> Next() {
    std::string octets = std::move(carried_);
    carried_.clear();
    bool signatures = false;
    while (octets.size() <= audit::kMaxNoteOctets) {  // ends with the file or the note
      const auto line = lines_.Next();
      if (!line) return line.error();
      if (!line->has_value()) {
        if (octets.empty()) return std::optional<audit::Note>();
        return Parsed(octets);
      }
      const bool signature = (*line)->starts_with(kDash);
      if (signatures && !signature) {
        carried_ = std::string(**line) + "\n";
        return Parsed(octets);
      }
      signatures = signatures || signature;
      octets.append(**line).append("\n");
    }
    return Failure(Reason::kMalformed, "a note is too long");
  }

 private:
  static Result<std::optional<audit::Note>> Parsed(const std::string& octets) {
    auto note = audit::ParseNote(octets);
    if (!note) return Failure(Reason::kMalformed, "it is no signed note");
    return note;
  }
  Lines lines_;
  std::string carried_;
};

struct Witnessed {
  std::uint64_t size = 0;
  std::uint64_t at = 0;
};

class Checking {
 public:
  Checking(const Manifest& manifest, const audit::NoteKey& key,
           const std::vector<audit::NoteKey>& witnesses, Findings& findings)
      : manifest_(manifest), key_(key), witnesses_(witnesses), findings_(findings) {
    seen_by_.resize(witnesses.size());
  }

  void See(const audit::Note& note) {
    const auto checkpoint = audit::ParseCheckpoint(note.text);
    if (!checkpoint || checkpoint->origin != manifest_.origin) {
      findings_.Fails("checkpoints: number " + std::to_string(number_ + 1) +
                      " is no checkpoint of this log");
    } else if (audit::VerifyNote(note, key_).verdict != Verdict::kGood) {
      findings_.Fails(Named(*checkpoint) + " is not signed with the key " + audit::FormatKey(key_));
    } else if (!good_.empty() && checkpoint->size <= good_.back().size) {
      findings_.Fails(Named(*checkpoint) + " does not follow the one before it");
    } else {
      good_.push_back(*checkpoint);
      SeeWitnesses(note, *checkpoint);
    }
    ++number_;
  }

  std::vector<audit::Checkpoint> Finish() {
    if (good_.empty() || good_.back().size != manifest_.tree_size ||
        good_.back().root != manifest_.root) {
      findings_.Fails("no good checkpoint is the one that the manifest names (" +
                      std::to_string(manifest_.tree_size) + " entries, root " +
                      ToHex(manifest_.root) + ")");
    }
    if (!good_.empty()) {
      findings_.Verified(std::to_string(good_.size()) +
                         " checkpoint(s): signature and order; the "
                         "last is of " +
                         std::to_string(good_.back().size) + " entries");
    }
    for (std::size_t i = 0; i < witnesses_.size(); ++i) {
      if (!seen_by_[i]) {
        findings_.Fails("no checkpoint is cosigned by witness " + witnesses_[i].name);
      } else {
        findings_.Verified("witness " + witnesses_[i].name + " cosigned up to " +
                           std::to_string(seen_by_[i]->size) + " entries, at " +
                           UtcTime::FromSeconds(static_cast<std::int64_t>(seen_by_[i]->at)).Iso());
      }
    }
    if (others_ > 0) {
      findings_.NotVerified(std::to_string(others_) +
                            " signature line(s) of witnesses whose keys "
                            "were not given (--witness)");
    }
    return std::move(good_);
  }

 private:
  void SeeWitnesses(const audit::Note& note, const audit::Checkpoint& checkpoint) {
    std::size_t known = 1;  // the log's own
    for (std::size_t i = 0; i < witnesses_.size(); ++i) {
      const auto check = audit::VerifyNote(note, witnesses_[i]);
      if (check.verdict == Verdict::kAbsent) continue;
      ++known;
      if (check.verdict == Verdict::kBad) {
        findings_.Fails(Named(checkpoint) + ": the cosignature of " + witnesses_[i].name +
                        " is wrong");
        continue;
      }
      seen_by_[i] = Witnessed{checkpoint.size, check.cosigned_at};
    }
    if (note.signatures.size() > known) others_ += note.signatures.size() - known;
  }

  const Manifest& manifest_;
  const audit::NoteKey& key_;
  const std::vector<audit::NoteKey>& witnesses_;
  Findings& findings_;
  std::vector<audit::Checkpoint> good_;
  std::vector<std::optional<Witnessed>> seen_by_;
  std::uint64_t number_ = 0;
  std::uint64_t others_ = 0;
};

}  // namespace

Result<std::vector<audit::Checkpoint>> CheckCheckpoints(
    const ExportFile& file, const Manifest& manifest, const audit::NoteKey& key,
    const std::vector<audit::NoteKey>& witnesses, Findings& findings) {
  auto lines = file.ReadLines("checkpoints");
  if (!lines) return std::move(lines).error();
  NoteLines notes(*std::move(lines));
  Checking checking(manifest, key, witnesses, findings);
  for (std::uint64_t read = 0; read < kMaxCheckpoints; ++read) {  // ends with the file
    const auto note = notes.Next();
    if (!note && note.error().reason == Reason::kConfiguration) return note.error();
    if (!note) findings.Fails("checkpoints: " + note.error().explanation);
    if (!note || !note->has_value()) break;
    checking.See(**note);
  }
  return checking.Finish();
}

void CheckRoots(const std::vector<audit::Checkpoint>& checkpoints, const SignedTree& tree,
                Findings& findings) {
  std::uint64_t same = 0;
  std::uint64_t unknown = 0;
  for (const audit::Checkpoint& checkpoint : checkpoints) {
    const auto root = tree.RootAt(checkpoint.size);
    if (!root) {
      ++unknown;
    } else if (*root == checkpoint.root) {
      ++same;
    } else {
      findings.Fails(Named(checkpoint) + " is not of this log: its first " +
                     std::to_string(checkpoint.size) + " entries have the root " + ToHex(*root) +
                     " (a fork, or a tile that was changed)");
    }
  }
  if (same > 0) {
    findings.Verified(std::to_string(same) + " checkpoint(s) have the root that the tiles give");
  }
  if (unknown > 0) {
    findings.NotVerified("the roots of " + std::to_string(unknown) +
                         " checkpoint(s): their tiles are not in the export");
  }
}

namespace {

// A range that was asked to end somewhere is covered by the first checkpoint behind its end, and
// says nothing of what follows. Asked for by time, the log may also end where the range does.
std::optional<std::string> WhyItEndsEarly(const Manifest& manifest) {
  const auto index = ParseDecimal(manifest.to);
  if (index ? *index > manifest.tree_size
            : !UtcTime::FromIso(manifest.to) && !UtcTime::FromIsoDate(manifest.to)) {
    return {};
  }
  std::string why = "the range was asked to end before " + std::string(index ? "entry " : "") +
                    manifest.to + ", and its tree has " + std::to_string(manifest.tree_size) +
                    " entries";
  if (!index && manifest.range.end == manifest.tree_size) {
    why += ", or the log ends there, which would be a rollback";
  }
  return why;
}

void SayShorter(const std::string& named, std::uint64_t kept, const Manifest& manifest,
                Findings& findings) {
  if (const auto why = WhyItEndsEarly(manifest)) {
    return findings.Fails("consistency with " + named + " cannot be verified (" + *why +
                          "): ask for an export that ends at entry " + std::to_string(kept) +
                          " or later, which a log that was rolled back does not have");
  }
  findings.EntryFails(manifest.tree_size, "ROLLBACK: " + named +
                                              " is of a longer log than this one, which ends "
                                              "here: entries " +
                                              std::to_string(manifest.tree_size) + " to " +
                                              std::to_string(kept - 1) + " are gone");
}

}  // namespace

Status CheckSince(const std::filesystem::path& since, const Manifest& manifest,
                  const audit::NoteKey& key, const SignedTree* tree, Findings& findings) {
  const auto text = ReadFile(since, audit::kMaxNoteOctets);
  if (!text) return text.error();
  const auto note = audit::ParseNote(*text);
  const auto kept = note ? audit::ParseCheckpoint(note->text) : std::nullopt;
  if (!kept) {
    return Failure(Reason::kConfiguration, since.string() + " is no checkpoint (a signed note)");
  }
  const std::string named = "the earlier checkpoint (" + std::to_string(kept->size) + " entries)";
  if (kept->origin != manifest.origin) {
    findings.Fails(named + " is of another log: " + kept->origin);
  } else if (audit::VerifyNote(*note, key).verdict != Verdict::kGood) {
    findings.Fails(named + " is not signed with the key " + audit::FormatKey(key) +
                   ": one of the two is not this box's");
  } else if (kept->size > manifest.tree_size) {
    SayShorter(named, kept->size, manifest, findings);
  } else if (tree == nullptr) {
    findings.Fails("consistency with " + named + " cannot be verified: there is no signed tree");
  } else if (const auto root = tree->RootAt(kept->size); !root) {
    findings.Fails("consistency with " + named + " cannot be verified (" +
                   root.error().explanation + "): ask for an export that begins at entry " +
                   std::to_string(kept->size / audit::kTileWidth * audit::kTileWidth) +
                   " or before");
  } else if (*root != kept->root) {
    findings.Fails("FORK: " + named + " has the root " + ToHex(kept->root) + ", the first " +
                   std::to_string(kept->size) + " entries of this log have " + ToHex(*root) +
                   ": an entry before " + std::to_string(kept->size) + " is another one");
  } else {
    findings.Verified("this log continues " + named + ": nothing of it was changed or lost");
  }
  return Done{};
}

}  // namespace acb::verify
