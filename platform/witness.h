// A witness that cosigns the checkpoints of the log (C2SP tlog-witness, `add-checkpoint`): it has
// seen every earlier one, so a log that was rolled back or forked gets no cosignature.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "firmware/audit/merkle.h"
#include "firmware/audit/note.h"
#include "platform/config.h"
#include "platform/https_client.h"

namespace acb::platform {

// A checkpoint and its note, signed by the log's own key.
struct SignedCheckpoint {
  audit::Checkpoint content;
  audit::Note note;
};

// What of an answer the witness's side of the protocol says.
struct WitnessAnswer {
  int status = 0;
  std::string body;
};
// Sends the body of an `add-checkpoint` request and gives the answer. Blocks.
using WitnessCall = std::function<Result<WitnessAnswer>(std::string_view body)>;
// The consistency proof between two sizes of the log, the older at least 1.
using ConsistencySource =
    std::function<Result<audit::Proof>(std::uint64_t old_size, std::uint64_t size)>;

// Over HTTPS, with deadlines of some seconds for each step. Each call is a connection of its own.
WitnessCall CallOverHttps(const WitnessSetting& setting);

// One thread at a time.
class Witness {
 public:
  // `seen`: the size of the newest checkpoint that it is known to have cosigned; 0: none. A wrong
  // one is put right by its answer.
  Witness(audit::NoteKey key, WitnessCall call, ConsistencySource prove, std::uint64_t seen)
      : key_(std::move(key)), call_(std::move(call)), prove_(std::move(prove)), seen_(seen) {}

  // The witness's line for the note, verified. Fails with
  //   kStoreRolledBack   it has seen a greater tree of this log than `checkpoint`, or one that this
  //                      log does not continue.
  //   kSignatureInvalid  it answered with no good cosignature of its key.
  //   kBusy              it cannot be reached, or refused; the explanation says which.
  // or as the proof or the call.
  Result<audit::NoteSignature> Submit(const SignedCheckpoint& checkpoint);

  const std::string& name() const { return key_.name; }

 private:
  Result<WitnessAnswer> Ask(const SignedCheckpoint& checkpoint);
  Status TakeSize(const WitnessAnswer& conflict, const SignedCheckpoint& checkpoint);
  Failure Differs() const;
  Result<audit::NoteSignature> TakeCosignature(const WitnessAnswer& answer,
                                               const SignedCheckpoint& checkpoint) const;

  const audit::NoteKey key_;
  const WitnessCall call_;
  const ConsistencySource prove_;
  std::uint64_t seen_;
};

}  // namespace acb::platform
