#include "platform/checkpoints.h"

#include <algorithm>

#include "firmware/base/base64.h"
#include "platform/metrics.h"

namespace acb::platform {
namespace {

constexpr std::chrono::milliseconds kLook{200};  // how late a thread sees that it is to end
constexpr std::chrono::milliseconds kFirstRetry{1'000};
constexpr std::chrono::milliseconds kLastSignRetry{60'000};
constexpr std::chrono::milliseconds kLastWitnessRetry{300'000};
constexpr std::chrono::milliseconds kMakePatience{30'000};

bool Has(const audit::Note& note, const audit::NoteSignature& line) {
  return std::ranges::find(note.signatures, line) != note.signatures.end();
}

// A kept note that the log's key signed; nothing for anything else.
std::optional<SignedCheckpoint> Read(const store::KeptCheckpoint& kept, const audit::NoteKey& key) {
  auto note = audit::ParseNote(kept.note);
  if (!note) return {};
  const auto content = audit::ParseCheckpoint(note->text);
  if (!content || content->size != kept.tree_size || content->origin != key.name) return {};
  if (audit::VerifyNote(*note, key).verdict != audit::SignatureCheck::Verdict::kGood) return {};
  return SignedCheckpoint{*content, *std::move(note)};
}

std::string HeaderOf(const SignedCheckpoint& checkpoint) {
  return ToBase64(AsBytes(audit::FormatNote(checkpoint.note)));
}

}  // namespace

CheckpointKeeper::CheckpointKeeper(store::Store& store, const Log& log, CheckpointSettings settings)
    : store_(store), log_(log), settings_(std::move(settings)), file_(settings_.file) {
  TakeKept();
  for (const CheckpointSettings::Cosigner& cosigner : settings_.witnesses) {
    const auto prove = [this](std::uint64_t old_size, std::uint64_t size) {
      return store_.ProveConsistency(old_size, size);
    };
    submissions_.push_back(std::make_unique<Submission>(
        Witness(cosigner.key, cosigner.call, prove, SeenBy(cosigner.key))));
  }
  for (const auto& submission : submissions_) {
    submission->thread = std::thread([this, &one = *submission] { SubmitEach(one); });
  }
  signer_ = std::thread([this] { SignEach(); });
}

CheckpointKeeper::~CheckpointKeeper() {
  Stop();
  for (const auto& submission : submissions_) {
    if (submission->thread.joinable()) submission->thread.join();
  }
}

// What an earlier run signed last.
void CheckpointKeeper::TakeKept() {
  const auto kept = store_.NewestCheckpoint();
  if (!kept || !kept->has_value()) return;
  newest_ = Read(**kept, settings_.key);
  if (newest_) {
    header_ = HeaderOf(*newest_);
    return;
  }
  log_.Failed(
      LogLevel::kError, "checkpoint-key",
      {Reason::kRecordDamaged,
       "the newest kept checkpoint, of " + std::to_string((*kept)->tree_size) +
           " entries, is not signed by the checkpoint key that is in the HSM: whoever "
           "verifies with the key of before takes none of those that come. The key is now " +
           audit::FormatKey(settings_.key)});
}

std::uint64_t CheckpointKeeper::SeenBy(const audit::NoteKey& witness) const {
  if (!newest_) return 0;
  const auto check = audit::VerifyNote(newest_->note, witness);
  return check.verdict == audit::SignatureCheck::Verdict::kGood ? newest_->content.size : 0;
}

std::optional<SignedCheckpoint> CheckpointKeeper::newest() const {
  const std::lock_guard lock(mutex_);
  return newest_;
}

std::string CheckpointKeeper::header() const {
  const std::lock_guard lock(mutex_);
  return header_;
}

void CheckpointKeeper::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (signer_.joinable()) signer_.join();
}

// P6: whatever became of the log, what was given out is never contradicted.
Status CheckpointKeeper::CheckContinues(const store::Anchored& anchored) const {
  const auto before = newest();
  if (!before || before->content.size == 0) return Done{};
  const audit::Checkpoint& old = before->content;
  if (old.size <= anchored.tree_size) {
    const auto proof = store_.ProveConsistency(old.size, anchored.tree_size);
    if (!proof) return proof.error();
    if (audit::VerifyConsistency(old.size, anchored.tree_size, old.root, anchored.root, *proof)) {
      return Done{};
    }
  }
  return Failure(Reason::kStoreRolledBack,
                 "the log does not continue the checkpoint of " + std::to_string(old.size) +
                     " entries that was given out: none is signed of its " +
                     std::to_string(anchored.tree_size) + " entries");
}

Result<SignedCheckpoint> CheckpointKeeper::Sign(const store::Anchored& anchored) const {
  // R-NOW-7: "sign nothing more, not even a checkpoint".
  if (auto why = store_.ended()) return *std::move(why);
  if (Status continues = CheckContinues(anchored); !continues) return std::move(continues).error();
  SignedCheckpoint checkpoint;
  checkpoint.content = {settings_.key.name, anchored.tree_size, anchored.root};
  checkpoint.note.text = audit::FormatCheckpoint(checkpoint.content);
  const auto raw = settings_.sign(AsBytes(checkpoint.note.text));
  if (!raw) return raw.error();
  checkpoint.note.signatures.push_back(audit::SignatureBy(settings_.key, *raw));
  if (audit::VerifyNote(checkpoint.note, settings_.key).verdict !=
      audit::SignatureCheck::Verdict::kGood) {
    return Failure(Reason::kHsmUnavailable, {}, "the signature of a checkpoint does not verify");
  }
  return checkpoint;
}

// Cosignatures of the same tree that an earlier run got stay.
Status CheckpointKeeper::Keep(SignedCheckpoint& checkpoint) {
  const std::lock_guard lock(rows_);
  const auto held = store_.ListCheckpoints(checkpoint.content.size, 1);
  if (!held) return held.error();
  if (!held->empty()) {
    const auto read = Read(held->front(), settings_.key);
    if (read && read->content == checkpoint.content) checkpoint = *read;
  }
  return store_.KeepCheckpoint({checkpoint.content.size, audit::FormatNote(checkpoint.note)});
}

void CheckpointKeeper::GiveOut(const SignedCheckpoint& checkpoint) {
  const std::string note = audit::FormatNote(checkpoint.note);
  {
    const std::lock_guard lock(mutex_);
    newest_ = checkpoint;
    header_ = HeaderOf(checkpoint);
    given_ = checkpoint.content.size;
  }
  changed_.notify_all();
  log_.Notice("checkpoint", {{"size", checkpoint.content.size}, {"note", note}});
  const Status written = file_.Append(note);
  if (!written) {
    ++failed_;
    log_.Failed(LogLevel::kError, "checkpoint-file", written.error());
  }
  Remember(file_failed_, written);
}

void CheckpointKeeper::Remember(std::optional<Failure>& place, const Status& outcome) {
  const std::lock_guard lock(mutex_);
  place = outcome ? std::optional<Failure>() : outcome.error();
}

Status CheckpointKeeper::SignAndGiveOut(const store::Anchored& anchored) {
  auto checkpoint = Sign(anchored);
  if (!checkpoint) return std::move(checkpoint).error();
  // If power fails from here on: a signature that nobody has seen, of a tree that an anchor names.
  if (Status kept = Keep(*checkpoint); !kept) return kept;
  // The anchors were looked at, after the signature: this box had not been overtaken.
  GiveOut(*checkpoint);
  return Done{};
}

// Attention sees how long it takes.
Status CheckpointKeeper::SignInTime(const store::Anchored& anchored) {
  {
    const std::lock_guard lock(mutex_);
    signing_since_ = std::chrono::steady_clock::now();
  }
  Status made = SignAndGiveOut(anchored);
  const std::lock_guard lock(mutex_);
  signing_since_.reset();
  signing_failed_ = made ? std::optional<Failure>() : made.error();
  return made;
}

void CheckpointKeeper::SignEach() {
  std::uint64_t done = 0;
  auto patience = kFirstRetry;
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    const auto anchored = store_.WaitForAnchored(done, kLook);
    if (!anchored) continue;
    const Status made = SignInTime(*anchored);
    if (made) {
      ++signed_;
      done = anchored->tree_size;
      patience = kFirstRetry;
      continue;
    }
    ++failed_;
    log_.Failed(LogLevel::kError, "checkpoint-failed", made.error());
    if (store_.ended()) return;  // for good
    if (!WaitToRetry(patience)) return;
    patience = std::min(2 * patience, kLastSignRetry);
  }
}

// False: it is to end.
bool CheckpointKeeper::WaitToRetry(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [this] { return stopping_ || wanted_; });
  wanted_ = false;
  return !stopping_;
}

Result<SignedCheckpoint> CheckpointKeeper::Cover(std::uint64_t size) {
  const auto until = std::chrono::steady_clock::now() + kMakePatience;
  std::unique_lock lock(mutex_);
  const auto covers = [&] { return newest_ && newest_->content.size >= size; };
  if (covers()) return *newest_;
  lock.unlock();
  if (Status anchored = store_.AnchorNow(); !anchored) return std::move(anchored).error();
  lock.lock();
  wanted_ = true;
  changed_.notify_all();
  while (!changed_.wait_for(lock, kLook, covers)) {
    if (auto why = store_.ended()) return *std::move(why);
    if (stopping_ || std::chrono::steady_clock::now() >= until) {
      if (signing_failed_) return *signing_failed_;
      return Failure(Reason::kBusy, "no checkpoint was signed in time: ask again");
    }
  }
  return *newest_;
}

Status CheckpointKeeper::KeepCosignature(const SignedCheckpoint& checkpoint,
                                         const audit::NoteSignature& line) {
  const std::lock_guard lock(rows_);
  const auto held = store_.ListCheckpoints(checkpoint.content.size, 1);
  if (!held) return held.error();
  SignedCheckpoint cosigned = checkpoint;
  if (!held->empty()) {
    if (const auto read = Read(held->front(), settings_.key)) cosigned = *read;
  }
  if (cosigned.content != checkpoint.content || Has(cosigned.note, line)) return Done{};
  if (cosigned.note.signatures.size() >= audit::kMaxNoteSignatures) return Done{};
  cosigned.note.signatures.push_back(line);
  Status kept = store_.KeepCheckpoint({cosigned.content.size, audit::FormatNote(cosigned.note)});
  if (!kept) return kept;
  const std::lock_guard newest_lock(mutex_);
  if (newest_ && newest_->content == cosigned.content) {
    newest_ = cosigned;
    header_ = HeaderOf(cosigned);
  }
  return Done{};
}

void CheckpointKeeper::SubmitEach(Submission& submission) {
  std::uint64_t done = 0;
  auto patience = kFirstRetry;
  while (true) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopping_ || given_ > done; });
    if (stopping_) return;
    const SignedCheckpoint checkpoint = *newest_;
    lock.unlock();
    const std::uint64_t before = submission.cosigned;
    SubmitOnce(submission, checkpoint);
    if (submission.cosigned != before) {
      done = checkpoint.content.size;
      patience = kFirstRetry;
      continue;
    }
    if (store_.ended()) return;
    lock.lock();
    changed_.wait_for(lock, patience, [this] { return stopping_; });
    patience = std::min(2 * patience, kLastWitnessRetry);
  }
}

