// design.md section 4: "Start", "Clean stop", "Why this holds". R-NOW-7, R-SEC3-78, R-128-20.
#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "tests/store/box.h"
#include "tests/store/raw_store.h"

namespace acb::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Call = FakeAnchorObjects::Call;
using Fault = FakeAnchorObjects::Fault;

constexpr std::uint64_t kWindow = 10;

class Start : public StoreTest {
 protected:
  void SetUp() override {
    settings_.anchor_every = kWindow;
    CreateFilled();
    Spend(Id(1));
  }
  Status TryStart() {
    store_.reset();
    auto opened = Store::Open(settings_);
    if (!opened) return std::move(opened).error();
    store_ = *std::move(opened);
    return store_->Start(objects_, OrderToStart());
  }
  void Stop() { ASSERT_TRUE(store_->Stop(audit::Entry("stop", kNow))); }
  Anchor Top() {
    const auto anchors = AnchorsIn(token_);
    EXPECT_FALSE(anchors.empty());
    return anchors.empty() ? Anchor() : anchors.back();
  }
  // As a process that dies at its call number `at` of the token: none of the later ones happens.
  void StartKilledAt(int at) {
    store_.reset();
    const int before = objects_.calls();
    objects_.fault = [&](Call, int number) {
      return number >= before + at ? Fault::kFails : Fault::kNone;
    };
    (void)TryStart();
    store_.reset();
    objects_.fault.Clear();
  }
  std::uint64_t NextAfterStart() {
    EXPECT_TRUE(TryStart());
    return Spend(Id(next_++));
  }
  void Change(const std::function<void(Anchor&)>& change) {
    Anchor anchor = Top();
    change(anchor);
    token_.Restore({EncodeAnchor(anchor)});
  }
  std::uint64_t next_ = 100;
};

TEST_F(Start, TakesItsFiveSteps) {
  Stop();
  const Anchor before = Top();
  std::vector<Call> calls;
  std::vector<std::vector<Anchor>> seen;
  objects_.fault = [&](Call call, int) {
    calls.push_back(call);
    seen.push_back(AnchorsIn(token_));
    return Fault::kNone;
  };
  ASSERT_TRUE(TryStart());
  EXPECT_THAT(calls, ElementsAre(Call::kListAnew, Call::kCreate, Call::kListAnew, Call::kCreate,
                                 Call::kListAnew, Call::kDestroy, Call::kDestroy));
  const Anchor claim = seen[2].back();
  EXPECT_EQ(claim.state, Anchor::State::kClaim);
  EXPECT_EQ(claim.epoch, before.epoch + 1) << "1 + the greatest listed, after a clean stop too";
  EXPECT_NE(claim.instance, before.instance);
  const Anchor running = Top();
  EXPECT_EQ(AnchorsIn(token_).size(), 1u) << "the lower ones are gone";
  EXPECT_EQ(running.state, Anchor::State::kRunning);
  EXPECT_EQ(running.start(), claim.start());
  EXPECT_EQ(running.tree_size, AuditSize());
  EXPECT_THAT(LastEntry(), HasSubstr("\"kind\":\"start\""));
  EXPECT_THAT(LastEntry(), HasSubstr("\"epoch\":\"" + std::to_string(running.epoch) + "\""));
  EXPECT_THAT(LastEntry(), HasSubstr("\"instance\":\"" + ToHex(running.instance) + "\""));
  EXPECT_THAT(LastEntry(), HasSubstr("\"raise\":\"0\""));
}

TEST_F(Start, IsNeededBeforeAnythingIsWritten) {
  store_.reset();
  Open();
  const auto not_started = FailsWith(Reason::kStoreUnavailable);
  EXPECT_THAT(Reserve(Id(5)), not_started);
  EXPECT_THAT(store_->Append(audit::Entry("operator", kNow)), not_started);
  EXPECT_THAT(store_->ImportCertificates({Bytes{1}}, FeedEntry()), not_started);
  EXPECT_THAT(store_->Confirm(), not_started);
  EXPECT_THAT(store_->AnchorNow(), not_started);
  EXPECT_THAT(store_->Stop(audit::Entry("stop", kNow)), not_started);
  EXPECT_FALSE(store_->anchored());
  EXPECT_TRUE(store_->ReadAudit(0, 1)) << "reading is free";
  EXPECT_TRUE(store_->Start(objects_, OrderToStart()));
  EXPECT_TRUE(Reserve(Id(5)));
  EXPECT_THAT(store_->Start(objects_, OrderToStart()), not_started) << "only once";
}

