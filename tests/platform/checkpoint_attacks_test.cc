// What would break the promises of platform/checkpoints.h, made to happen.
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <latch>

#include "tests/platform/checkpoint_fixture.h"

namespace acb::platform {
namespace {

using store::FailsWith;
using ::testing::HasSubstr;

void Write(const std::filesystem::path& file, std::string_view octets) {
  std::ofstream(file, std::ios::binary) << octets;
}

class TornFiles : public NotesFolder {
 protected:
  std::string Note(std::uint64_t size) const {
    audit::Note note{audit::FormatCheckpoint({log_.key().name, size, Sha256(BytesView())}), {}};
    note.signatures = {audit::SignatureBy(log_.key(), log_.Sign(note.text))};
    return audit::FormatNote(note);
  }
  Signer log_{"log.example/1", audit::NoteKey::Type::kEd25519};
};

// What a kill or a loss of power leaves of the last note.
TEST_F(TornFiles, HaveTheirTornEndCutOffBeforeTheNextNote) {
  const std::string torn = Note(7);
  for (std::size_t length = 1; length < torn.size(); ++length) {
    Write(folder_ / "notes", Note(5) + torn.substr(0, length));
    ASSERT_TRUE(CheckpointFile(folder_ / "notes").Append(Note(9)));
    ASSERT_EQ(Read(folder_ / "notes"), Note(5) + Note(9)) << length;
    Write(folder_ / "notes", torn.substr(0, length));
    ASSERT_TRUE(CheckpointFile(folder_ / "notes").Append(Note(9)));
    ASSERT_EQ(Read(folder_ / "notes"), Note(9)) << length;
  }
  Write(folder_ / "notes", Note(5) + torn);
  ASSERT_TRUE(CheckpointFile(folder_ / "notes").Append(Note(9)));
  EXPECT_EQ(Read(folder_ / "notes"), Note(5) + torn + Note(9)) << "whole: it stays";
}

TEST_F(TornFiles, LoseTheZerosThatALossOfPowerLeft) {
  const std::string zeros(4000, '\0');
  Write(folder_ / "notes", Note(5) + zeros);
  ASSERT_TRUE(CheckpointFile(folder_ / "notes").Append(Note(9)));
  EXPECT_EQ(Read(folder_ / "notes"), Note(5) + Note(9));
  Write(folder_ / "notes", Note(5) + Note(7).substr(0, 30) + zeros);
  ASSERT_TRUE(CheckpointFile(folder_ / "notes").Append(Note(9)));
  EXPECT_EQ(Read(folder_ / "notes"), Note(5) + Note(9));
}

// A wrong path in the configuration must not cost another program its file.
TEST_F(TornFiles, OfOthersAreAppendedToAndNotCut) {
  for (const std::string& theirs :
       {std::string("root:x:0:0\n"), std::string("no line end"), Note(5) + "something else\n"}) {
    Write(folder_ / "notes", theirs);
    ASSERT_TRUE(CheckpointFile(folder_ / "notes").Append(Note(9)));
    EXPECT_EQ(Read(folder_ / "notes"), theirs + Note(9));
  }
}

TEST_F(TornFiles, AFullDiskLeavesNoHalfNote) {
  CheckpointFile file(folder_ / "notes");
  ASSERT_TRUE(file.Append(Note(5)));
  const auto before = ::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlimit little{Note(5).size() + 20, limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &little), 0);
  const Status full = file.Append(Note(7));
  const std::string left = Read(folder_ / "notes");
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  ::signal(SIGXFSZ, before);
  EXPECT_THAT(full, FailsWith(Reason::kConfiguration));
  EXPECT_EQ(left, Note(5));
  ASSERT_TRUE(file.Append(Note(9)));
  EXPECT_EQ(Read(folder_ / "notes"), Note(5) + Note(7) + Note(9));
}

TEST_F(TornFiles, WhatIsNoFileTakesNothingAndIsSaid) {
  EXPECT_THAT(CheckpointFile(folder_).Append(Note(5)), FailsWith(Reason::kConfiguration));
  std::filesystem::create_symlink(folder_ / "beyond", folder_ / "link");
  ASSERT_TRUE(CheckpointFile(folder_ / "link").Append(Note(5)));
  EXPECT_EQ(Read(folder_ / "beyond"), Note(5));
  EXPECT_TRUE(CheckpointFile("/dev/null").Append(Note(5)));
  EXPECT_THAT(CheckpointFile("/dev/full").Append(Note(5)), FailsWith(Reason::kConfiguration));
}

class Attacked : public KeptLog {
 protected:
  std::string NoteOf(const Signer& signer, std::uint64_t size, const Sha256Digest& root) const {
    audit::Note note{audit::FormatCheckpoint({log_key_.key().name, size, root}), {}};
    note.signatures = {audit::SignatureBy(signer.key(), signer.Sign(note.text))};
    return audit::FormatNote(note);
  }
};

// However it came to be: two notes that no log has both are never both given out.
TEST_F(Attacked, NothingIsSignedThatDoesNotContinueWhatWasGivenOut) {
  for (int i = 0; i < 5; ++i) Append();
  const Sha256Digest other = Sha256(AsBytes("another tree"));
  for (const std::uint64_t size : {AuditSize() - 1, AuditSize() + 1'000}) {
    const std::string fork = NoteOf(log_key_, size, other);
    ASSERT_TRUE(store_->KeepCheckpoint({size, fork}));
    CheckpointKeeper keeper(*store_, log_, Settings());
    while (keeper.Attention().empty()) std::this_thread::yield();
    EXPECT_EQ(keeper.Attention().front().reason, Reason::kStoreRolledBack);
    Append();
    ASSERT_TRUE(store_->AnchorNow());
    keeper.Stop();
    EXPECT_EQ(keeper.newest()->content.root, other);
    EXPECT_EQ((*store_->NewestCheckpoint())->note, fork);
    EXPECT_EQ(Read(root_ / "notes"), "");
  }
}

TEST_F(Attacked, ANoteOfTheSameSizeAndAnotherRootIsNotOverwritten) {
  Append();
  ASSERT_TRUE(store_->AnchorNow());
  const std::string fork =
      NoteOf(log_key_, store_->anchored()->tree_size, Sha256(AsBytes("another tree")));
  ASSERT_TRUE(store_->KeepCheckpoint({store_->anchored()->tree_size, fork}));
  CheckpointKeeper keeper(*store_, log_, Settings());
  while (keeper.Attention().empty()) std::this_thread::yield();
  keeper.Stop();
  EXPECT_EQ((*store_->NewestCheckpoint())->note, fork);
}

// Whoever has the old key would take none of the new ones.
TEST_F(Attacked, AnotherKeyThanBeforeIsSaid) {
  const Signer before("log", audit::NoteKey::Type::kEd25519);
  ASSERT_TRUE(store_->KeepCheckpoint({1, NoteOf(before, 1, Sha256(AsBytes("x")))}));
  CheckpointKeeper keeper(*store_, log_, Settings());
  EXPECT_FALSE(keeper.newest());
  ASSERT_TRUE(keeper.Cover(AuditSize()));
  EXPECT_THAT(Read(log_file_), HasSubstr("checkpoint-key"));
}

TEST_F(Attacked, ASignatureThatTheHsmDoesNotGiveIsSaidWhileItIsWaitedFor) {
  std::latch answer(1);
  CheckpointSettings settings = Settings();
  settings.slow = std::chrono::milliseconds(1);
  settings.sign = [&](BytesView text) -> Result<Bytes> {
    answer.wait();
    return log_key_.Sign(AsText(text));
  };
  CheckpointKeeper keeper(*store_, log_, std::move(settings));
  while (keeper.Attention().empty()) std::this_thread::yield();
  EXPECT_EQ(keeper.Attention().front().reason, Reason::kHsmUnavailable);
  answer.count_down();
  ASSERT_TRUE(keeper.Cover(1));
  while (!keeper.Attention().empty()) std::this_thread::yield();
}

// The `stopped` anchor decides whether the next start has a raise due: no witness delays it.
TEST_F(Attacked, AWitnessThatHangsDoesNotHoldTheStop) {
  std::latch asked(1);
  std::latch answer(1);
  const Signer witness("witness", audit::NoteKey::Type::kCosignature);
  CheckpointSettings settings = Settings();
  std::atomic<bool> first = true;
  settings.witnesses.push_back({witness.key(), [&](std::string_view) -> Result<WitnessAnswer> {
                                  if (first.exchange(false)) asked.count_down();
                                  answer.wait();
                                  return Failure(Reason::kBusy);
                                }});
  CheckpointKeeper keeper(*store_, log_, std::move(settings));
  ASSERT_TRUE(keeper.Cover(1));
  asked.wait();
  keeper.Stop();
  ASSERT_TRUE(store_->Stop(audit::Entry("stop", store::kNow)));
  answer.count_down();
  ASSERT_TRUE(keeper.SignStopped());
  EXPECT_EQ(keeper.newest()->content.size, AuditSize());
}

// Each has one try at the stop, and none waits for another.
TEST_F(Attacked, AtTheStopAWitnessThatHangsHoldsNoOther) {
  std::latch answered(1);
  std::atomic<bool> stopping = false;
  std::atomic<bool> told = false;
  const Signer slow("slow", audit::NoteKey::Type::kCosignature);
  const Signer quick("quick", audit::NoteKey::Type::kCosignature);
  CheckpointSettings settings = Settings();
  settings.witnesses.push_back({slow.key(), [&](std::string_view) -> Result<WitnessAnswer> {
                                  if (stopping) answered.wait();
                                  return Failure(Reason::kBusy);
                                }});
  settings.witnesses.push_back({quick.key(), [&](std::string_view) -> Result<WitnessAnswer> {
                                  if (stopping && !told.exchange(true)) answered.count_down();
                                  return Failure(Reason::kBusy);
                                }});
  CheckpointKeeper keeper(*store_, log_, std::move(settings));
  keeper.Stop();
  ASSERT_TRUE(store_->Stop(audit::Entry("stop", store::kNow)));
  stopping = true;
  EXPECT_TRUE(keeper.SignStopped());
}

TEST_F(Attacked, ManyWhoAskAtOnceGetNotesOfOneLogInOrder) {
  constexpr int kClients = 4;
  constexpr int kRounds = 10;
  const Signer liar("liar", audit::NoteKey::Type::kCosignature);
  const Signer witness("witness", audit::NoteKey::Type::kCosignature);
  const auto cosigned_by = [](const Signer& signer) {
    return [&signer](std::string_view body) -> Result<WitnessAnswer> {
      const auto note = audit::ParseNote(body.substr(body.find("\n\n") + 2));
      if (!note) return Failure(Reason::kMalformed);
      return WitnessAnswer{200, signer.Line(note->text)};
    };
  };
  const Signer other("liar", audit::NoteKey::Type::kCosignature);
  CheckpointSettings settings = Settings();
  settings.witnesses.push_back({liar.key(), cosigned_by(other)});
  settings.witnesses.push_back({witness.key(), cosigned_by(witness)});
  {
    CheckpointKeeper keeper(*store_, log_, std::move(settings));
    std::vector<std::thread> clients;
    std::atomic<int> wrong = 0;
    for (int i = 0; i < kClients; ++i) {
      clients.emplace_back([&] {
        for (int round = 0; round < kRounds; ++round) {
          const auto receipt = store_->Append(audit::Entry("operator", store::kNow));
          if (!receipt) {
            ++wrong;
            continue;
          }
          const auto checkpoint = keeper.Cover(receipt->index + 1);
          if (!checkpoint || checkpoint->content.size <= receipt->index ||
              checkpoint->content.size > store_->anchored()->tree_size) {
            ++wrong;
          }
        }
      });
    }
    for (std::thread& client : clients) client.join();
    EXPECT_EQ(wrong, 0);
    keeper.Stop();
  }
  const std::string notes = Read(root_ / "notes");
  std::string written;
  std::optional<audit::Checkpoint> before;
  const auto list = store_->ListCheckpoints(0, 1'000);
  ASSERT_TRUE(list);
  for (const store::KeptCheckpoint& kept : *list) {
    auto note = audit::ParseNote(kept.note);
    ASSERT_TRUE(note);
    EXPECT_EQ(audit::VerifyNote(*note, liar.key()).verdict,
              audit::SignatureCheck::Verdict::kAbsent);
    const auto content = audit::ParseCheckpoint(note->text);
    ASSERT_TRUE(content);
    note->signatures.resize(1);
    written += audit::FormatNote(*note);
    if (before) {
      const auto proof = store_->ProveConsistency(before->size, content->size);
      ASSERT_TRUE(proof);
      EXPECT_TRUE(audit::VerifyConsistency(before->size, content->size, before->root, content->root,
                                           *proof));
    }
    before = content;
  }
  EXPECT_EQ(notes, written) << "each note that was kept, once and in order";
}

}  // namespace
}  // namespace acb::platform
