// Each flush, failed in two outcomes: failed and lost, failed but kept (style.md).
#include <lmdb.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "tests/store/store_fixture.h"

namespace acb::store {
namespace {

enum class Outcome { kLost, kKept };

// Fails the commit number `at` from when it is armed.
struct Faults {
  int countdown = 0;  // 0: never
  int calls_after = 0;
  Outcome outcome = Outcome::kLost;

  int Commit(MDB_txn* transaction) {
    if (countdown == 0 || --countdown > 0) {
      if (failed) ++calls_after;
      return mdb_txn_commit(transaction);
    }
    failed = true;
    if (outcome == Outcome::kLost) {
      mdb_txn_abort(transaction);
    } else {
      EXPECT_EQ(mdb_txn_commit(transaction), 0);
    }
    return EIO;
  }
  bool failed = false;
};

class Flush : public StoreTest, public ::testing::WithParamInterface<Outcome> {
 protected:
  void SetUp() override {
    faults_.outcome = GetParam();
    Seams seams;
    seams.commit = [this](MDB_txn* transaction) { return faults_.Commit(transaction); };
    CreateFilled(std::move(seams));
  }
  bool Kept() const { return GetParam() == Outcome::kKept; }

  void ExpectAllInDoubt() {
    EXPECT_TRUE(store_->in_doubt());
    const auto doubt = FailsWith(Reason::kStoreInDoubt);
    EXPECT_THAT(store_->Reserve({Id(50, kOtherDevice), {}, kSupplierRole, {}, 0, kNow}), doubt);
    EXPECT_THAT(store_->Append(audit::Entry("stop", kNow)), doubt);
    EXPECT_THAT(store_->AppendRefused(Id(51), Sha256(BytesView()), audit::Entry("refused", kNow),
                                      Reason::kChain, {}),
                doubt);
    EXPECT_THAT(store_->Stop(audit::Entry("stop", kNow)), doubt);
    EXPECT_THAT(store_->ImportCertificates({Bytes{1}}, FeedEntry()), doubt);
    EXPECT_THAT(static_cast<const Store&>(*store_).Open(), doubt);
    EXPECT_THAT(store_->ReadAudit(0, 1), doubt);
    EXPECT_THAT(store_->LoadTrustMaterial(), doubt);
    EXPECT_THAT(store_->FindEvidence({}), doubt);
    EXPECT_EQ(faults_.calls_after, 0) << "a failed flush is not tried again";
  }