// "Absent is not zero".
TEST_F(Start, RefusesATokenWithoutAnAnchor) {
  Stop();
  const auto kept = token_.List();
  token_.Restore({});
  const auto refused = TryStart();
  ASSERT_THAT(refused, FailsWith(Reason::kAnchorMissing));
  EXPECT_THAT(refused.error().explanation, HasSubstr("acbctl recover"));
  token_.Restore({Bytes(100, 3)});
  EXPECT_THAT(TryStart(), FailsWith(Reason::kAnchorMissing)) << "what is not whole is not there";
  token_.Restore(kept);
  EXPECT_TRUE(TryStart());
}

TEST_F(Start, RefusesATokenWithAClaimAlone) {
  Stop();
  const auto kept = token_.List();
  Change([](Anchor& anchor) { anchor.state = Anchor::State::kClaim; });
  EXPECT_THAT(TryStart(), FailsWith(Reason::kAnchorMissing));
  token_.Restore(kept);
  EXPECT_TRUE(TryStart());
}

TEST_F(Start, RefusesTheAnchorOfAnotherStoreOrToken) {
  Stop();
  const auto kept = token_.List();
  Change([](Anchor& anchor) { anchor.store = {9}; });
  auto refused = TryStart();
  ASSERT_THAT(refused, FailsWith(Reason::kAnchorForeign));
  EXPECT_THAT(refused.error().explanation, HasSubstr("another store"));
  token_.Restore(kept);
  Change([](Anchor& anchor) { anchor.token_serial = "another"; });
  refused = TryStart();
  ASSERT_THAT(refused, FailsWith(Reason::kAnchorForeign));
  EXPECT_THAT(refused.error().explanation, HasSubstr("another"));
  token_.Restore(kept);
  EXPECT_TRUE(TryStart());
}

TEST_F(Start, RefusesAStoreWhoseEpochIsAboveEveryOneListed) {
  const auto before = token_.List();
  const std::uint64_t seen = Top().epoch;
  Reopen();
  Stop();
  token_.Restore(before);  // the token was put back
  const auto refused = TryStart();
  ASSERT_THAT(refused, FailsWith(Reason::kStoreRolledBack));
  EXPECT_THAT(refused.error().explanation, HasSubstr("epoch " + std::to_string(seen + 1)));
  EXPECT_THAT(refused.error().explanation, HasSubstr("token was put back"));
}

TEST_F(Start, RefusesAStoreThatIsOlderThanItsAnchorAndSaysBothSizes) {
  Stop();
  const auto copy = root_ / "copy";
  store_.reset();
  CopyStore(settings_.directory, copy);
  ASSERT_TRUE(TryStart());
  const std::uint64_t size = AuditSize();
  Stop();
  store_.reset();
  CopyStore(copy, settings_.directory);
  const auto refused = TryStart();
  ASSERT_THAT(refused, FailsWith(Reason::kStoreRolledBack));
  EXPECT_THAT(refused.error().explanation, HasSubstr(std::to_string(size + 1) + " entries"));
  EXPECT_THAT(refused.error().explanation, HasSubstr("acbctl recover"));
}

TEST_F(Start, RefusesAStoreOfTheSameLengthWithOtherEntries) {
  Stop();
  Change([](Anchor& anchor) { anchor.root.fill(7); });
  const auto refused = TryStart();
  ASSERT_THAT(refused, FailsWith(Reason::kStoreRolledBack));
  EXPECT_THAT(refused.error().explanation, HasSubstr("are others"));
}

TEST_F(Start, LeavesNoClaimBehindWhenItRefusesAfterIt) {
  Stop();
  const Anchor top = Top();
  objects_.fault = [&](Call call, int) {
    if (call == Call::kListAnew && AnchorsIn(token_).back().state == Anchor::State::kClaim) {
      Anchor other = top;  // the running one has anchored meanwhile
      other.tree_size += 100;
      token_.Add(EncodeAnchor(other));
    }
    return Fault::kNone;
  };
  EXPECT_THAT(TryStart(), FailsWith(Reason::kStoreRolledBack)) << "a top that is not contained";
  objects_.fault.Clear();
  ASSERT_FALSE(AnchorsIn(token_).empty());
  for (const Anchor& anchor : AnchorsIn(token_)) {
    EXPECT_NE(anchor.state, Anchor::State::kClaim);
  }
}

