// design.md section 4: "Anchor", "The writer", "Outstanding". R-NOW-7, R-128-20.
#include "store/anchors.h"

#include <lmdb.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <semaphore>
#include <thread>

#include "store/anchor.h"
#include "store/audit_tree.h"
#include "tests/store/box.h"

namespace acb::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Call = FakeAnchorObjects::Call;
using Fault = FakeAnchorObjects::Fault;

Anchor SomeAnchor() {
  Anchor anchor;
  anchor.store = {1, 2, 3};
  anchor.token_serial = "0123456789abcdef";
  anchor.epoch = 7;
  anchor.instance = {9};
  anchor.state = Anchor::State::kRunning;
  anchor.window = 4096;
  anchor.raise = 8192;
  anchor.base = 5;
  anchor.tree_size = 1000;
  anchor.root.fill(0xAB);
  return anchor;
}

// "One whose SHA-256 fails does not exist."
TEST(AnchorOctets, DoNotExistWithAnyBitFlippedOrAnyOctetMissing) {
  const Bytes whole = EncodeAnchor(SomeAnchor());
  EXPECT_EQ(whole.size(), 165u) << "FORMAT.md";
  EXPECT_EQ(DecodeAnchor(whole), SomeAnchor());
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    Bytes flipped = whole;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ 1 << bit % 8);
    ASSERT_FALSE(DecodeAnchor(flipped)) << bit;
  }
  for (std::size_t size = 0; size < whole.size(); ++size) {
    ASSERT_FALSE(DecodeAnchor(BytesView(whole).first(size))) << size;
  }
}

// "Higher = greater (epoch, instance), then greater tree size."
TEST(AnchorOctets, AreHigherByEpochThenInstanceThenTreeSize) {
  const Anchor own = SomeAnchor();
  Anchor other = own;
  EXPECT_FALSE(other.IsAbove(own));
  other.tree_size = 1001;
  EXPECT_TRUE(other.IsAbove(own));
  other.instance = {8};
  EXPECT_FALSE(other.IsAbove(own));
  other.epoch = 8;
  EXPECT_TRUE(other.IsAbove(own));
}

constexpr std::uint64_t kWindow = 10;

class Anchored : public StoreTest {
 protected:
  void SetUp() override {
    settings_.anchor_every = kWindow;
    CreateFilled();
    Spend(Id(1));  // from 0 to above the floor: a long move, which is anchored
    ASSERT_EQ(store_->statistics().outstanding, 0u);
    ASSERT_TRUE(SoonLeft(1));
    made_ = Made();
  }
  std::uint64_t Made() { return store_->statistics().anchors_made; }
  // An anchor that nobody waits for is made beside what goes on.
  bool SoonMade(std::uint64_t count) {
    return Soon([&] { return Made() == count; });
  }
  // The old one goes after those who waited for the new one.
  bool SoonLeft(std::size_t count) {
    return Soon([&] { return AnchorsIn(token_).size() == count; });
  }
  Anchor Only() {
    const auto anchors = AnchorsIn(token_);
    EXPECT_EQ(anchors.size(), 1u);
    return anchors.empty() ? Anchor() : anchors.back();
  }
  // Which calls the store makes of the token from now on.
  void Record() {
    {
      const std::lock_guard lock(calls_mutex_);
      calls_.clear();
    }
    objects_.fault = [this](Call call, int) {
      const std::lock_guard lock(calls_mutex_);
      calls_.push_back(call);
      return Fault::kNone;
    };
  }
  std::vector<Call> Calls() {
    const std::lock_guard lock(calls_mutex_);
    return calls_;
  }
  void Fail(Call which, Fault fault = Fault::kFails) {
    objects_.fault = [=](Call call, int) { return call == which ? fault : Fault::kNone; };
  }
  void Mend() { objects_.fault.Clear(); }
  Status Demand() {
    const auto done =
        store_->Suspend({{SuspensionScope::kParty, "SUPA", "SSC", "operator-1", kNow, ""}}, kNow);
    if (!done) return done.error();
    return Done{};
  }
  Status Refuse(const RequestId& id) {
    const std::string body = BodyOf(id);
    const auto done = store_->AppendRefused(
        id, Sha256(AsBytes(body)), audit::Entry("refused", kNow), Reason::kChain, AsBytes(body));
    if (!done) return done.error();
    return Done{};
  }

