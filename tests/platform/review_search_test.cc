// The search of the review page (platform/review/search.h) on a store.
#include <algorithm>
#include <set>

#include "platform/review/search.h"
#include "tests/store/store_fixture.h"

namespace acb::review {
namespace {

using store::Id;
using store::kDevice;
using store::kNow;
using store::kOtherDevice;

class ReviewSearch : public store::StoreTest {
 protected:
  void Fill(std::uint64_t count) {
    CreateFilled();
    for (std::uint64_t i = 0; i < count; ++i) {
      audit::Entry entry("refused", kNow.PlusSeconds(static_cast<std::int64_t>(i)));
      const Eui64 device = i % 2 == 0 ? kDevice : kOtherDevice;
      entry.Set("device", device.Hyphenated())
          .Set("reason", i % 2 == 0 ? "CHAIN" : "REPLAY")
          .Set("party", "SUPP")
          .Set("final", true);
      const auto receipt = store_->Append(entry);
      ASSERT_TRUE(receipt);
      if (i == 0) first_ = receipt->index;
      last_ = receipt->index;
    }
  }
  std::uint64_t first_ = 0;
  std::uint64_t last_ = 0;
};

TEST_F(ReviewSearch, OfADeviceGoesOnUntilEveryEntryWasShownOnce) {
  Fill(250);
  std::set<std::uint64_t> seen;
  std::optional<std::uint64_t> before;
  for (int page = 0; page < 10; ++page) {
    const auto found = review::FindDevice(*store_, kDevice, before);
    ASSERT_TRUE(found);
    EXPECT_LE(found->entries.size(), kEntriesShown);
    EXPECT_TRUE(found->device);
    for (const FoundEntry& entry : found->entries) {
      EXPECT_TRUE(seen.insert(entry.index).second) << entry.index;
      EXPECT_LT(entry.index, before.value_or(~std::uint64_t{0}));
    }
    before = found->looked.from;
    if (*before == 0) break;
  }
  EXPECT_EQ(before, 0U);
  EXPECT_EQ(seen.size(), 125U);
}

TEST_F(ReviewSearch, ListsTheEntriesBehindAFigureAndNoOther) {
  Fill(250);
  EntryFilter filter;
  filter.outcome = "refused";
  filter.party = "SUPP";
  filter.reason = "CHAIN";
  filter.from = kNow.PlusSeconds(10);
  filter.to = kNow.PlusSeconds(240);
  std::vector<std::uint64_t> seen;
  std::optional<std::uint64_t> next = first_;
  while (next) {
    const auto found = review::ListEntries(*store_, filter, *next, last_);
    ASSERT_TRUE(found);
    for (const FoundEntry& entry : found->entries) seen.push_back(entry.index);
    next = found->next;
  }
  EXPECT_EQ(seen.size(), 115U);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  EXPECT_EQ(std::set(seen.begin(), seen.end()).size(), seen.size());

  for (const auto& change :
       {+[](EntryFilter& f) { f.outcome = "signed"; }, +[](EntryFilter& f) { f.party = ""; },
        +[](EntryFilter& f) { f.reason = "BUSY"; }, +[](EntryFilter& f) { f.to = f.from; }}) {
    EntryFilter other = filter;
    change(other);
    const auto found = review::ListEntries(*store_, other, first_, last_);
    ASSERT_TRUE(found);
    EXPECT_TRUE(found->entries.empty());
  }
}

TEST_F(ReviewSearch, OfARequestHasItsAnswerAndItsEvidence) {
  CreateFilled();
  ASSERT_GT(Spend(Id(1)), 0U);
  ASSERT_GT(Spend(Id(2)), 0U);
  const auto found = review::FindRequest(*store_, Id(1), {});
  ASSERT_TRUE(found);
  ASSERT_TRUE(found->stored);
  EXPECT_EQ(found->stored->state, StoredRequest::State::kSigned);
  ASSERT_EQ(found->entries.size(), 1U);
  EXPECT_EQ(found->entries[0].index, found->stored->audit.index);

  const auto none = review::FindRequest(*store_, Id(3), {});
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->stored);
  EXPECT_TRUE(none->entries.empty());
}

TEST_F(ReviewSearch, OfARequestHasNoneOfARequestWhoseNumberBeginsAsItsOwn) {
  CreateFilled();
  ASSERT_GT(Spend(Id(7)), 0U);
  ASSERT_GT(Spend(Id(70)), 0U);
  audit::Entry claimed("refused", kNow);
  claimed.Set("claimed_request_id", Id(71).Text()).Set("final", true);
  ASSERT_TRUE(store_->Append(claimed));
  for (const std::uint64_t number : {7U, 70U, 71U}) {
    const auto found = review::FindRequest(*store_, Id(number), {});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->entries.size(), 1U) << number;
  }
}