// Logs the outcome, whatever it is: a witness stands in nobody's way.
void CheckpointKeeper::SubmitOnce(Submission& submission, const SignedCheckpoint& checkpoint) {
  const auto line = submission.witness.Submit(checkpoint);
  Status kept = line ? KeepCosignature(checkpoint, *line) : Status(line.error());
  if (kept) {
    ++submission.cosigned;
    submission.size = checkpoint.content.size;
    log_.Notice("cosigned",
                {{"witness", submission.witness.name()}, {"size", checkpoint.content.size}});
    return;
  }
  ++submission.failed;
  const bool rolled_back = kept.error().reason == Reason::kStoreRolledBack;
  log_.Failed(rolled_back ? LogLevel::kError : LogLevel::kWarning, "witness-failed", kept.error());
}

Status CheckpointKeeper::SignStopped() {
  const auto anchored = store_.anchored();
  if (!anchored) return Failure(Reason::kStoreUnavailable, "the store was not started");
  const auto checkpoint = Sign(*anchored);
  if (!checkpoint) return checkpoint.error();
  // The `stopped` object has passed, and nothing is written to the store after it.
  GiveOut(*checkpoint);
  ++signed_;
  std::vector<std::thread> asking;
  for (const auto& submission : submissions_) {
    asking.emplace_back(
        [this, &one = *submission, &checkpoint = *checkpoint] { SubmitStopped(one, checkpoint); });
  }
  for (std::thread& one : asking) one.join();
  return Done{};
}