  std::uint64_t made_ = 0;
  std::uint64_t next_ = 100;
  std::mutex calls_mutex_;
  std::vector<Call> calls_;
};

TEST_F(Anchored, NamesTheTreeThatEndsWithItsEntry) {
  ASSERT_TRUE(Demand());
  ASSERT_TRUE(SoonLeft(1));
  const Anchor anchor = Only();
  EXPECT_EQ(anchor.state, Anchor::State::kRunning);
  EXPECT_EQ(anchor.window, kWindow);
  EXPECT_EQ(anchor.tree_size, AuditSize());
  const auto newest = store_->ReadAudit(AuditSize() - 1, 1);
  ASSERT_TRUE(newest);
  EXPECT_THAT(newest->front(), HasSubstr("\"kind\":\"anchor\""));
  EXPECT_THAT(newest->front(), HasSubstr("\"epoch\":\"" + std::to_string(anchor.epoch) + "\""));
  const auto anchored = store_->anchored();
  ASSERT_TRUE(anchored);
  EXPECT_EQ(anchored->tree_size, anchor.tree_size);
  EXPECT_EQ(anchored->root, anchor.root);
  EXPECT_EQ(anchored->epoch, anchor.epoch);
  EXPECT_EQ(anchored->instance, anchor.instance);
  EXPECT_EQ(store_->statistics().anchored_size, anchor.tree_size);
}

// "For every batch, in this order": flush, object, listing anew, and then its own old one goes.
TEST_F(Anchored, IsCreatedThenListedAnewThenTheOldOneIsDestroyed) {
  Record();
  ASSERT_TRUE(Demand());
  ASSERT_TRUE(SoonLeft(1));
  auto calls = Calls();
  EXPECT_EQ(std::erase(calls, Call::kList), 1u) << "its batch looks, beside";
  EXPECT_THAT(calls, ElementsAre(Call::kCreate, Call::kListAnew, Call::kDestroy));
  Record();
  ASSERT_TRUE(store_->Append(audit::Entry("operator", kNow)));
  EXPECT_THAT(Calls(), ElementsAre(Call::kList)) << "a batch that creates none looks";
  Record();
  EXPECT_THAT(Reserve(Id(1)), FailsWith(Reason::kChangedMeanwhile));
  EXPECT_THAT(Calls(), ElementsAre(Call::kList)) << "also one that only refuses";
}

// "The store is always ahead of the anchor, never behind."
TEST_F(Anchored, IsCreatedAfterItsEntryWasFlushed) {
  std::uint64_t size_at_creation = 0;
  std::uint64_t named = 0;
  objects_.fault = [&](Call call, int) {
    if (call == Call::kCreate) size_at_creation = *store_->AuditSize();
    return Fault::kNone;
  };
  ASSERT_TRUE(Demand());
  ASSERT_TRUE(SoonLeft(1));
  named = Only().tree_size;
  EXPECT_EQ(size_at_creation, named) << "what it names was on the disk";
}

TEST_F(Anchored, IsDueAtHalfAWindow) {
  for (std::uint64_t i = 1; i < kWindow / 2; ++i) {
    Spend(Id(next_++));
    EXPECT_EQ(store_->statistics().outstanding, i);
    EXPECT_EQ(Made(), made_);
  }
  Spend(Id(next_++));
  EXPECT_TRUE(SoonMade(made_ + 1));
  EXPECT_EQ(store_->statistics().outstanding, 0u);
}

// "A long move (floor, proposal, raise) is anchored before the HSM sees it."
TEST_F(Anchored, IsMadeForALongProposalBeforeTheCounterIsHandedOut) {
  const auto counter = Reserve(Id(next_++), kSupplierRole, 1'000'000);
  ASSERT_TRUE(counter);
  EXPECT_EQ(Made(), made_ + 1);
  ASSERT_TRUE(Sign(*counter));
  Fail(Call::kCreate);
  EXPECT_THAT(Reserve(Id(next_++), kSupplierRole, 2'000'000), FailsWith(Reason::kHsmUnavailable));
}