// "raise = the top's raise + (running: the top's window; stopped: 0)". R-SEC3-78.
TEST_F(Start, PassesAWindowAfterEachUncleanStopAndNoneAfterACleanOne) {
  std::uint64_t last = FindDevice()->last_issued;
  for (int i = 1; i <= 3; ++i) {
    store_.reset();  // killed
    EXPECT_EQ(NextAfterStart(), last + kWindow + 1) << i;
    last += kWindow + 1;
    EXPECT_EQ(Top().raise, kWindow * static_cast<std::uint64_t>(i));
  }
  for (int i = 0; i < 3; ++i) {
    Stop();
    EXPECT_EQ(NextAfterStart(), ++last);
    EXPECT_EQ(Top().raise, 3 * kWindow);
  }
}

// It may be one that a lost log knew.
TEST_F(Start, PassesTheWindowsForADeviceThatComesAfterThem) {
  ASSERT_TRUE(TryStart());
  constexpr Eui64 kNew{0x00DB123456789FFF};
  Device device = TestDevice(kNew);
  device.supplier = OfAcb(0);
  Import({device});
  EXPECT_EQ(Spend(Id(1, kNew)), kWindow + 1);
}

// Each start that follows an unclean one adds a window, also to a device that nobody used.
TEST_F(Start, AddsUpWindowsForADeviceThatIsNotUsed) {
  const std::uint64_t last = FindDevice()->last_issued;
  for (int i = 0; i < 5; ++i) {
    store_.reset();
    ASSERT_TRUE(TryStart());
  }
  EXPECT_EQ(Spend(Id(next_++)), last + 5 * kWindow + 1);
}

TEST_F(Start, PassesTheWindowOfTheAnchorWhenTheConfigurationHasAnother) {
  const std::uint64_t last = FindDevice()->last_issued;
  store_.reset();
  settings_.anchor_every = 2;
  EXPECT_EQ(NextAfterStart(), last + kWindow + 1) << "that of the run before";
  store_.reset();
  settings_.anchor_every = 1000;
  EXPECT_EQ(NextAfterStart(), last + kWindow + 1 + 2 + 1);
  EXPECT_EQ(Top().window, 1000u);
}

// Base and raise of the store and of the token: the greater counts, and none is ever lowered.
TEST_F(Start, TakesTheGreaterBaseOfStoreAndToken) {
  Stop();
  Change([](Anchor& anchor) { anchor.base = 1'000'000; });
  EXPECT_EQ(NextAfterStart(), 1'000'001u);
  EXPECT_EQ(Top().base, 1'000'000u);
  Stop();
  Change([](Anchor& anchor) { anchor.base = 0; });
  EXPECT_EQ(NextAfterStart(), 1'000'002u);
  EXPECT_EQ(Top().base, 1'000'000u);
}

TEST_F(Start, NeverLowersTheRaiseOfTheStore) {
  store_.reset();
  ASSERT_TRUE(TryStart());
  Stop();
  const std::uint64_t last = FindDevice()->last_issued;
  Change([](Anchor& anchor) { anchor.raise = 0; });
  EXPECT_GT(NextAfterStart(), last + kWindow);
  EXPECT_EQ(Top().raise, kWindow);
}

TEST_F(Start, RefusesWhenNoRaiseIsLeftAndNeverWraps) {
  Stop();
  Change([](Anchor& anchor) {
    anchor.state = Anchor::State::kRunning;
    anchor.raise = kMaxSeqNumber - anchor.window + 1;
  });
  EXPECT_THAT(TryStart(), FailsWith(Reason::kCounterExhausted));
  EXPECT_EQ(AnchorsIn(token_).size(), 1u) << "no claim stays";
  Change([](Anchor& anchor) { anchor.raise = kMaxSeqNumber - anchor.window; });
  EXPECT_TRUE(TryStart());
  EXPECT_THAT(Reserve(Id(next_++)), FailsWith(Reason::kCounterExhausted));
}

