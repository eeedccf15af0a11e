#include "platform/checkpoints.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <atomic>
#include <deque>
#include <fstream>

#include "firmware/base/base64.h"
#include "tests/platform/checkpoint_fixture.h"

namespace acb::platform {
namespace {

using store::FailsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Sha256Digest LeafOf(std::uint64_t index) { return audit::LeafHash(std::to_string(index)); }

Result<Sha256Digest> SubtreeOf(unsigned level, std::uint64_t index) {
  audit::Peaks peaks;
  for (std::uint64_t i = 0; i < (std::uint64_t{1} << level); ++i) {
    peaks.Add(0, LeafOf((index << level) + i));
  }
  return peaks.Root();
}

Sha256Digest RootOf(std::uint64_t size) { return *audit::RootFrom(SubtreeOf, size); }

Result<audit::Proof> Prove(std::uint64_t old_size, std::uint64_t size) {
  return audit::MakeConsistencyProof(SubtreeOf, old_size, size);
}

// C2SP tlog-witness.
class WitnessProtocol : public ::testing::Test {
 protected:
  SignedCheckpoint Of(std::uint64_t size) const {
    SignedCheckpoint checkpoint;
    checkpoint.content = {log_.key().name, size, RootOf(size)};
    checkpoint.note.text = audit::FormatCheckpoint(checkpoint.content);
    checkpoint.note.signatures = {audit::SignatureBy(log_.key(), log_.Sign(checkpoint.note.text))};
    return checkpoint;
  }
  // Answers in this order; the last one again and again.
  Witness With(std::uint64_t seen, std::deque<WitnessAnswer> answers) {
    answers_ = std::move(answers);
    return Witness(
        witness_.key(),
        [this](std::string_view body) -> Result<WitnessAnswer> {
          bodies_.emplace_back(body);
          const WitnessAnswer answer = answers_.front();
          if (answers_.size() > 1) answers_.pop_front();
          return answer;
        },
        Prove, seen);
  }
  // A consistency proof of the body, verified as a witness does.
  bool Proves(const std::string& body, std::uint64_t old_size, std::uint64_t size) const {
    const std::string head = "old " + std::to_string(old_size) + "\n";
    if (!body.starts_with(head)) return false;
    const std::size_t end = body.find("\n\n", head.size() - 1);
    audit::Proof proof;
    for (std::size_t at = head.size(); at < end;) {
      const std::size_t line_end = body.find('\n', at);
      proof.push_back(*audit::ToDigest(*FromBase64(body.substr(at, line_end - at))));
      at = line_end + 1;
    }
    return audit::VerifyConsistency(old_size, size, RootOf(old_size), RootOf(size), proof) &&
           audit::ParseNote(body.substr(end + 2)) == Of(size).note;
  }