TEST_F(Anchored, IsMadeForALongFloorBeforeTheCounterIsHandedOut) {
  Fail(Call::kCreate);
  EXPECT_THAT(Reserve(Id(next_++), kNetworkRole), FailsWith(Reason::kHsmUnavailable))
      << "from some 1200 to above 5000";
  Mend();
  const auto counter = Reserve(Id(next_++), kNetworkRole);
  ASSERT_TRUE(counter);
  EXPECT_GE(Made(), made_ + 1);
}

// "No reservation is released while it exceeds the window."
TEST_F(Anchored, ReleasesExactlyAWindowOfReservationsWhileNoneCanBeMade) {
  Fail(Call::kCreate);
  std::uint64_t released = 0;
  for (std::uint64_t i = 0; i < 2 * kWindow; ++i) {
    const auto counter = Reserve(Id(next_++));
    if (!counter) {
      EXPECT_THAT(counter, FailsWith(Reason::kHsmUnavailable));
      break;
    }
    ++released;
    ASSERT_TRUE(Sign(*counter)) << "what was released is brought to its end";
  }
  EXPECT_EQ(released, kWindow);
  EXPECT_EQ(Made(), made_);
  EXPECT_TRUE(Refuse(Id(next_++))) << "refusals go on";
  Mend();
  EXPECT_NE(Spend(Id(next_++)), 0u) << "and all goes on when it is back, without a restart";
  EXPECT_TRUE(Soon([&] { return store_->statistics().outstanding < kWindow / 2; }));
}

// A reservation that was flushed and not handed out is given up at once.
TEST_F(Anchored, LeavesNoDeviceBusyWhenItFails) {
  objects_.broken = true;
  EXPECT_THAT(Reserve(Id(next_)), FailsWith(Reason::kHsmUnavailable));
  objects_.broken = false;
  EXPECT_EQ(*store_->UnansweredCount(), 0u);
  EXPECT_EQ(Find(Id(next_))->state, StoredRequest::State::kAbandoned);
  EXPECT_THAT(LastEntry(), HasSubstr("\"reason\":\"HSM_UNAVAILABLE\""));
  const std::uint64_t lost = FindDevice()->last_issued;
  EXPECT_GT(Spend(Id(next_)), lost) << "the RequestID is open again, the counter is spent";
}

