#include "firmware/checks/earlier_answer.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_records.h"

namespace acb::checks {
namespace {

using testing::FakeRecords;
using testing::FakeRecordsData;

class EarlierAnswer : public ::testing::Test {
 protected:
  void Store(StoredRequest::State state) {
    StoredRequest stored;
    stored.state = state;
    stored.body = body_;
    data_.requests.insert_or_assign(id_, stored);
  }

  RequestId id_{testing::kSupplierUser, testing::kEsme, 1};
  Sha256Digest body_ = Sha256(AsBytes("a request"));
  FakeRecordsData data_;
};

TEST_F(EarlierAnswer, GivesNothingForARequestNeverSeenOrAbandoned) {
  auto found = FindEarlierAnswer(FakeRecords(data_), id_, body_);
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->has_value());
  Store(StoredRequest::State::kAbandoned);
  found = FindEarlierAnswer(FakeRecords(data_), id_, body_);
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->has_value());
}

TEST_F(EarlierAnswer, GivesTheStoredAnswerForTheSameOctets) {
  for (const auto state : {StoredRequest::State::kSigned, StoredRequest::State::kRefused}) {
    Store(state);
    const auto found = FindEarlierAnswer(FakeRecords(data_), id_, body_);
    ASSERT_TRUE(found && found->has_value());
    EXPECT_EQ((*found)->state, state);
  }
}

TEST_F(EarlierAnswer, GivesNothingForOtherOctetsOrWhileTheAnswerIsNotMade) {
  Store(StoredRequest::State::kSigned);
  const auto other = FindEarlierAnswer(FakeRecords(data_), id_, Sha256(AsBytes("another")));
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->has_value());
  Store(StoredRequest::State::kReserved);
  const auto reserved = FindEarlierAnswer(FakeRecords(data_), id_, body_);
  ASSERT_TRUE(reserved);
  EXPECT_FALSE(reserved->has_value());
}

TEST_F(EarlierAnswer, LeavesAnUnusedOrAbandonedRequestIdOpen) {
  EXPECT_TRUE(CheckRequestIdOpen(FakeRecords(data_), id_, body_));
  Store(StoredRequest::State::kAbandoned);
  EXPECT_TRUE(CheckRequestIdOpen(FakeRecords(data_), id_, body_));
}

TEST_F(EarlierAnswer, RefusesOtherOctetsInEveryState) {
  for (const auto state : {StoredRequest::State::kReserved, StoredRequest::State::kSigned,
                           StoredRequest::State::kRefused, StoredRequest::State::kQuarantined,
                           StoredRequest::State::kAbandoned}) {
    Store(state);
    const Status open = CheckRequestIdOpen(FakeRecords(data_), id_, Sha256(AsBytes("another")));
    ASSERT_FALSE(open);
    EXPECT_EQ(open.error().reason, Reason::kReplay);
  }
}

TEST_F(EarlierAnswer, SaysBusyWhileTheSameOctetsAreWorkedOn) {
  Store(StoredRequest::State::kReserved);
  const Status open = CheckRequestIdOpen(FakeRecords(data_), id_, body_);
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().reason, Reason::kBusy);
}

}  // namespace
}  // namespace acb::checks
