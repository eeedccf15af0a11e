#include "firmware/base/time.h"

#include <gtest/gtest.h>

namespace acb {
namespace {

TEST(IsoTime, CountsMillisecondsFrom1970) {
  EXPECT_EQ(UtcTime::FromIso("1970-01-01T00:00:00Z"), UtcTime(0));
  EXPECT_EQ(UtcTime::FromIso("2026-11-21T12:00:00Z"), UtcTime::FromSeconds(1795262400));
  EXPECT_EQ(UtcTime::FromIso("1969-12-31T23:59:59.999Z"), UtcTime(-1));
  EXPECT_EQ(UtcTime::FromIso("0001-01-01T00:00:00Z"), UtcTime::FromSeconds(-62135596800));
  EXPECT_EQ(UtcTime::FromIso("9999-12-31T23:59:59Z"), UtcTime::FromSeconds(253402300799));
}

TEST(IsoTime, IsWrittenAsItIsRead) {
  for (const std::string_view text :
       {"1970-01-01T00:00:00.000Z", "2026-11-21T12:34:56.789Z", "2024-02-29T23:59:59.999Z",
        "1969-12-31T23:59:59.999Z", "0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z",
        "1900-03-01T00:00:00.001Z"}) {
    const auto time = UtcTime::FromIso(text);
    ASSERT_TRUE(time) << text;
    EXPECT_EQ(time->Iso(), text);
  }
}

TEST(IsoTime, CutsFractionsToMilliseconds) {
  EXPECT_EQ(UtcTime::FromIso("1970-01-01T00:00:00.1Z"), UtcTime(100));
  EXPECT_EQ(UtcTime::FromIso("1970-01-01T00:00:00.123456789Z"), UtcTime(123));
  EXPECT_EQ(UtcTime::FromIso("1970-01-01T00:00:00.0009Z"), UtcTime(0));
  // XML Schema part 2, 3.2.7: as many digits as one likes.
  EXPECT_EQ(UtcTime::FromIso("1970-01-01T00:00:00.1234567890Z"), UtcTime(123));
  EXPECT_EQ(UtcTime::FromIso("1970-01-01T00:00:00.9999999999999999999999Z"), UtcTime(999));
  EXPECT_FALSE(UtcTime::FromIso("1970-01-01T00:00:00.Z"));
}

// XML Schema part 2, 3.2.7.
TEST(IsoTime, Takes24HoursForTheFirstInstantOfTheNextDay) {
  const auto midnight = UtcTime::FromIso("2030-01-01T00:00:00Z");
  EXPECT_EQ(UtcTime::FromIso("2029-12-31T24:00:00Z"), midnight);
  EXPECT_EQ(UtcTime::FromIso("2029-12-31T24:00:00.000000000000Z"), midnight);
  EXPECT_EQ(UtcTime::FromIso("2029-12-31T24:00:00+01:00"),
            UtcTime::FromIso("2029-12-31T23:00:00Z"));
  for (const std::string_view bad :
       {"2029-12-31T24:00:01Z", "2029-12-31T24:01:00Z", "2029-12-31T24:00:00.1Z",
        "2029-12-31T24:00:00.0001Z", "2029-12-31T25:00:00Z", "9999-12-31T24:00:00Z"}) {
    EXPECT_FALSE(UtcTime::FromIso(bad)) << bad;
  }
}

TEST(IsoTime, TakesZonesUpTo14Hours) {
  EXPECT_EQ(UtcTime::FromIso("2026-07-01T13:00:00+01:00"),
            UtcTime::FromIso("2026-07-01T12:00:00Z"));
  EXPECT_EQ(UtcTime::FromIso("2026-07-01T00:00:00-05:30"),
            UtcTime::FromIso("2026-07-01T05:30:00Z"));
  EXPECT_TRUE(UtcTime::FromIso("2026-07-01T00:00:00+14:00"));
  EXPECT_TRUE(UtcTime::FromIso("2026-07-01T00:00:00-14:00"));
  for (const std::string_view bad :
       {"2026-07-01T00:00:00+14:01", "2026-07-01T00:00:00-14:59", "2026-07-01T00:00:00+15:00",
        "2026-07-01T00:00:00+01:60", "2026-07-01T00:00:00+0100", "2026-07-01T00:00:00",
        "2026-07-01T00:00:00z", "2026-07-01T00:00:00+1:00"}) {
    EXPECT_FALSE(UtcTime::FromIso(bad)) << bad;
  }
}

TEST(IsoTime, RefusesAnInstantWhoseUtcYearIsNot1To9999) {
  EXPECT_TRUE(UtcTime::FromIso("0001-01-01T14:00:00+14:00"));
  EXPECT_FALSE(UtcTime::FromIso("0001-01-01T00:00:00+00:01"));
  EXPECT_FALSE(UtcTime::FromIso("9999-12-31T23:59:59-00:01"));
  EXPECT_TRUE(UtcTime::FromIso("9999-12-31T23:58:59-00:01"));
}

// The usual form has a short cut; with a fraction the same instant goes the long way.
TEST(IsoTime, SaysTheSameInItsUsualFormAsInAnyOther) {
  for (const std::string year : {"0000", "0001", "0100", "1900", "1999", "2000", "2024", "9999"}) {
    for (const std::string month : {"00", "01", "02", "04", "12", "13"}) {
      for (const std::string day : {"00", "01", "28", "29", "30", "31", "32", "3x"}) {
        for (const std::string time : {"00:00:00", "23:59:59", "24:00:00", "12:60:00", "12:00:60",
                                       "1/:00:00", "12:0::00", "12:00:0a", "12-00:00"}) {
          const std::string usual = year + "-" + month + "-" + day + "T" + time;
          EXPECT_EQ(UtcTime::FromIso(usual + "Z"), UtcTime::FromIso(usual + ".0Z")) << usual;
        }
      }
    }
  }
  EXPECT_FALSE(UtcTime::FromIso("2026-01-01T00:00:00z"));
}

TEST(IsoTime, RefusesDatesAndTimesThatDoNotExist) {
  for (const std::string_view bad : {"2026-02-30T00:00:00Z",
                                     "2025-02-29T00:00:00Z",
                                     "1900-02-29T00:00:00Z",
                                     "2026-13-01T00:00:00Z",
                                     "2026-00-01T00:00:00Z",
                                     "2026-01-00T00:00:00Z",
                                     "2026-04-31T00:00:00Z",
                                     "0000-01-01T00:00:00Z",
                                     "2026-01-01T23:60:00Z",
                                     "2026-01-01T23:59:60Z",
                                     "2026-01-01 00:00:00Z",
                                     "2026-1-01T00:00:00Z",
                                     "2026-01-01T0:00:00Z",
                                     " 2026-01-01T00:00:00Z",
                                     "2026-01-01T00:00:00Z ",
                                     "-2026-01-01T00:00:00Z",
                                     "12026-01-01T00:00:00Z",
                                     "2026-01-01T00:00Z",
                                     "",
                                     "2026-01-01"}) {
    EXPECT_FALSE(UtcTime::FromIso(bad)) << bad;
  }
}

TEST(IsoDate, IsTheStartOfThatDay) {
  EXPECT_EQ(UtcTime::FromIsoDate("2026-11-21"), UtcTime::FromIso("2026-11-21T00:00:00Z"));
  for (const std::string_view bad : {"2026-11-31", "2026-11-21T", "2026-11-21Z", "20261121", ""}) {
    EXPECT_FALSE(UtcTime::FromIsoDate(bad)) << bad;
  }
}

TEST(UtcTime, RoundsSecondsDown) {
  EXPECT_EQ(UtcTime(1999).seconds(), 1);
  EXPECT_EQ(UtcTime(-1).seconds(), -1);
  EXPECT_EQ(UtcTime(-1000).seconds(), -1);
  EXPECT_EQ(UtcTime(-1001).seconds(), -2);
}

TEST(UtcTime, MovesBySecondsAndIsOrdered) {
  const UtcTime time = UtcTime::FromSeconds(100);
  EXPECT_EQ(time.PlusSeconds(-100), UtcTime(0));
  EXPECT_LT(time, time.PlusSeconds(1));
}

}  // namespace
}  // namespace acb