// A recovery has the entries alone.
TEST_F(Anchored, NamesTheCountersThatAreAboutToGoToTheHsm) {
  const auto counter = Reserve(Id(next_++), kSupplierRole, 70'000);
  ASSERT_TRUE(counter);
  const auto entries = store_->ReadAudit(0, 1000);
  const auto named = std::ranges::find_if(*entries, [](const std::string& entry) {
    return entry.find(R"("kind":"anchor")") != std::string::npos &&
           entry.find(R"("originator_counter":"70000")") != std::string::npos;
  });
  EXPECT_NE(named, entries->end());
}

// Step 2 failed, step 3 did not.
TEST_F(Anchored, ThatFailsHoldsBackOnlyWhoDemandedIt) {
  Fail(Call::kCreate);
  const std::uint64_t size = AuditSize();
  EXPECT_THAT(Demand(), FailsWith(Reason::kHsmUnavailable));
  EXPECT_GE(AuditSize(), size + 1) << "what was flushed stays";
  EXPECT_FALSE(store_->in_doubt());
  EXPECT_TRUE(Refuse(Id(next_++)));
  EXPECT_THAT(Reserve(Id(next_++)), FailsWith(Reason::kHsmUnavailable))
      << "nothing is given out above what waits for its anchor";
  Mend();
  EXPECT_NE(Spend(Id(next_++)), 0u);
  EXPECT_GT(Made(), made_) << "an earlier attempt failed: it is due";
}

// Step 3 failed: whether another box took over is not known.
TEST_F(Anchored, ThatCannotBeListedHoldsBackEveryone) {
  Fail(Call::kList);
  EXPECT_THAT(Refuse(Id(next_)), FailsWith(Reason::kHsmUnavailable));
  EXPECT_THAT(store_->Confirm(), FailsWith(Reason::kHsmUnavailable));
  EXPECT_THAT(Reserve(Id(next_ + 1)), FailsWith(Reason::kHsmUnavailable));
  EXPECT_FALSE(store_->ended());
  Mend();
  EXPECT_EQ(Find(Id(next_))->state, StoredRequest::State::kRefused) << "recorded all the same";
  EXPECT_TRUE(store_->Confirm());
  EXPECT_NE(Spend(Id(next_ + 2)), 0u);
  Fail(Call::kListAnew);
  const std::uint64_t anchored = store_->statistics().anchored_size;
  EXPECT_THAT(Demand(), FailsWith(Reason::kHsmUnavailable));
  EXPECT_EQ(store_->statistics().anchored_size, anchored) << "made, and not passed";
  Mend();
  EXPECT_TRUE(Demand());
}

TEST_F(Anchored, ThatWasMadeAndReportedAsFailedIsNoSuccessor) {
  Fail(Call::kCreate, Fault::kDoneButFails);
  EXPECT_THAT(Demand(), FailsWith(Reason::kHsmUnavailable));
  EXPECT_TRUE(SoonLeft(1)) << "it is listed: it has passed";
  EXPECT_TRUE(store_->Confirm());
  Mend();
  EXPECT_TRUE(Demand());
  EXPECT_TRUE(SoonLeft(1)) << "it went with the next";
}

TEST_F(Anchored, ThatIsTornHasNotPassed) {
  Fail(Call::kCreate, Fault::kTorn);
  EXPECT_THAT(Demand(), FailsWith(Reason::kHsmUnavailable));
  EXPECT_EQ(Made(), made_);
  Mend();
  EXPECT_TRUE(Demand());
  EXPECT_FALSE(store_->ended());
}

TEST_F(Anchored, WhoseOldOneStaysDestroysItWithTheNext) {
  Fail(Call::kDestroy);
  EXPECT_TRUE(Demand());
  EXPECT_TRUE(Demand());
  EXPECT_EQ(AnchorsIn(token_).size(), 3u);
  Mend();
  EXPECT_TRUE(Demand());
  EXPECT_TRUE(SoonLeft(1));
}

// A token that fills up with old ones starts no box any more.
TEST_F(Anchored, IsNotMadeAnyMoreWhenTooManyOldOnesStay) {
  Fail(Call::kDestroy);
  std::size_t made = 0;
  while (made < 2 * kMaxLeftBehind && Demand()) ++made;
  EXPECT_GE(made, kMaxLeftBehind);
  EXPECT_LT(made, 2 * kMaxLeftBehind);
  EXPECT_LE(AnchorsIn(token_).size(), kMaxLeftBehind + 2);
  EXPECT_THAT(Demand(), FailsWith(Reason::kHsmUnavailable));
  const std::uint64_t counts = store_->statistics().anchored_size;
  EXPECT_TRUE(std::ranges::any_of(AnchorsIn(token_), [counts](const Anchor& anchor) {
    return anchor.tree_size == counts;
  })) << "the one that has passed stays";
  Mend();
  EXPECT_TRUE(Soon([&] { return Demand().has_value(); }));
  EXPECT_TRUE(SoonLeft(1));
}

// What cannot be handed out is not reserved: the counter would be spent, and the same again with
// each request that is repeated.
TEST_F(Anchored, ThatCannotBeMadeCostsNoCounters) {
  EXPECT_TRUE(store_->attention());
  Fail(Call::kListAnew);
  EXPECT_FALSE(Demand());
  EXPECT_THAT(store_->attention(), FailsWith(Reason::kHsmUnavailable));
  const std::uint64_t issued = FindDevice()->last_issued;
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(Reserve(Id(next_)), FailsWith(Reason::kHsmUnavailable));
    EXPECT_THAT(store_->ReserveElsewhere({.device = kDevice,
                                          .proposed = {},
                                          .purpose = "6.24.1",
                                          .client = "dsp.acb.test",
                                          .at = kNow}),
                FailsWith(Reason::kHsmUnavailable));
    EXPECT_THAT(store_->ImportDevices(SourceOf({TestDevice(Eui64(77))}), FeedEntry()),
                FailsWith(Reason::kHsmUnavailable));
  }
  EXPECT_EQ(FindDevice()->last_issued, issued);
  EXPECT_FALSE(FindDevice(Eui64(77))) << "what is answered with a fault was not done";
  Mend();
  EXPECT_TRUE(Soon([&] { return store_->attention().has_value(); }));
  EXPECT_NE(Spend(Id(next_)), 0u);
}

