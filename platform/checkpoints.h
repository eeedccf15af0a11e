// Signs a checkpoint of the log for each anchor that has passed, and lets it leave the box: only a
// checkpoint outside can show the loss of the newest entries (design.md section 7; P6).
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "platform/checkpoint_file.h"
#include "platform/log.h"
#include "platform/witness.h"
#include "store/store.h"

namespace acb::platform {

struct CheckpointSettings {
  audit::NoteKey key;  // of the log; its name is the origin
  // 64 octets over a text, as SignatureBy takes them. Blocks for the HSM.
  std::function<Result<Bytes>(BytesView text)> sign;
  std::filesystem::path file;  // empty: none
  struct Cosigner {
    audit::NoteKey key;
    WitnessCall call;
  };
  std::vector<Cosigner> witnesses;
  // A checkpoint that takes longer is one of the things that need attention.
  std::chrono::milliseconds slow{30'000};
};

// Threads of its own: one that signs, one for each witness. Nothing that writes the log waits for
// them. Thread-safe.
//
// A checkpoint is of an anchored tree, never beyond. Between its signature and the first time that
// anybody sees it the store keeps it, which looks at the anchors: a box that was overtaken gives
// none out (R-NOW-7). Then it leaves by newest(), one line of the log, the file, the witnesses. One
// that does not continue the newest of before, by this run or an earlier one, is not signed.
class CheckpointKeeper {
 public:
  // `store`, which has started, and `log` outlive it.
  CheckpointKeeper(store::Store& store, const Log& log, CheckpointSettings settings);
  ~CheckpointKeeper();  // Stop
  CheckpointKeeper(const CheckpointKeeper&) = delete;
  CheckpointKeeper& operator=(const CheckpointKeeper&) = delete;

  const audit::NoteKey& key() const { return settings_.key; }

  // With the cosignatures that have come. Nothing before the first.
  std::optional<SignedCheckpoint> newest() const;
  // Base64 of its note, for the header ACB-Checkpoint; empty before the first.
  std::string header() const;

  // One of at least the first `size` entries, which the log has: where the newest is smaller, an
  // anchor and a checkpoint are made. Blocks for the HSM, and kMakePatience at most. kBusy: it was
  // not signed in time; or what the store fails with.
  Result<SignedCheckpoint> Cover(std::uint64_t size);

  // Nothing is signed any more: what was begun is done first. Does not wait for a witness, whose
  // thread ends with its call. Again: does nothing.
  void Stop();
  // After Stop and a clean stop of the store: signs the tree of the `stopped` anchor. It leaves by
  // the log, the file and the witnesses, one try each, all at once; the store is not written any
  // more. Blocks as long as the slowest witness.
  Status SignStopped();

  // What of it an operator has to mend: the file, or the signatures, also one that is waited for.
  // Does not block.
  std::vector<Failure> Attention() const;
  // Lines of the Prometheus text format.
  std::string Metrics() const;

 private:
  // One witness and its thread.
  struct Submission {
    Submission(Witness made) : witness(std::move(made)) {}
    Witness witness;
    std::atomic<std::uint64_t> cosigned{0};  // checkpoints
    std::atomic<std::uint64_t> failed{0};    // tries
    std::atomic<std::uint64_t> size{0};      // of the newest that it cosigned
    std::thread thread;
  };

  void TakeKept();
  std::uint64_t SeenBy(const audit::NoteKey& witness) const;
  void SignEach();
  void SubmitEach(Submission& submission);
  bool WaitToRetry(std::chrono::milliseconds patience);
  Status CheckContinues(const store::Anchored& anchored) const;
  Result<SignedCheckpoint> Sign(const store::Anchored& anchored) const;
  Status Keep(SignedCheckpoint& checkpoint);
  void GiveOut(const SignedCheckpoint& checkpoint);
  Status KeepCosignature(const SignedCheckpoint& checkpoint, const audit::NoteSignature& line);
  Status SignAndGiveOut(const store::Anchored& anchored);
  Status SignInTime(const store::Anchored& anchored);
  void SubmitOnce(Submission& submission, const SignedCheckpoint& checkpoint);
  void SubmitStopped(Submission& submission, const SignedCheckpoint& checkpoint);
  void Remember(std::optional<Failure>& place, const Status& outcome);

  store::Store& store_;
  const Log& log_;
  const CheckpointSettings settings_;
  CheckpointFile file_;  // by the thread that signs
  std::atomic<std::uint64_t> signed_{0};
  std::atomic<std::uint64_t> failed_{0};

  mutable std::mutex rows_;  // a kept note is read, added to and written by one at a time

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::optional<SignedCheckpoint> newest_;
  std::string header_;
  std::uint64_t given_ = 0;  // size of the newest that was given out by this run
  bool wanted_ = false;      // somebody waits: try at once
  bool stopping_ = false;
  std::optional<std::chrono::steady_clock::time_point> signing_since_;
  std::optional<Failure> signing_failed_;
  std::optional<Failure> file_failed_;

  std::vector<std::unique_ptr<Submission>> submissions_;
  std::thread signer_;  // last: it uses everything above
};

}  // namespace acb::platform