  Signer log_{"log", audit::NoteKey::Type::kEd25519};
  Signer witness_{"witness", audit::NoteKey::Type::kCosignature};
  std::deque<WitnessAnswer> answers_;
  std::vector<std::string> bodies_;
};

TEST_F(WitnessProtocol, StartsWithNothingAndGoesOnFromWhatWasCosigned) {
  Witness witness = With(0, {{200, witness_.Line(Of(5).note.text)}});
  const auto first = witness.Submit(Of(5));
  ASSERT_TRUE(first) << first.error().explanation;
  EXPECT_EQ(first->name, "witness");
  EXPECT_EQ(bodies_.at(0), "old 0\n\n" + audit::FormatNote(Of(5).note));
  answers_ = {{200, witness_.Line(Of(13).note.text)}};
  ASSERT_TRUE(witness.Submit(Of(13)));
  EXPECT_TRUE(Proves(bodies_.at(1), 5, 13)) << bodies_.at(1);
}

TEST_F(WitnessProtocol, TakesTheSizeThatTheWitnessNames) {
  Witness witness = With(0, {{409, "7\n"}, {200, witness_.Line(Of(13).note.text)}});
  ASSERT_TRUE(witness.Submit(Of(13)));
  ASSERT_EQ(bodies_.size(), 2u);
  EXPECT_TRUE(Proves(bodies_.at(1), 7, 13)) << bodies_.at(1);
}

TEST_F(WitnessProtocol, AsksNoThirdTime) {
  Witness witness = With(0, {{409, "7\n"}, {409, "8\n"}});
  EXPECT_THAT(witness.Submit(Of(13)), FailsWith(Reason::kBusy));
  EXPECT_EQ(bodies_.size(), 2u);
}

TEST_F(WitnessProtocol, SameSizeHasNoProof) {
  Witness witness = With(13, {{200, witness_.Line(Of(13).note.text)}});
  ASSERT_TRUE(witness.Submit(Of(13)));
  EXPECT_THAT(bodies_.at(0), StartsWith("old 13\n\n"));
}

// What a rollback of this box looks like from outside.
TEST_F(WitnessProtocol, SaysThatTheWitnessHasSeenAGreaterTree) {
  Witness witness = With(0, {{409, "14\n"}});
  EXPECT_THAT(witness.Submit(Of(13)), FailsWith(Reason::kStoreRolledBack));
  EXPECT_EQ(bodies_.size(), 1u);
}

// What a log that was rolled back and has grown again looks like from outside.
TEST_F(WitnessProtocol, SaysThatTheWitnessHasSeenAnotherTree) {
  for (const auto& answers : {std::deque<WitnessAnswer>{{409, "7\n"}, {422, "no\n"}},
                              std::deque<WitnessAnswer>{{409, "13\n"}, {409, "13\n"}}}) {
    Witness witness = With(0, answers);
    EXPECT_THAT(witness.Submit(Of(13)), FailsWith(Reason::kStoreRolledBack));
    EXPECT_EQ(bodies_.size(), 2u);
    bodies_.clear();
  }
}

TEST_F(WitnessProtocol, TakesNoCosignatureOfATimeThatNoClockShows) {
  const std::string text = Of(13).note.text;
  for (const std::uint64_t seconds : {audit::kLastCosignedAt + 1, ~std::uint64_t{0} >> 1U,
                                      (~std::uint64_t{0} >> 1U) + 1, ~std::uint64_t{0}}) {
    Witness witness = With(0, {{200, witness_.Line(text, seconds)}});
    EXPECT_THAT(witness.Submit(Of(13)), FailsWith(Reason::kSignatureInvalid)) << seconds;
  }
  for (const std::uint64_t seconds : {std::uint64_t{0}, audit::kLastCosignedAt}) {
    Witness witness = With(0, {{200, witness_.Line(text, seconds)}});
    EXPECT_TRUE(witness.Submit(Of(13))) << seconds;
  }
}

TEST_F(WitnessProtocol, TakesNoCosignatureThatDoesNotVerify) {
  const Signer other("witness", audit::NoteKey::Type::kCosignature);
  const std::string good = witness_.Line(Of(13).note.text);
  for (const std::string& lie : {std::string(), std::string("\n"), other.Line(Of(13).note.text),
                                 witness_.Line(Of(12).note.text), good + "x", "\n" + good,
                                 "more\n\n" + witness_.Line(Of(13).note.text + "\nmore\n")}) {
    Witness witness = With(0, {{200, lie}});
    EXPECT_THAT(witness.Submit(Of(13)), FailsWith(Reason::kSignatureInvalid)) << lie;
  }
  Witness witness = With(0, {{200, other.Line(Of(13).note.text) + good}});
  EXPECT_TRUE(witness.Submit(Of(13))) << "lines of others beside it are left";
}

TEST_F(WitnessProtocol, RefusalsAreFaults) {
  for (const int status : {400, 403, 404, 422, 500, 301}) {
    Witness witness = With(0, {{status, "no"}});
    EXPECT_THAT(witness.Submit(Of(13)), FailsWith(Reason::kBusy));
  }
  for (const char* size : {"", "x\n", "-1\n", "07 \n"}) {
    Witness witness = With(0, {{409, size}});
    EXPECT_THAT(witness.Submit(Of(13)), FailsWith(Reason::kBusy));
  }
}

class CheckpointFiles : public NotesFolder {};

TEST_F(CheckpointFiles, HaveEachNoteInOrder) {
  CheckpointFile file(folder_ / "notes");
  ASSERT_TRUE(file.Append("one\n"));
  ASSERT_TRUE(file.Append("two\n"));
  ASSERT_TRUE(CheckpointFile(folder_ / "notes").Append("three\n"));
  EXPECT_EQ(Read(folder_ / "notes"), "one\ntwo\nthree\n");
}

TEST_F(CheckpointFiles, GetLaterWhatCouldNotBeWritten) {
  CheckpointFile file(folder_ / "later" / "notes");
  EXPECT_THAT(file.Append("one\n"), FailsWith(Reason::kConfiguration));
  EXPECT_THAT(file.Append("two\n"), FailsWith(Reason::kConfiguration));
  std::filesystem::create_directory(folder_ / "later");
  ASSERT_TRUE(file.Append("three\n"));
  EXPECT_EQ(Read(folder_ / "later" / "notes"), "one\ntwo\nthree\n");
}

TEST_F(CheckpointFiles, AFifoWithoutAReaderHoldsNobody) {
  ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  CheckpointFile file(folder_ / "fifo");
  EXPECT_THAT(file.Append("one\n"), FailsWith(Reason::kConfiguration));
}

TEST_F(CheckpointFiles, NoneIsNone) { EXPECT_TRUE(CheckpointFile({}).Append("one\n")); }

// The keeper with a token that can fail.
class Keeper : public KeptLog {
 protected:
  CheckpointSettings Settings() {
    CheckpointSettings settings = KeptLog::Settings();
    settings.sign = [this, sign = std::move(settings.sign)](BytesView text) -> Result<Bytes> {
      if (broken_) return Failure(Reason::kHsmUnavailable);
      return sign(text);
    };
    return settings;
  }