  Faults faults_;
};

TEST_P(Flush, OfAReservationLeavesDoubtUntilReopened) {
  faults_.countdown = 1;
  EXPECT_THAT(Reserve(Id(1)), FailsWith(Reason::kStoreInDoubt));
  ExpectAllInDoubt();
  Reopen();
  EXPECT_EQ(FindDevice()->last_issued, Kept() ? kSupplierFloor + 1 : 0);
  EXPECT_EQ(Find(Id(1)).has_value(), Kept());
  EXPECT_EQ(*store_->UnansweredCount(), 0u);
  // An unclean stop: a window is passed over where something had been issued.
  const std::uint64_t issued = Kept() ? kSupplierFloor + 1 : 0;
  EXPECT_EQ(Spend(Id(1)), 1 + std::max(kSupplierFloor, issued + settings_.anchor_every));
}

TEST_P(Flush, OfAnAnswerLeavesDoubtUntilReopened) {
  const auto counter = Reserve(Id(1));
  ASSERT_TRUE(counter);
  const std::uint64_t size = AuditSize();
  faults_.countdown = 1;
  EXPECT_THAT(Sign(*counter, Bytes{7}), FailsWith(Reason::kStoreInDoubt));
  ExpectAllInDoubt();
  Reopen();
  EXPECT_EQ(AuditSize(), size + 1 + 1) << "signed or abandoned, never both, never neither; start";
  const auto stored = Find(Id(1));
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->state,
            Kept() ? StoredRequest::State::kSigned : StoredRequest::State::kAbandoned);
  EXPECT_EQ(stored->command, Kept() ? Bytes{7} : Bytes{});
  EXPECT_EQ(Spend(Id(2)), kSupplierFloor + 2 + settings_.anchor_every);
}

TEST_P(Flush, OfAnAbandonmentLeavesDoubtUntilReopened) {
  auto counter = Reserve(Id(1));
  ASSERT_TRUE(counter);
  const std::uint64_t size = AuditSize();
  faults_.countdown = 1;
  EXPECT_THAT(store_->Abandon(*std::move(counter), Reason::kHsmUnavailable, kNow),
              FailsWith(Reason::kStoreInDoubt));
  ExpectAllInDoubt();
  Reopen();
  EXPECT_EQ(AuditSize(), size + 1 + 1);
  EXPECT_EQ(Find(Id(1))->state, StoredRequest::State::kAbandoned);
}

TEST_P(Flush, OfAnImportKeepsAllOrNothing) {
  const std::uint64_t size = AuditSize();
  faults_.countdown = 1;
  EXPECT_THAT(
      store_->ImportDevices(SourceOf({TestDevice(Eui64(1)), TestDevice(Eui64(2))}), FeedEntry()),
      FailsWith(Reason::kStoreInDoubt));
  ExpectAllInDoubt();
  Reopen();
  EXPECT_EQ(FindDevice(Eui64(1)).has_value(), Kept());
  EXPECT_EQ(FindDevice(Eui64(2)).has_value(), Kept());
  EXPECT_EQ(AuditSize(), (Kept() ? size + 1 : size) + 1) << "start";
}

TEST_P(Flush, OfARefusalLeavesDoubtUntilReopened) {
  faults_.countdown = 1;
  const std::string body = "body";
  EXPECT_THAT(store_->AppendRefused(Id(1), Sha256(AsBytes(body)), audit::Entry("refused", kNow),
                                    Reason::kChain, AsBytes(body)),
              FailsWith(Reason::kStoreInDoubt));
  ExpectAllInDoubt();
  Reopen();
  EXPECT_EQ(Find(Id(1)).has_value(), Kept());
}

INSTANTIATE_TEST_SUITE_P(FailedAnd, Flush, ::testing::Values(Outcome::kLost, Outcome::kKept),
                         [](const auto& parameter) {
                           return parameter.param == Outcome::kLost ? "Lost" : "Kept";
                         });

// The operating system's own failure: the file may not grow.
class FileLimit : public StoreTest {
 protected:
  void SetUp() override {
    CreateFilled();
    before_signal_ = std::signal(SIGXFSZ, SIG_IGN);
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before_), 0);
  }
  void TearDown() override {
    Lift();
    std::signal(SIGXFSZ, before_signal_);
  }
  void Limit(rlim_t octets) {
    const rlimit limit{octets, before_.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  }
  void Lift() { ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before_), 0); }

  rlimit before_{};
  void (*before_signal_)(int) = SIG_DFL;
};

TEST_F(FileLimit, AtACommitIsDoubtAndNothingIsLostThatWasReported) {
  const std::uint64_t spent = Spend(Id(1));
  Limit(std::filesystem::file_size(settings_.directory / "data.mdb"));
  std::uint64_t i = 2;
  Result<ReservedCounter> counter = Reserve(Id(i));
  std::uint64_t last = spent;
  // Free pages in the file are used first.
  for (; counter && i < 1000; counter = Reserve(Id(++i))) {
    last = counter->counter().value();
    if (!Sign(*counter, Bytes(20'000, static_cast<std::uint8_t>(i)))) break;
  }
  ASSERT_TRUE(store_->in_doubt());
  EXPECT_THAT(store_->Append(audit::Entry("stop", kNow)), FailsWith(Reason::kStoreInDoubt));
  Lift();
  EXPECT_THAT(store_->Append(audit::Entry("stop", kNow)), FailsWith(Reason::kStoreInDoubt))
      << "also when there is room again";
  Reopen();
  EXPECT_GE(FindDevice()->last_issued, last);
  EXPECT_GT(Spend(Id(5000)), last);
}

}  // namespace
}  // namespace acb::store