// Each call of the token fails, in each way; then it starts as if nothing had been, and no counter
// comes twice.
TEST_F(Start, GoesOnAfterAFaultAtAnyCall) {
  std::uint64_t last = FindDevice()->last_issued;
  for (const Fault how : {Fault::kFails, Fault::kDoneButFails, Fault::kTorn}) {
    for (int at = 1; at <= 7; ++at) {
      SCOPED_TRACE(::testing::Message() << "call " << at << ", fault " << static_cast<int>(how));
      store_.reset();
      const int before = objects_.calls();
      objects_.fault = [&](Call, int number) { return number == before + at ? how : Fault::kNone; };
      const auto started = TryStart();
      objects_.fault.Clear();
      if (!started) {
        EXPECT_THAT(started, FailsWith(Reason::kHsmUnavailable));
        ASSERT_TRUE(store_->Start(objects_, OrderToStart())) << "the same object";
      }
      const std::uint64_t spent = Spend(Id(next_++));
      EXPECT_GT(spent, last);
      last = spent;
    }
  }
}

// Killed at any call: what it had done stays.
TEST_F(Start, GoesOnAfterAKillAtAnyCall) {
  std::uint64_t last = FindDevice()->last_issued;
  for (int at = 1; at <= 7; ++at) {
    SCOPED_TRACE(at);
    StartKilledAt(at);
    const std::uint64_t spent = NextAfterStart();
    EXPECT_GT(spent, last);
    last = spent;
  }
}

// Found by an attack: after 512 starts that died the token was full, and nothing led out of it.
TEST_F(Start, LeavesNoMoreObjectsHoweverManyStartsDie) {
  std::uint64_t last = FindDevice()->last_issued;
  std::size_t most = 0;
  for (int died = 0; died < 40; ++died) {
    StartKilledAt(3 + died % 12);
    most = std::max(most, token_.List().size());
  }
  EXPECT_LE(most, 5u) << "the top, a claim, and what the last start made";
  EXPECT_GT(NextAfterStart(), last);
  EXPECT_EQ(token_.List().size(), 1u);
}

// design.md section 6: "start compares the signed entries since the last two anchors with the
// counters".
TEST_F(Start, RefusesCountersThatAreBelowTheSignedEntries) {
  RawRecord old;
  store_.reset();
  {
    RawStore raw(settings_.directory);
    old = raw.List(Table::kCounters).front();
  }
  ASSERT_TRUE(TryStart());
  Spend(Id(next_++));
  store_.reset();
  RawRecord good;
  {
    RawStore raw(settings_.directory);
    good = raw.List(Table::kCounters).front();
    raw.Put(Table::kCounters, old);  // a write that was lost
  }
  const auto refused = TryStart();
  ASSERT_THAT(refused, FailsWith(Reason::kRecordDamaged));
  EXPECT_THAT(refused.error().detail, HasSubstr("table counters"));
  store_.reset();
  RawStore(settings_.directory).Put(Table::kCounters, good);
  EXPECT_TRUE(TryStart());
}

using Provision = Start;

TEST_F(Provision, MakesTheFirstAnchorOfAnEmptyToken) {
  FakeToken token("fresh");
  FakeAnchorObjects objects(token);
  settings_.directory = root_ / "another";
  ASSERT_TRUE(Store::Create(settings_.directory, {Environment::kTest, StoreId{5}, kNow}));
  Open();
  ASSERT_TRUE(store_->Provision(objects, audit::Entry("provision", kNow), 77));
  const auto anchors = AnchorsIn(token);
  ASSERT_EQ(anchors.size(), 1u);
  EXPECT_EQ(anchors[0].epoch, 1u);
  EXPECT_EQ(anchors[0].state, Anchor::State::kStopped);
  EXPECT_EQ(anchors[0].raise, 0u);
  EXPECT_EQ(anchors[0].base, 0u);
  EXPECT_EQ(anchors[0].window, 77u);
  EXPECT_EQ(anchors[0].tree_size, 1u);
  EXPECT_EQ(anchors[0].token_serial, "fresh");
  EXPECT_EQ(anchors[0].store, (StoreId{5}));
  EXPECT_THAT(LastEntry(), HasSubstr("\"kind\":\"provision\""));
  EXPECT_TRUE(store_->Start(objects, OrderToStart())) << "and it starts";
}

TEST_F(Provision, RefusesATokenThatHoldsAnAnchor) {
  settings_.directory = root_ / "another";
  ASSERT_TRUE(Store::Create(settings_.directory, {Environment::kTest, StoreId{5}, kNow}));
  Open();
  const auto refused = store_->Provision(objects_, audit::Entry("provision", kNow), 77);
  ASSERT_THAT(refused, FailsWith(Reason::kAnchorForeign));
  EXPECT_THAT(refused.error().explanation, HasSubstr("holds an anchor already"));
  EXPECT_EQ(AuditSize(), 0u) << "nothing was written";
  token_.Restore({Bytes(10, 1)});
  EXPECT_TRUE(store_->Provision(objects_, audit::Entry("provision", kNow), 77))
      << "what is not whole does not exist";
}

