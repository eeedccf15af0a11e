#include "store/writer.h"

#include <semaphore>
#include <thread>

#include "store/environment.h"
#include "tests/store/store_fixture.h"

namespace acb::store {
namespace {

const Bytes kKeyA = {'a'};
const Bytes kKeyB = {'b'};

// No HSM: these are about jobs and their batches.
class NoAnchors final : public AnchorKeeper {
 public:
  void Note(const BatchWrites&) override {}
  bool IsDue() const override { return false; }
  Status CheckReachable() override { return Done{}; }
  Status AppendAnchorEntry(WriteTransaction&) override { return Done{}; }
  Status LookForSuccessor() override { return Done{}; }
  bool MayReleaseReservations() const override { return true; }
  Status MakeObject() override { return Done{}; }
  void DestroyLower() override {}
};

class WriterTest : public ::testing::Test {
 protected:
  WriterTest() {
    std::string name = (std::filesystem::temp_directory_path() / "acb-writer-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
    EXPECT_TRUE(LmdbEnvironment::Create(root_ / "store"));
    Start(kTestMap);
  }
  ~WriterTest() override {
    writer_.reset();
    environment_.reset();
    std::filesystem::remove_all(root_);
  }
  void Start(std::uint64_t map_size) {
    writer_.reset();
    environment_.reset();
    auto opened = LmdbEnvironment::Open(root_ / "store", map_size, {});
    ASSERT_TRUE(opened) << opened.error().detail;
    environment_ = *std::move(opened);
    writer_ = std::make_unique<Writer>(environment_, std::make_unique<NoAnchors>());
    ASSERT_TRUE(writer_->RunAct(Writer::Gate::kOffline, Writer::Gate::kServing,
                                [] { return Status(Done{}); }));
  }
  bool Has(const Bytes& key) {
    const auto transaction = ReadTransaction::Begin(environment_);
    return transaction && (*transaction).Get(Table::kFeeds, key)->has_value();
  }
  static Status PutA(WriteTransaction& transaction) {
    return transaction.Put(Table::kFeeds, kKeyA, kKeyA);
  }

  // Runs the jobs in one batch: the writer is held up while they queue.
  std::vector<Status> RunTogether(const std::vector<Writer::Work>& jobs) {
    std::binary_semaphore holding(0);
    std::binary_semaphore go(0);
    std::thread holder([&] {
      (void)writer_->Run(Writer::Lane::kFinish, [&](WriteTransaction&) -> Status {
        holding.release();
        go.acquire();
        return Done{};
      });
    });
    holding.acquire();
    std::vector<Status> outcomes(jobs.size(), Done{});
    std::vector<std::thread> callers;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      callers.emplace_back([&, i] { outcomes[i] = writer_->Run(Writer::Lane::kFinish, jobs[i]); });
      while (writer_->counts().queued != i + 1) std::this_thread::yield();  // in order
    }
    go.release();
    holder.join();
    for (std::thread& caller : callers) caller.join();
    return outcomes;
  }