// An entry is spent for each attempt.
TEST_F(Anchored, SpendsNoEntriesWhileTheTokenDoesNotAnswer) {
  Fail(Call::kCreate);
  EXPECT_FALSE(Demand());
  objects_.broken = true;
  const std::uint64_t size = AuditSize();
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(store_->Confirm());
  EXPECT_EQ(AuditSize(), size);
}

TEST_F(Anchored, IsMadeForACheckpointThatAsks) {
  ASSERT_TRUE(store_->Append(audit::Entry("operator", kNow)));
  const std::uint64_t size = AuditSize();
  EXPECT_LT(store_->anchored()->tree_size, size);
  ASSERT_TRUE(store_->AnchorNow());
  EXPECT_GE(store_->anchored()->tree_size, size);
  objects_.broken = true;
  EXPECT_THAT(store_->AnchorNow(), FailsWith(Reason::kHsmUnavailable));
}

// The session works and the process that lists anew does not: each attempt leaves an object behind,
// and a token that is full of them starts no box again.
TEST_F(Anchored, LeavesFewObjectsBehindWhileNoneCanBeListedAnew) {
  Fail(Call::kListAnew);
  for (int i = 0; i < 20; ++i) EXPECT_THAT(Demand(), FailsWith(Reason::kHsmUnavailable));
  EXPECT_LE(AnchorsIn(token_).size(), 2u);
  Fail(Call::kCreate, Fault::kDoneButFails);
  for (int i = 0; i < 20; ++i) EXPECT_THAT(Demand(), FailsWith(Reason::kHsmUnavailable));
  EXPECT_TRUE(Soon([&] { return AnchorsIn(token_).size() <= 2; }));
  Mend();
  EXPECT_TRUE(Demand());
  EXPECT_TRUE(SoonLeft(1));
}

// "At once for: a recorded floor, ... an import, ... an operator's act".
TEST_F(Anchored, IsMadeForAnImportAndAnOperatorsAct) {
  Import({TestDevice(Eui64(77))});
  EXPECT_EQ(Made(), made_ + 1);
  ASSERT_TRUE(Demand());
  EXPECT_EQ(Made(), made_ + 2);
  ASSERT_TRUE(store_->AgreeToLift(
      {{SuspensionScope::kParty, "SUPA", "SSC", "operator-1", kNow, ""}}, kNow));
  EXPECT_EQ(Made(), made_ + 3);
  ASSERT_TRUE(Refuse(Id(next_++)));
  EXPECT_EQ(Made(), made_ + 3) << "not for a refusal";
}

TEST_F(Anchored, GoesOnWithWindowsOfOneAndTwo) {
  for (const std::uint64_t window : {1u, 2u}) {
    settings_.anchor_every = window;
    Reopen();
    for (int i = 0; i < 5; ++i) {
      const std::uint64_t made = Made();
      EXPECT_NE(Spend(Id(next_++)), 0u);
      EXPECT_TRUE(SoonMade(made + 1)) << "each is anchored";
    }
    const std::uint64_t made = Made();
    ASSERT_TRUE(Refuse(Id(next_++)));
    EXPECT_EQ(Made(), made) << "nothing moved";
  }
  for (const std::uint64_t window : {std::uint64_t{0}, OpenSettings::kMaxAnchorEvery + 1}) {
    settings_.anchor_every = window;
    store_.reset();
    EXPECT_THAT(Store::Open(settings_), FailsWith(Reason::kConfiguration));
  }
}