// Absent is not zero: a store that lost its anchor is recovered, not provisioned again.
TEST_F(Provision, RefusesAStoreThatHadAnAnchor) {
  store_.reset();
  Open();
  token_.Restore({});
  EXPECT_THAT(store_->Provision(objects_, audit::Entry("provision", kNow), 77),
              FailsWith(Reason::kAnchorMissing));
}

using CleanStop = Start;

TEST_F(CleanStop, AbandonsWhatIsUnansweredAndWritesNothingAfterItsEntry) {
  const auto counter = Reserve(Id(50));
  ASSERT_TRUE(counter);
  Stop();
  EXPECT_EQ(*store_->UnansweredCount(), 0u);
  EXPECT_EQ(Find(Id(50))->state, StoredRequest::State::kAbandoned);
  EXPECT_THAT(LastEntry(), HasSubstr("\"kind\":\"stop\""));
  const std::uint64_t size = AuditSize();
  const Anchor anchor = Top();
  EXPECT_EQ(AnchorsIn(token_).size(), 1u);
  EXPECT_EQ(anchor.state, Anchor::State::kStopped);
  EXPECT_EQ(anchor.tree_size, size) << "it ends with `stop`";
  const auto stopped = FailsWith(Reason::kStoreUnavailable);
  EXPECT_THAT(Sign(*counter), stopped) << "a late result is destroyed";
  EXPECT_THAT(Reserve(Id(51)), stopped);
  EXPECT_THAT(store_->Append(audit::Entry("operator", kNow)), stopped);
  EXPECT_THAT(store_->Confirm(), stopped);
  EXPECT_THAT(store_->AnchorNow(), stopped);
  EXPECT_THAT(store_->Stop(audit::Entry("stop", kNow)), stopped);
  EXPECT_THAT(store_->Start(objects_, OrderToStart()), stopped);
  EXPECT_EQ(AuditSize(), size);
}

TEST_F(CleanStop, ThatCouldNotSayItIsFollowedByAWindow) {
  const std::uint64_t last = FindDevice()->last_issued;
  objects_.broken = true;
  EXPECT_THAT(store_->Stop(audit::Entry("stop", kNow)), FailsWith(Reason::kHsmUnavailable));
  EXPECT_THAT(Reserve(Id(51)), FailsWith(Reason::kStoreUnavailable)) << "nothing after it";
  objects_.broken = false;
  EXPECT_EQ(NextAfterStart(), last + kWindow + 1);
}

TEST_F(CleanStop, OfAnOvertakenBoxSaysSo) {
  Anchor other = Top();
  ++other.epoch;
  token_.Add(EncodeAnchor(other));
  EXPECT_THAT(store_->Stop(audit::Entry("stop", kNow)), FailsWith(Reason::kOvertaken));
}

// Two boxes with copies of one store.
class TwoBoxes : public Start {
 protected:
  void SetUp() override {
    Start::SetUp();
    Stop();
    store_.reset();
    CopyAside();
  }
  void CopyAside() { CopyStore(settings_.directory, root_ / "copy"); }
  Box Make(const std::string& name) {
    CopyStore(root_ / "copy", root_ / name);
    return Box(token_, settings_, root_ / name);
  }
};

TEST_F(TwoBoxes, TheSecondStartsOnlyWithTheLogOfTheFirst) {
  Box a = Make("a");
  Box b = Make("b");
  ASSERT_TRUE(a.Start());
  EXPECT_THAT(b.Start(), FailsWith(Reason::kStoreRolledBack));
  ASSERT_TRUE(a.Spend(Id(7)));
  EXPECT_FALSE(a.store->ended()) << "b made no claim";
}

