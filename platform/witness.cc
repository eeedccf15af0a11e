#include "platform/witness.h"

#include "firmware/base/base64.h"
#include "firmware/base/request_id.h"

namespace acb::platform {
namespace {

constexpr int kOk = 200;
constexpr int kConflict = 409;
constexpr int kUnprocessable = 422;
constexpr std::uint64_t kMaxAnswer = 64 * 1024;
constexpr std::chrono::milliseconds kDeadline{5'000};
constexpr std::size_t kMaxQuoted = 200;  // octets of an answer in a message

// "old <size>\n", a line of base64 for each hash of the proof, an empty line, the checkpoint.
std::string BodyOf(std::uint64_t seen, const audit::Proof& proof, const audit::Note& note) {
  std::string body = "old " + std::to_string(seen) + "\n";
  for (const Sha256Digest& hash : proof) body += ToBase64(hash) + "\n";
  return body + "\n" + audit::FormatNote(note);
}

}  // namespace

WitnessCall CallOverHttps(const WitnessSetting& setting) {
  return [setting](std::string_view body) -> Result<WitnessAnswer> {
    HttpsClientSettings settings;
    settings.host = setting.host;
    settings.port = setting.port;
    settings.ca = setting.ca;
    settings.response_limit = kMaxAnswer;
    settings.connect_deadline = kDeadline;
    settings.response_deadline = kDeadline;
    settings.write_deadline = kDeadline;
    auto client = HttpsClient::Create(std::move(settings));
    if (!client) return std::move(client).error();
    auto answer = client->Send({.method = "POST",
                                .target = setting.prefix + "/add-checkpoint",
                                .content_type = "text/plain; charset=utf-8",
                                .body = body});
    if (!answer) return std::move(answer).error();
    return WitnessAnswer{answer->status, std::move(answer->body)};
  };
}

Result<WitnessAnswer> Witness::Ask(const SignedCheckpoint& checkpoint) {
  audit::Proof proof;
  // "If the old size is 0, the proof MUST be empty"; of equal sizes it is.
  if (seen_ != 0 && seen_ != checkpoint.content.size) {
    auto made = prove_(seen_, checkpoint.content.size);
    if (!made) return std::move(made).error();
    proof = *std::move(made);
  }
  return call_(BodyOf(seen_, proof, checkpoint.note));
}

// "The response body MUST consist of the tree size of the latest cosigned checkpoint in decimal,
// followed by a newline."
Status Witness::TakeSize(const WitnessAnswer& conflict, const SignedCheckpoint& checkpoint) {
  std::string_view text = conflict.body;
  if (text.ends_with('\n')) text.remove_suffix(1);
  const auto size = ParseDecimal(text);
  if (!size) return Failure(Reason::kBusy, "the witness names no size: answer 409");
  if (*size > checkpoint.content.size) {
    return Failure(Reason::kStoreRolledBack,
                   "the witness " + key_.name + " has cosigned a checkpoint of " +
                       std::to_string(*size) + " entries of this log, which has " +
                       std::to_string(checkpoint.content.size) +
                       ": entries were lost, or another box signs with this log's key");
  }
  seen_ = *size;
  return Done{};
}

// A proof is refused, or the same size has another root: it has seen a log that is not this one.
Failure Witness::Differs() const {
  return {Reason::kStoreRolledBack,
          "the witness " + key_.name + " says that this log does not continue the tree of " +
              std::to_string(seen_) +
              " entries that it has cosigned: entries were lost and others took their place, or "
              "another box signs with this log's key"};
}

Result<audit::NoteSignature> Witness::TakeCosignature(const WitnessAnswer& answer,
                                                      const SignedCheckpoint& checkpoint) const {
  // The lines as a note of the same text: read as strictly.
  const auto cosigned = audit::ParseNote(checkpoint.note.text + "\n" + answer.body);
  if (!cosigned || cosigned->text != checkpoint.note.text ||
      audit::VerifyNote(*cosigned, key_).verdict != audit::SignatureCheck::Verdict::kGood) {
    return Failure(Reason::kSignatureInvalid,
                   "the answer of the witness " + key_.name + " is no cosignature of its key");
  }
  const audit::KeyHash hash = audit::HashOf(key_);
  for (const audit::NoteSignature& one : cosigned->signatures) {
    if (one.name == key_.name && one.key_hash == hash) return one;
  }
  return Failure(Reason::kSignatureInvalid);  // VerifyNote found it
}

Result<audit::NoteSignature> Witness::Submit(const SignedCheckpoint& checkpoint) {
  auto answer = Ask(checkpoint);
  if (answer && answer->status == kConflict) {
    if (Status taken = TakeSize(*answer, checkpoint); !taken) return std::move(taken).error();
    answer = Ask(checkpoint);
  }
  if (!answer) return std::move(answer).error();
  if (answer->status == kUnprocessable && seen_ != 0) return Differs();
  if (answer->status == kConflict && seen_ == checkpoint.content.size) return Differs();
  if (answer->status != kOk) {
    return Failure(Reason::kBusy, "the witness " + key_.name + " answered " +
                                      std::to_string(answer->status) + ": " +
                                      answer->body.substr(0, kMaxQuoted));
  }
  auto cosignature = TakeCosignature(*answer, checkpoint);
  if (cosignature) seen_ = checkpoint.content.size;
  return cosignature;
}

}  // namespace acb::platform