TEST_F(ReviewSearch, OfARequestHasWhatCameBeforeItsAnswerAndWhatWasObservedOfItsCommandAlone) {
  CreateFilled();
  audit::Entry undecided("refused", kNow);
  undecided.Set("request_id", Id(1).Text()).Set("final", false);
  ASSERT_TRUE(store_->Append(undecided));
  const auto reserved = Reserve(Id(1), store::kSupplierRole);
  ASSERT_TRUE(reserved);
  const std::uint64_t counter = reserved->counter().value();
  const std::string originator = store::kAcb.Hyphenated();
  audit::Entry handed = store::SignedEntry(*reserved);
  handed.Set("request_id", Id(1).Text()).Set("originator", originator);
  ASSERT_TRUE(store_->AppendSigned(*reserved, handed, store::kAcb, {Bytes{1, 2, 3}},
                                   AsBytes(store::BodyOf(Id(1)))));
  const auto observe = [&](std::string_view by, std::uint64_t of) {
    audit::Entry entry("observed", kNow);
    entry.Set("device", kDevice.Hyphenated())
        .Set("originator", by)
        .Set("originator_counter", std::to_string(of));
    const auto receipt = store_->Append(entry);
    ASSERT_TRUE(receipt);
    last_ = receipt->index;
  };
  observe("90-B3-D5-1F-30-00-00-0F", counter);  // a 6.15.1 of somebody with the same counter
  observe(originator, counter + 1);
  observe(originator, counter);
  const auto found = review::FindRequest(*store_, Id(1), {});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->entries.size(), 3U);
  EXPECT_NE(found->entries[0].octets.find("\"final\":false"), std::string::npos);
  EXPECT_EQ(found->entries[1].index, found->stored->audit.index);
  EXPECT_EQ(found->entries[2].index, last_);

  const auto on = review::FindRequest(*store_, Id(1), {}, last_);  // from there on
  ASSERT_TRUE(on);
  ASSERT_EQ(on->entries.size(), 1U);
  EXPECT_EQ(on->entries[0].index, last_);
  EXPECT_EQ(on->looked.from, last_);
  EXPECT_EQ(on->looked.to, on->looked.size);
}

TEST_F(ReviewSearch, OfAnEntryEndsWithTheLog) {
  CreateFilled();
  const std::uint64_t size = AuditSize();
  const auto newest = review::FindEntry(*store_, size - 1);
  ASSERT_TRUE(newest);
  EXPECT_TRUE(newest->has_value());
  for (const std::uint64_t beyond : {size, size + 1, ~std::uint64_t{0}}) {
    const auto none = review::FindEntry(*store_, beyond);
    ASSERT_TRUE(none);
    EXPECT_FALSE(none->has_value());
  }
  const auto list = review::ListEntries(*store_, {}, size, ~std::uint64_t{0});
  ASSERT_TRUE(list);
  EXPECT_TRUE(list->entries.empty());
  const auto all = review::ListEntries(*store_, {}, 0, ~std::uint64_t{0});
  ASSERT_TRUE(all);
  EXPECT_EQ(all->entries.size(), size);
}

}  // namespace
}  // namespace acb::review