void CheckpointKeeper::SubmitStopped(Submission& submission, const SignedCheckpoint& checkpoint) {
  if (submission.thread.joinable()) submission.thread.join();  // it may still be asking
  const auto line = submission.witness.Submit(checkpoint);
  if (!line) return log_.Failed(LogLevel::kWarning, "witness-failed", line.error());
  const std::string note = audit::FormatNote({checkpoint.note.text, {*line}});
  log_.Notice(
      "cosigned",
      {{"witness", submission.witness.name()}, {"size", checkpoint.content.size}, {"note", note}});
}

std::vector<Failure> CheckpointKeeper::Attention() const {
  const std::lock_guard lock(mutex_);
  std::vector<Failure> found;
  for (const auto* place : {&signing_failed_, &file_failed_}) {
    if (*place) found.push_back(**place);
  }
  if (signing_since_ && std::chrono::steady_clock::now() - *signing_since_ >= settings_.slow) {
    found.emplace_back(Reason::kHsmUnavailable,
                       "a checkpoint is waited for: the HSM does not sign it, or the store or the "
                       "checkpoint file does not take it");
  }
  return found;
}

std::string CheckpointKeeper::Metrics() const {
  const auto newest_now = newest();
  std::string text =
      MetricText("acb_checkpoints_total", "counter",
                 "Checkpoints of the audit log that were signed.", signed_.load()) +
      MetricText("acb_checkpoint_failures_total", "counter",
                 "Checkpoints that could not be signed or kept, tries.", failed_.load()) +
      MetricText("acb_checkpoint_size", "gauge", "Entries that the newest checkpoint covers.",
                 newest_now ? newest_now->content.size : 0);
  if (submissions_.empty()) return text;
  const auto add = [&](std::string_view name, std::string_view type, std::string_view help,
                       const auto& value_of) {
    text.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
    text.append(name).append(" ").append(type).append("\n");
    for (const auto& submission : submissions_) {
      std::string label;
      for (const char c : submission->witness.name()) {
        if (c == '"' || c == '\\') label.push_back('\\');
        label.push_back(c);
      }
      text.append(name).append("{witness=\"").append(label).append("\"} ");
      text.append(std::to_string(value_of(*submission))).append("\n");
    }
  };
  add("acb_witness_cosigned_total", "counter", "Checkpoints that the witness cosigned.",
      [](const Submission& one) { return one.cosigned.load(); });
  add("acb_witness_failures_total", "counter", "Tries that got no cosignature.",
      [](const Submission& one) { return one.failed.load(); });
  add("acb_witness_size", "gauge", "Entries of the newest checkpoint that the witness cosigned.",
      [](const Submission& one) { return one.size.load(); });
  return text;
}

}  // namespace acb::platform
