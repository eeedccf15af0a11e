#include "tools/acb-verify/counters.h"

#include <gtest/gtest.h>

#include "tools/acb-verify/entries_report.h"

namespace acb::verify {
namespace {

constexpr const char* kDevice = "00-DB-12-34-56-78-90-A3";
constexpr const char* kOther = "00-DB-12-34-56-78-90-A4";

audit::Object Entry(const char* kind, std::uint64_t counter, const char* device = kDevice) {
  return {{"kind", kind}, {"device", device}, {"originator_counter", std::to_string(counter)}};
}

TEST(CountersOfALog, RiseForEachDeviceOnItsOwn) {
  Counters counters;
  EXPECT_TRUE(counters.See(Entry("signed", 10)));
  EXPECT_TRUE(counters.See(Entry("abandoned", 11)));
  EXPECT_TRUE(counters.See(Entry("signed", 5, kOther)));
  EXPECT_TRUE(counters.See(Entry("reserved-elsewhere", 20)));
  EXPECT_EQ(counters.seen(), 4U);
  EXPECT_EQ(counters.devices(), 2U);
}

TEST(CountersOfALog, AreUsedOnce) {
  for (const char* first : {"signed", "abandoned", "reserved-elsewhere"}) {
    for (const char* second : {"signed", "abandoned", "reserved-elsewhere"}) {
      Counters counters;
      EXPECT_TRUE(counters.See(Entry(first, 10)));
      EXPECT_EQ(counters.See(Entry(second, 10)).error().reason, Reason::kCounterRegression)
          << first << " " << second;
      EXPECT_TRUE(counters.See(Entry(second, 11)));
    }
  }
}

TEST(CountersOfALog, DoNotFall) {
  Counters counters;
  EXPECT_TRUE(counters.See(Entry("signed", 10)));
  EXPECT_FALSE(counters.See(Entry("signed", 9)));
  EXPECT_FALSE(counters.See(Entry("abandoned", 9)));
  EXPECT_FALSE(counters.See(Entry("reserved-elsewhere", 9)));
  EXPECT_TRUE(counters.See(Entry("reserved-elsewhere", 20)));
  EXPECT_FALSE(counters.See(Entry("reserved-elsewhere", 19)));
}

// A handover was reserved, a counter given out for another command, then the handover signed.
TEST(CountersOfALog, MayBeAnsweredAfterOneThatWasGivenOutMeanwhile) {
  Counters counters;
  EXPECT_TRUE(counters.See(Entry("reserved-elsewhere", 11)));
  EXPECT_TRUE(counters.See(Entry("reserved-elsewhere", 12)));
  EXPECT_TRUE(counters.See(Entry("signed", 10)));
  EXPECT_EQ(counters.See(Entry("signed", 12)).error().reason, Reason::kCounterRegression);
  EXPECT_FALSE(counters.See(Entry("reserved-elsewhere", 11)));
  EXPECT_TRUE(counters.See(Entry("signed", 13)));
}

audit::Object EntryAt(std::uint64_t index, const char* kind, std::uint64_t counter) {
  audit::Object entry = Entry(kind, counter);
  entry.emplace("index", std::to_string(index));
  return entry;
}

TEST(CountersOfALog, ThatNoEntryNamesAreCounted) {
  Counters counters;
  EXPECT_TRUE(counters.See(EntryAt(3, "signed", 10)));
  EXPECT_TRUE(counters.See(EntryAt(4, "abandoned", 11)));
  EXPECT_FALSE(counters.first_that_passed());
  EXPECT_TRUE(counters.See(EntryAt(5, "reserved-elsewhere", 15)));
  EXPECT_EQ(counters.passed_over(), 3U);
  EXPECT_EQ(counters.first_that_passed(), 5U);
  // It had waited for its answer.
  EXPECT_TRUE(counters.See(EntryAt(6, "signed", 13)));
  EXPECT_EQ(counters.passed_over(), 2U);
  EXPECT_TRUE(counters.See(EntryAt(7, "signed", 17)));
  EXPECT_EQ(counters.passed_over(), 3U);
  EXPECT_EQ(counters.first_that_passed(), 5U);
}

// Found by an attack: the reviewer was told of 0 counters that were passed over.
TEST(CountersOfALog, ThatAreNamedLaterWereNotPassedOver) {
  Counters counters;
  EXPECT_TRUE(counters.See(EntryAt(3, "signed", 10)));
  EXPECT_TRUE(counters.See(EntryAt(4, "reserved-elsewhere", 12)));
  EXPECT_EQ(counters.passed_over(), 1U);
  EXPECT_TRUE(counters.See(EntryAt(5, "signed", 11)));
  EXPECT_EQ(counters.passed_over(), 0U);
  EXPECT_FALSE(counters.first_that_passed());

  Findings findings;
  ReportEntries(EntryCounts{}, counters, CommandCounts{}, Range{}, nullptr, findings);
  for (const std::string& what : findings.not_verified()) {
    EXPECT_EQ(what.find("passed over"), std::string::npos) << what;
  }
  EXPECT_TRUE(counters.See(EntryAt(6, "signed", 20)));
  EXPECT_EQ(counters.passed_over(), 7U);
  EXPECT_EQ(counters.first_that_passed(), 6U);
}

TEST(CountersOfALog, AreNamedByTheEntriesThatSpendOne) {
  Counters counters;
  EXPECT_EQ(counters.See({{"kind", "signed"}}).error().reason, Reason::kMalformed);
  EXPECT_FALSE(counters.See(Entry("signed", 0)));
  EXPECT_TRUE(counters.See({{"kind", "refused"}}));
  EXPECT_EQ(counters.seen(), 0U);
}

}  // namespace
}  // namespace acb::verify