  std::filesystem::path root_;
  std::shared_ptr<LmdbEnvironment> environment_;
  std::unique_ptr<Writer> writer_;
};

TEST_F(WriterTest, WritesWhatIsQueuedInOneCommit) {
  const std::uint64_t before = writer_->counts().commits;
  const auto outcomes = RunTogether(std::vector<Writer::Work>(10, PutA));
  for (const Status& outcome : outcomes) EXPECT_TRUE(outcome);
  EXPECT_EQ(writer_->counts().commits, before + 1);
  EXPECT_TRUE(Has(kKeyA));
}

TEST_F(WriterTest, KeepsTheOthersWhenOneIsRefused) {
  const auto outcomes = RunTogether(
      {PutA, [](WriteTransaction&) -> Status { return Failure(Reason::kCellNotAcb); },
       [](WriteTransaction& transaction) { return transaction.Put(Table::kFeeds, kKeyB, kKeyB); }});
  EXPECT_TRUE(outcomes[0]);
  EXPECT_THAT(outcomes[1], FailsWith(Reason::kCellNotAcb));
  EXPECT_TRUE(outcomes[2]);
  EXPECT_TRUE(Has(kKeyA));
  EXPECT_TRUE(Has(kKeyB));
}

TEST_F(WriterTest, CommitsNothingWhenAllAreRefused) {
  const std::uint64_t before = writer_->counts().commits;
  EXPECT_THAT(writer_->Run(Writer::Lane::kNewWork,
                           [](WriteTransaction&) -> Status { return Failure(Reason::kBusy); }),
              FailsWith(Reason::kBusy));
  EXPECT_EQ(writer_->counts().commits, before);
}

TEST_F(WriterTest, DropsTheBatchOfAJobThatFailsAfterItHasWritten) {
  const auto outcomes = RunTogether({PutA,
                                     [](WriteTransaction& transaction) -> Status {
                                       (void)transaction.Put(Table::kFeeds, kKeyB, kKeyB);
                                       return Failure(Reason::kCellNotAcb);
                                     },
                                     PutA});
  for (const Status& outcome : outcomes) {
    EXPECT_THAT(outcome, FailsWith(Reason::kStoreUnavailable));
  }
  EXPECT_FALSE(Has(kKeyA));
  EXPECT_FALSE(Has(kKeyB));
  EXPECT_TRUE(writer_->Run(Writer::Lane::kFinish, PutA)) << "this is no doubt";
}

TEST_F(WriterTest, DropsTheWholeBatchWhenTheMapIsFullAndSaysWhatToMend) {
  Start(std::uint64_t{256} << 10);
  const auto outcomes =
      RunTogether({PutA, [](WriteTransaction& transaction) {
                     return transaction.Put(Table::kFeeds, kKeyB, Bytes(1 << 20, 1));
                   }});
  for (const Status& outcome : outcomes) {
    ASSERT_THAT(outcome, FailsWith(Reason::kStoreUnavailable));
    EXPECT_NE(outcome.error().detail.find("map_size_gib"), std::string::npos);
  }
  EXPECT_FALSE(Has(kKeyA));
  EXPECT_FALSE(writer_->ended());
  EXPECT_TRUE(writer_->Run(Writer::Lane::kFinish, PutA)) << "small writes still fit";
  Start(kTestMap);
  EXPECT_TRUE(writer_->Run(Writer::Lane::kFinish, [](WriteTransaction& transaction) {
    return transaction.Put(Table::kFeeds, kKeyB, Bytes(1 << 20, 1));
  })) << "a larger map mends it";
}

// A job that holds the writer, and callers that wait behind it.
class Backlog {
 public:
  explicit Backlog(Writer& writer) : writer_(writer) {
    callers_.emplace_back([this] {
      (void)writer_.Run(Writer::Lane::kFinish, [this](WriteTransaction&) -> Status {
        holding_.release();
        go_.acquire();
        return Done{};
      });
    });
    holding_.acquire();
  }

  // Until `count` more of them wait.
  void Queue(Writer::Lane lane, std::size_t count, const Writer::Work& work) {
    queued_ += count;
    for (std::size_t i = 0; i < count; ++i) {
      callers_.emplace_back([this, lane, work] { EXPECT_TRUE(writer_.Run(lane, work)); });
    }
    while (writer_.counts().queued != queued_) std::this_thread::yield();
  }
  void Release() {
    go_.release();
    for (std::thread& caller : callers_) caller.join();
  }

 private:
  Writer& writer_;
  std::binary_semaphore holding_{0};
  std::binary_semaphore go_{0};
  std::size_t queued_ = 0;
  std::vector<std::thread> callers_;
};

Status Nothing(WriteTransaction&) { return Done{}; }

TEST_F(WriterTest, RefusesNewWorkBeforeWorkThatEndsWhatWasBegun) {
  Backlog backlog(*writer_);
  backlog.Queue(Writer::Lane::kNewWork, kMaxQueuedNewWork, Nothing);
  EXPECT_THAT(writer_->Run(Writer::Lane::kNewWork, Nothing), FailsWith(Reason::kBusy));
  backlog.Queue(Writer::Lane::kFinish, 1, Nothing);
  backlog.Release();
}

TEST_F(WriterTest, GivesUpAReservationHoweverMuchIsQueued) {
  Backlog backlog(*writer_);
  backlog.Queue(Writer::Lane::kFinish, kMaxQueued, Nothing);
  EXPECT_THAT(writer_->Run(Writer::Lane::kFinish, Nothing), FailsWith(Reason::kBusy));
  backlog.Queue(Writer::Lane::kGiveUp, 1, PutA);
  backlog.Release();
  EXPECT_TRUE(Has(kKeyA));
}

}  // namespace
}  // namespace acb::store