// "Every 60 s while the log grows."
TEST_F(Anchored, IsMadeAfterItsAgeWhenTheLogGrewAndNotOtherwise) {
  Seams seams;
  seams.anchor_age = std::chrono::milliseconds(40);
  seams.look_interval = std::chrono::milliseconds(5);
  Reopen(std::move(seams));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ(Made(), 0u) << "nothing was written since the start";
  ASSERT_TRUE(store_->Append(audit::Entry("operator", kNow)));
  EXPECT_TRUE(Soon([&] { return Made() == 1; }));
  EXPECT_EQ(store_->anchored()->tree_size, AuditSize());
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ(Made(), 1u) << "its own entry is no growth";
  objects_.broken = true;
  EXPECT_THAT(store_->Append(audit::Entry("operator", kNow)), FailsWith(Reason::kHsmUnavailable));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  objects_.broken = false;
  EXPECT_TRUE(Soon([&] { return Made() == 2; })) << "an attempt that failed is made again";
}

// "A store failure of the anchor entry's own commit is doubt as ever."
TEST_F(Anchored, WhoseEntryCannotBeFlushedIsDoubt) {
  int countdown = 0;
  Seams seams;
  seams.commit = [&](MDB_txn* transaction) {
    if (countdown > 0 && --countdown == 0) {
      mdb_txn_abort(transaction);
      return EIO;
    }
    return mdb_txn_commit(transaction);
  };
  Reopen(std::move(seams));
  countdown = 2;  // the act's own commit, then that of the `anchor` entry
  EXPECT_THAT(Demand(), FailsWith(Reason::kStoreInDoubt));
  EXPECT_TRUE(store_->in_doubt());
  EXPECT_THAT(store_->Confirm(), FailsWith(Reason::kStoreInDoubt));
}

// The HSM takes long to make an object: what needs no new anchor goes on meanwhile.
class AnchorInTheMaking : public Anchored {
 protected:
  void SetUp() override {
    Anchored::SetUp();
    objects_.fault = [this](Call call, int) {
      if (call == Call::kCreate && !begun_.exchange(true)) go_.acquire();
      return Fault::kNone;
    };
  }
  void TearDown() override {
    Go();
    for (std::thread& caller : callers_) caller.join();
    // Its threads ask `fault` about the next anchor, which reads what is here.
    store_.reset();
    Anchored::TearDown();
  }
  void Go() {
    if (!gone_.exchange(true)) go_.release();
  }
  // Somebody waits for the anchor that is now in the making.
  void Begin() {
    InParallel([this] { EXPECT_TRUE(Demand()); });
    ASSERT_TRUE(Soon([&] { return begun_.load(); }));
  }
  void InParallel(std::function<void()> call) {
    callers_.emplace_back([this, call = std::move(call)] {
      call();
      ++ended_;
    });
  }

  std::binary_semaphore go_{0};
  std::atomic<bool> begun_ = false;
  std::atomic<bool> gone_ = false;
  std::atomic<int> ended_ = 0;
  std::vector<std::thread> callers_;
};

TEST_F(AnchorInTheMaking, HoldsUpNothingThatNeedsNone) {
  for (std::uint64_t i = 0; i < kWindow / 2; ++i) ASSERT_NE(Spend(Id(next_++)), 0u);
  ASSERT_TRUE(Soon([&] { return begun_.load(); })) << "half a window: it is due";
  for (std::uint64_t i = kWindow / 2; i < kWindow; ++i) EXPECT_NE(Spend(Id(next_++)), 0u);
  EXPECT_TRUE(Refuse(Id(next_++)));
  EXPECT_TRUE(store_->Confirm());
  EXPECT_EQ(Made(), made_);
  EXPECT_EQ(store_->statistics().outstanding, kWindow);
  Go();
  EXPECT_TRUE(SoonMade(made_ + 2)) << "what came while it was made is half a window again";
}