TEST_F(TwoBoxes, ACopyOfTheRunningOneTakesOverAndTheFirstSignsNoMore) {
  Box a = Make("a");
  ASSERT_TRUE(a.Start());
  ASSERT_TRUE(a.Spend(Id(7)));
  CopyStore(a.settings.directory, root_ / "copy");
  Box b = Make("b");
  const auto last = a.Spend(Id(8));
  ASSERT_TRUE(last);
  ASSERT_TRUE(b.Start()) << "within a window of the anchor";
  EXPECT_THAT(a.Spend(Id(9)), FailsWith(Reason::kOvertaken));
  EXPECT_TRUE(a.store->overtaken());
  const auto next = b.Spend(Id(8));
  ASSERT_TRUE(next);
  EXPECT_GT(*next, *last) << "b never saw that counter";
}

// Each box is held before each of its calls until it is its turn: all orders of the first calls.
class Turns {
 public:
  explicit Turns(std::string order) : order_(std::move(order)) {}
  void Await(char who) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      while (at_ < order_.size() && ended_.find(order_[at_]) != std::string::npos) ++at_;
      return at_ >= order_.size() || order_[at_] == who;
    });
    if (at_ < order_.size()) ++at_;
    changed_.notify_all();
  }
  void End(char who) {
    const std::lock_guard lock(mutex_);
    ended_ += who;
    changed_.notify_all();
  }

 private:
  const std::string order_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t at_ = 0;
  std::string ended_;
};

TEST_F(TwoBoxes, StartedAtTheSameTimeNeverBothGiveOutACounterInAnyOrder) {
  const auto anchors = token_.List();
  std::string order = "AAAAABBBBB";  // list, claim, list, running, list
  int orders = 0;
  int both_refused = 0;
  do {
    SCOPED_TRACE(order);
    token_.Restore(anchors);
    Box a = Make("a");
    Box b = Make("b");
    Turns turns(order);
    a.objects.fault = [&](Call, int) { return turns.Await('A'), Fault::kNone; };
    b.objects.fault = [&](Call, int) { return turns.Await('B'), Fault::kNone; };
    std::optional<std::uint64_t> spent_a, spent_b;
    const auto run = [&](Box& box, char who, std::optional<std::uint64_t>& spent) {
      if (box.Start()) {
        if (const auto counter = box.Spend(Id(7))) spent = *counter;
      }
      turns.End(who);
    };
    std::thread thread([&] { run(a, 'A', spent_a); });
    run(b, 'B', spent_b);
    thread.join();
    if (spent_a && spent_b) {
      EXPECT_NE(*spent_a, *spent_b);
    }
    both_refused += !spent_a && !spent_b ? 1 : 0;
    ++orders;
    // Whoever is left can start again: nobody is stuck.
    a.Kill();
    b.Kill();
    a.objects.fault.Clear();
    b.objects.fault.Clear();
    EXPECT_TRUE(a.Start() || b.Start());
    if (HasFailure()) break;
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_EQ(orders, 252);
  RecordProperty("both_refused", both_refused);
}

// "After step 5 no older state of the store, and no copy of it, can start": a small run, copied
// before every step, and each copy put back.
class Rollback : public Start {};

TEST_F(Rollback, ToEveryEarlierCopyOfARunNeverRepeatsACounter) {
  constexpr int kCopies = 40;
  std::uint64_t greatest = FindDevice()->last_issued;
  std::vector<std::filesystem::path> copies;
  int started = 0;
  int refused = 0;
  const auto copy_to = [&](int i) { return root_ / ("copy-" + std::to_string(i)); };
  for (int i = 0; i < kCopies; ++i) {
    CopyStore(settings_.directory, copy_to(i));  // a running one, between commits
    const std::uint64_t spent = Spend(Id(next_++));
    EXPECT_GT(spent, greatest);
    greatest = std::max(greatest, spent);
    if (i % 13 == 5) {
      store_.reset();
      ASSERT_TRUE(TryStart());
    }
    if (i % 13 == 11) Reopen();
  }
  for (int i = kCopies; i-- > 0;) {
    SCOPED_TRACE(i);
    store_.reset();
    CopyStore(copy_to(i), settings_.directory);
    const auto start = TryStart();
    if (!start) {
      EXPECT_THAT(start, FailsWith(Reason::kStoreRolledBack));
      ++refused;
      continue;
    }
    ++started;
    const std::uint64_t spent = Spend(Id(next_++));
    EXPECT_GT(spent, greatest) << "a counter came twice or went back";
    greatest = std::max(greatest, spent);
  }
  EXPECT_GE(started, 1) << "copies of the last window";
  EXPECT_GE(refused, kCopies / 2) << "older ones";
}

}  // namespace
}  // namespace acb::store