  std::atomic<bool> broken_ = false;
};

TEST_F(Keeper, CoversEveryEntryOnDemandAndStaysConsistent) {
  CheckpointKeeper keeper(*store_, log_, Settings());
  std::optional<SignedCheckpoint> before;
  for (int i = 0; i < 5; ++i) {
    Append();
    const auto checkpoint = keeper.Cover(AuditSize());
    ASSERT_TRUE(checkpoint) << checkpoint.error().explanation;
    EXPECT_EQ(audit::VerifyNote(checkpoint->note, keeper.key()).verdict,
              audit::SignatureCheck::Verdict::kGood);
    EXPECT_EQ(checkpoint->content.size, store_->anchored()->tree_size);
    EXPECT_EQ(checkpoint->content.root, store_->anchored()->root);
    if (before) {
      const auto proof = store_->ProveConsistency(before->content.size, checkpoint->content.size);
      ASSERT_TRUE(proof);
      EXPECT_TRUE(audit::VerifyConsistency(before->content.size, checkpoint->content.size,
                                           before->content.root, checkpoint->content.root, *proof));
    }
    before = *checkpoint;
    EXPECT_EQ(keeper.header(), ToBase64(AsBytes(audit::FormatNote(checkpoint->note))));
  }
}

TEST_F(Keeper, KeepsWhatItGaveOut) {
  std::uint64_t size = 0;
  {
    CheckpointKeeper keeper(*store_, log_, Settings());
    Append();
    size = keeper.Cover(AuditSize())->content.size;
  }
  EXPECT_EQ((*store_->NewestCheckpoint())->tree_size, size);
  broken_ = true;
  CheckpointKeeper again(*store_, log_, Settings());
  ASSERT_TRUE(again.newest());
  EXPECT_EQ(again.newest()->content.size, size);
}

TEST_F(Keeper, SignsTheStoppedTreeAndWritesNothingAfterIt) {
  CheckpointKeeper keeper(*store_, log_, Settings());
  ASSERT_TRUE(keeper.Cover(1));
  keeper.Stop();
  ASSERT_TRUE(store_->Stop(audit::Entry("stop", store::kNow)));
  ASSERT_TRUE(keeper.SignStopped());
  EXPECT_EQ(keeper.newest()->content.size, AuditSize());
  EXPECT_LT((*store_->NewestCheckpoint())->tree_size, AuditSize());
  std::ifstream in(root_ / "notes");
  const std::string notes(std::istreambuf_iterator<char>(in), {});
  EXPECT_TRUE(notes.ends_with(audit::FormatNote(keeper.newest()->note)));
}

// R-NOW-7: "sign nothing more, not even a checkpoint".
TEST_F(Keeper, OfABoxThatWasOvertakenGivesNoneOut) {
  CheckpointKeeper keeper(*store_, log_, Settings());
  Append();
  const std::uint64_t size = keeper.Cover(AuditSize())->content.size;
  const std::filesystem::path copy = root_ / "copy";
  std::filesystem::copy(settings_.directory, copy, std::filesystem::copy_options::recursive);
  store::OpenSettings settings = settings_;
  settings.directory = copy;
  FakeAnchorObjects others(token_);
  auto other = store::Store::Open(settings);
  ASSERT_TRUE(other);
  ASSERT_TRUE((*other)->Start(others, store::OrderToStart()));
  EXPECT_THAT(keeper.Cover(size + 1), FailsWith(Reason::kOvertaken));
  keeper.Stop();
  EXPECT_THAT(keeper.SignStopped(), FailsWith(Reason::kOvertaken));
  EXPECT_EQ(keeper.newest()->content.size, size);
}

TEST_F(Keeper, SaysThatItCannotSignAndSignsWhenItCanAgain) {
  broken_ = true;
  CheckpointKeeper keeper(*store_, log_, Settings());
  while (keeper.Attention().empty()) std::this_thread::yield();
  EXPECT_EQ(keeper.Attention().front().reason, Reason::kHsmUnavailable);
  EXPECT_FALSE(keeper.newest());
  broken_ = false;
  ASSERT_TRUE(keeper.Cover(1));
  while (!keeper.Attention().empty()) std::this_thread::yield();
}

TEST_F(Keeper, CosignaturesAreKeptWithTheNote) {
  const Signer witness("witness", audit::NoteKey::Type::kCosignature);
  CheckpointSettings settings = Settings();
  settings.witnesses.push_back({witness.key(), [&](std::string_view body) -> Result<WitnessAnswer> {
                                  const auto note =
                                      audit::ParseNote(body.substr(body.find("\n\n") + 2));
                                  if (!note) return Failure(Reason::kMalformed);
                                  return WitnessAnswer{200, witness.Line(note->text)};
                                }});
  CheckpointKeeper keeper(*store_, log_, std::move(settings));
  ASSERT_TRUE(keeper.Cover(1));
  while (keeper.newest()->note.signatures.size() < 2) std::this_thread::yield();
  const auto kept = audit::ParseNote((*store_->NewestCheckpoint())->note);
  ASSERT_TRUE(kept);
  EXPECT_EQ(audit::VerifyNote(*kept, witness.key()).verdict, audit::SignatureCheck::Verdict::kGood);
  EXPECT_THAT(keeper.Metrics(), HasSubstr("acb_witness_cosigned_total{witness=\"witness\"} "));
}

}  // namespace
}  // namespace acb::platform