TEST_F(AnchorInTheMaking, HoldsBackWhatIsAboveTheWindowUntilItHasPassed) {
  for (std::uint64_t i = 0; i < kWindow; ++i) ASSERT_NE(Spend(Id(next_++)), 0u);
  InParallel([&] { EXPECT_NE(Spend(Id(99)), 0u); });
  ASSERT_TRUE(Soon([&] { return store_->statistics().outstanding == kWindow + 1; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(ended_, 0);
  Go();
  EXPECT_TRUE(Soon([&] { return ended_ == 1; }));
}

// A floor, an import: the one that is in the making does not name it.
TEST_F(AnchorInTheMaking, IsNotTheOneThatALaterDemandWaitsFor) {
  ASSERT_NO_FATAL_FAILURE(Begin());
  InParallel([&] { Import({TestDevice(Eui64(77))}); });
  ASSERT_TRUE(Soon([&] { return FindDevice(Eui64(77)).has_value(); }));
  EXPECT_EQ(ended_, 0);
  const std::uint64_t size = AuditSize();
  Go();
  ASSERT_TRUE(Soon([&] { return ended_ == 2; }));
  EXPECT_GE(store_->anchored()->tree_size, size);
  EXPECT_GE(Made(), made_ + 2);
}

TEST_F(AnchorInTheMaking, CountsWhatMovesMeanwhileAsOutstanding) {
  for (std::uint64_t i = 0; i < kWindow / 2 + 2; ++i) ASSERT_NE(Spend(Id(next_++)), 0u);
  ASSERT_TRUE(Soon([&] { return begun_.load(); }));
  Go();
  ASSERT_TRUE(SoonMade(made_ + 1));
  EXPECT_GE(store_->statistics().outstanding, 1u);
  EXPECT_LE(store_->statistics().outstanding, 2u);
}

TEST_F(AnchorInTheMaking, ThatFindsASuccessorReleasesNoOneWhoWaits) {
  objects_.stale = token_.List();  // the writer's own look lags
  InParallel([this] { EXPECT_THAT(Demand(), FailsWith(Reason::kOvertaken)); });
  ASSERT_TRUE(Soon([&] { return begun_.load(); }));
  InParallel([&] {
    EXPECT_THAT(Reserve(Id(99), kSupplierRole, 3'000'000), FailsWith(Reason::kOvertaken));
  });
  ASSERT_TRUE(Soon([&] { return store_->statistics().outstanding > kWindow; }));
  Anchor other = Only();
  ++other.epoch;
  token_.Add(EncodeAnchor(other));
  Go();
  EXPECT_TRUE(Soon([&] { return ended_ == 2; }));
  EXPECT_TRUE(store_->overtaken());
}

// Who waits for the next one gets an answer also when the store ends while the last one's old
// objects are destroyed.
TEST_F(AnchorInTheMaking, ThatWillNeverComeKeepsNoOneWaiting) {
  objects_.fault = [this](Call call, int) {
    if (call == Call::kDestroy && !begun_.exchange(true)) go_.acquire();
    return Fault::kNone;
  };
  ASSERT_TRUE(Demand());
  ASSERT_TRUE(Soon([&] { return begun_.load(); }));
  const std::uint64_t size = AuditSize();
  InParallel([this] { EXPECT_THAT(Demand(), FailsWith(Reason::kOvertaken)); });
  ASSERT_TRUE(Soon([&] { return AuditSize() > size; })) << "flushed: it waits for the next anchor";
  Anchor other = AnchorsIn(token_).back();
  ++other.epoch;
  token_.Add(EncodeAnchor(other));
  EXPECT_THAT(store_->Confirm(), FailsWith(Reason::kOvertaken));
  EXPECT_TRUE(Soon([&] { return ended_ == 1; }));
  Go();
}

TEST_F(AnchorInTheMaking, IsEndedBeforeTheStop) {
  ASSERT_NO_FATAL_FAILURE(Begin());
  InParallel([&] { EXPECT_TRUE(store_->Stop(audit::Entry("stop", kNow))); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(ended_, 0);
  Go();
  ASSERT_TRUE(Soon([&] { return ended_ == 2; }));
  EXPECT_EQ(Only().state, Anchor::State::kStopped);
}

class Successor : public Anchored {
 protected:
  // Another box's object appears.
  void Appear(const std::function<void(Anchor&)>& change) {
    Anchor other = Only();
    change(other);
    token_.Add(EncodeAnchor(other));
  }
  void ExpectAllOvertaken() {
    const auto overtaken = FailsWith(Reason::kOvertaken);
    EXPECT_TRUE(store_->overtaken());
    EXPECT_THAT(Reserve(Id(next_++)), overtaken);
    EXPECT_THAT(Refuse(Id(next_++)), overtaken);
    EXPECT_THAT(Demand(), overtaken);
    EXPECT_THAT(store_->Confirm(), overtaken);
    EXPECT_THAT(store_->AnchorNow(), overtaken);
    EXPECT_THAT(store_->Stop(audit::Entry("stop", kNow)), overtaken);
    EXPECT_THAT(store_->ReadAudit(0, 1), overtaken);
    EXPECT_THAT(store_->attention(), overtaken);
    ASSERT_TRUE(store_->ended());
    EXPECT_THAT(store_->ended()->explanation, HasSubstr("acbctl recover"));
  }
};

TEST_F(Successor, OfGreaterEpochReleasesNoOneEverAgain) {
  Appear([](Anchor& other) {
    ++other.epoch;
    other.state = Anchor::State::kClaim;
  });
  EXPECT_THAT(Reserve(Id(next_++)), FailsWith(Reason::kOvertaken));
  token_.Restore({});  // also when it is gone again
  ExpectAllOvertaken();
}

TEST_F(Successor, OfTheSameEpochAndGreaterInstanceReleasesNoOne) {
  Appear([](Anchor& other) { other.instance.fill(0xFF); });
  EXPECT_THAT(Reserve(Id(next_++)), FailsWith(Reason::kOvertaken));
  ExpectAllOvertaken();
}

TEST_F(Successor, OfTheSameStartAndGreaterTreeReleasesNoOne) {
  Appear([](Anchor& other) { other.tree_size += 1; });
  EXPECT_THAT(store_->Confirm(), FailsWith(Reason::kOvertaken));
  ExpectAllOvertaken();
}

// A copy of the running machine, memory and all.
TEST_F(Successor, OfTheSameStartAndTreeSizeWithAnotherRootReleasesNoOne) {
  Appear([](Anchor& other) { other.root.fill(1); });
  EXPECT_THAT(store_->Confirm(), FailsWith(Reason::kOvertaken));
}

TEST_F(Successor, IsNeitherALowerOneNorOneThatIsNotWhole) {
  Appear([](Anchor& other) { --other.epoch; });
  token_.Add(Bytes(200, 0xFF));
  token_.Add({});
  Bytes torn = EncodeAnchor(SomeAnchor());
  torn.back() ^= 1;
  token_.Add(torn);
  EXPECT_NE(Spend(Id(next_++)), 0u);
  EXPECT_TRUE(Demand());
  EXPECT_FALSE(store_->ended());
}

TEST_F(Successor, IsSeenAtAnAnchorAlsoWhenTheWritersOwnListLags) {
  objects_.stale = token_.List();
  Appear([](Anchor& other) { ++other.epoch; });
  EXPECT_TRUE(store_->Confirm()) << "this listing may be behind: a window is allowed for it";
  EXPECT_THAT(Demand(), FailsWith(Reason::kOvertaken));
}

TEST_F(Successor, IsNotMistakenWhenTheListShowsOurOldOne) {
  objects_.stale = token_.List();
  EXPECT_TRUE(Demand());
  EXPECT_TRUE(store_->Confirm());
  EXPECT_NE(Spend(Id(next_++)), 0u);
}

// "So that an overtaken box notices without traffic."
TEST_F(Successor, IsNoticedWithoutTraffic) {
  Seams seams;
  seams.look_interval = std::chrono::milliseconds(5);
  Reopen(std::move(seams));
  EXPECT_FALSE(store_->ended());
  Appear([](Anchor& other) { ++other.epoch; });
  EXPECT_TRUE(Soon([&] { return store_->overtaken(); }));
}

}  // namespace
}  // namespace acb::store
