// Figures and pages of the review (platform/review), without a box.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "firmware/audit/entry.h"
#include "platform/review/assets.h"
#include "platform/review/charts.h"
#include "platform/review/counting.h"
#include "platform/review/frame.h"
#include "platform/review/html.h"
#include "platform/review/page.h"
#include "platform/review/tally.h"
#include "platform/review/trail.h"
#include "tests/fakes/salts.h"

namespace acb::review {
namespace {

using acb::testing::NoSalt;
using ::testing::HasSubstr;
using ::testing::Not;

const UtcTime kNow = *UtcTime::FromIso("2026-11-21T12:30:00Z");
constexpr std::string_view kDevice = "00-DB-12-34-56-78-90-A3";
constexpr std::string_view kAttack = "<script>alert(\"1\")</script>&'";
constexpr std::string_view kAttackShown =
    "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;";

UtcTime At(std::string_view iso) { return *UtcTime::FromIso(iso); }

audit::Entry Signed(std::string_view at, std::string_view device, std::string_view counter) {
  audit::Entry entry("signed", At(at));
  entry.Set("device", device).Set("role", "NetworkOperator").Set("originator_counter", counter);
  return entry;
}
audit::Entry Refused(std::string_view at, std::string_view party, std::string_view reason,
                     bool final = true) {
  audit::Entry entry("refused", At(at));
  entry.SetIfAny("party", party).Set("reason", reason).Set("final", final);
  return entry;
}
audit::Entry Observed(std::string_view at, std::string_view device, std::string_view counter,
                      audit::List observations = {}) {
  audit::Entry entry("observed", At(at));
  entry.Set("device", device)
      .Set("originator_counter", counter)
      .Set("stage", "executed")
      .Set("observations", std::move(observations));
  return entry;
}

Figures Count(const std::vector<audit::Entry>& entries, UtcTime now = kNow,
              Month month = Month::Of(kNow)) {
  Tally tally;
  for (const audit::Entry& entry : entries)
    tally.Take(entry.Serialise(tally.counted(), NoSalt).octets);
  return tally.Of(now, month);
}

Counts SumOf(const std::vector<Bar>& bars) {
  Counts sum;
  for (const Bar& bar : bars) sum += bar.counts;
  return sum;
}

TEST(ReviewHtml, EscapesAllThatMarkupIsMadeOf) {
  Html html;
  html.Raw("<p title=\"").Text(kAttack).Raw("\">").Text(std::string("a\0b", 3)).Raw("</p>");
  EXPECT_EQ(html.text(), "<p title=\"" + std::string(kAttackShown) + "\">a\xEF\xBF\xBD" + "b</p>");
}

TEST(ReviewHtml, GroupsDigitsByThree) {
  for (const auto& [number, text] : {std::pair<std::uint64_t, std::string_view>{0, "0"},
                                     {999, "999"},
                                     {1'000, "1,000"},
                                     {1'234'567, "1,234,567"}}) {
    EXPECT_EQ(Html().Number(number).text(), text);
  }
}

TEST(ReviewHtml, EncodesQueriesSoThatNothingIsLeftToReadOtherwise) {
  EXPECT_EQ(PercentEncoded("aZ9-._~"), "aZ9-._~");
  EXPECT_EQ(PercentEncoded("a b&c=\"<\xC3\xA9"), "a%20b%26c%3D%22%3C%C3%A9");
}

TEST(ReviewMonth, IsReadAsItIsWrittenAndNothingElseIs) {
  EXPECT_EQ(Month::FromText("2026-02")->Text(), "2026-02");
  for (const char* none : {"", "2026", "2026-13", "2026-00", "2026-2", "2026-02-01", "26-02"}) {
    EXPECT_FALSE(Month::FromText(none)) << none;
  }
  EXPECT_EQ(Month::FromText("2026-12")->Plus(1).Text(), "2027-01");
  EXPECT_EQ(Month::FromText("2026-01")->Plus(-1).Text(), "2025-12");
  EXPECT_EQ(Month::FromText("2024-02")->end(), At("2024-03-01T00:00:00Z"));
}

TEST(ReviewTally, CountsByHourDayAndMonthOfUtc) {
  const Figures figures = Count({Signed("2026-11-21T00:00:00Z", kDevice, "1"),
                                 Signed("2026-11-21T23:59:59.999Z", kDevice, "2"),
                                 Signed("2026-11-20T23:59:59.999Z", kDevice, "3"),
                                 Refused("2026-11-01T00:00:00Z", "SUPP", "CHAIN"),
                                 Refused("2026-10-31T23:59:59Z", "SUPP", "CHAIN"),
                                 Refused("2025-12-01T00:00:00Z", "SUPP", "CHAIN"),
                                 Refused("2025-11-30T23:59:59Z", "SUPP", "CHAIN")});
  EXPECT_EQ(figures.counted, 7U);
  ASSERT_EQ(figures.today.size(), 24U);
  EXPECT_EQ(figures.today[0].counts.handed_over, 1U);
  EXPECT_EQ(figures.today[23].counts.handed_over, 1U);
  EXPECT_EQ(SumOf(figures.today), (Counts{.handed_over = 2}));
  ASSERT_EQ(figures.days.size(), 21U);  // up to today
  EXPECT_EQ(SumOf(figures.days), (Counts{.handed_over = 3, .refused = 1}));
  EXPECT_EQ(figures.days[0].counts.refused, 1U);
  ASSERT_EQ(figures.months.size(), 12U);
  EXPECT_EQ(SumOf(figures.months), (Counts{.handed_over = 3, .refused = 3}));
  EXPECT_EQ(figures.months[0].from, At("2025-12-01T00:00:00Z"));
}

TEST(ReviewTally, TellsRefusalsFromFaultsAndHandoversFromOtherThings) {
  audit::Entry observation = Refused("2026-11-21T01:00:00Z", "", "MALFORMED", false);
  observation.Set("what", "observation");
  audit::Entry floor("quarantined", kNow);
  floor.Set("device", kDevice).Set("floor", "7");
  audit::Entry waits("quarantined", kNow);
  waits.Set("device", kDevice).Set("request_id", "x");
  const Figures figures = Count({Refused("2026-11-21T01:00:00Z", "SUPP", "CHAIN"),
                                 Refused("2026-11-21T01:00:00Z", "SUPP", "HSM_UNAVAILABLE", false),
                                 observation, floor, waits, audit::Entry("start", kNow)});
  EXPECT_EQ(SumOf(figures.today), (Counts{.refused = 1, .quarantined = 1, .undecided = 1}));
  ASSERT_EQ(figures.refusals.size(), 1U);
}

// What binds no RequestID is refused all the same.
TEST(ReviewTally, CountsWhatIsNotProvenToBeTheUsersAsRefused) {
  audit::Entry counter("refused", At("2026-11-21T01:00:00Z"));
  counter.Set("act", "counter-reserve").Set("reason", "DEVICE_UNKNOWN");
  const Figures figures = Count({Refused("2026-11-21T01:00:00Z", "", "SIGNATURE_INVALID", false),
                                 Refused("2026-11-21T01:00:00Z", "SUPP", "REPLAY", false),
                                 Refused("2026-11-21T01:00:00Z", "", "CRL_STALE", false), counter});
  EXPECT_EQ(SumOf(figures.today), (Counts{.refused = 2, .undecided = 1}));
}

TEST(ReviewTally, ListsRefusalsOfTheMonthBySupplierAndReasonMostFirst) {
  const Figures figures = Count({Refused("2026-11-02T00:00:00Z", "S1", "CHAIN"),
                                 Refused("2026-11-03T00:00:00Z", "S2", "CHAIN"),
                                 Refused("2026-11-04T00:00:00Z", "S2", "CHAIN"),
                                 Refused("2026-11-05T00:00:00Z", "S2", "REPLAY"),
                                 Refused("2026-11-05T00:00:00Z", "", "MALFORMED"),
                                 Refused("2026-10-05T00:00:00Z", "S2", "CHAIN")});
  ASSERT_EQ(figures.refusals.size(), 4U);
  EXPECT_EQ(figures.refusals[0].party, "S2");
  EXPECT_EQ(figures.refusals[0].reason, "CHAIN");
  EXPECT_EQ(figures.refusals[0].count, 2U);
  EXPECT_EQ(figures.refusals[0].span.first, 1U);
  EXPECT_EQ(figures.refusals[0].span.last, 2U);
}

TEST(ReviewTally, CallsADeviceStuckWhenNoOutcomeCameForADay) {
  const std::vector<audit::Entry> waits = {Signed("2026-11-20T12:29:59Z", kDevice, "5")};
  EXPECT_EQ(Count(waits).stuck_count, 1U);
  EXPECT_EQ(Count(waits, kNow.PlusSeconds(-60)).stuck_count, 0U);  // not a day yet

  std::vector<audit::Entry> answered = waits;
  answered.push_back(Observed("2026-11-20T12:31:00Z", kDevice, "5"));
  EXPECT_EQ(Count(answered).stuck_count, 0U);

  std::vector<audit::Entry> another = waits;
  another.push_back(Observed("2026-11-20T12:31:00Z", kDevice, "4"));
  EXPECT_EQ(Count(another).stuck_count, 1U);

  std::vector<audit::Entry> newer = waits;
  newer.push_back(Signed("2026-11-21T12:00:00Z", kDevice, "6"));
  EXPECT_EQ(Count(newer).stuck_count, 0U);
}

TEST(ReviewTally, CallsADeviceStuckAtOnceWhenItRefusedTheCommand) {
  const Figures figures =
      Count({Signed("2026-11-21T12:00:00Z", kDevice, "5"),
             Observed("2026-11-21T12:01:00Z", kDevice, "5", {std::string("NOT_SUCCESSFUL")})});
  ASSERT_EQ(figures.stuck.size(), 1U);
  EXPECT_EQ(figures.stuck[0].index, 0U);
  EXPECT_EQ(figures.stuck[0].failed, 1U);
}

TEST(ReviewTally, CountsWhatIsNoEntryAndGoesOn) {
  Tally tally;
  for (const char* octets : {"", "[]", "{", "{\"kind\":\"signed\"}", "{\"time\":\"x\"}"}) {
    tally.Take(octets);
  }
  tally.Take(
      Signed("2026-11-21T12:00:00Z", kDevice, "1").Serialise(tally.counted(), NoSalt).octets);
  const Figures figures = tally.Of(kNow, Month::Of(kNow));
  EXPECT_EQ(figures.counted, 6U);
  EXPECT_EQ(SumOf(figures.today).all(), 1U);
}

TEST(ReviewTally, StaysWithinItsBoundsAndSaysWhatItLeftOut) {
  Tally tally;
  for (std::size_t i = 0; i <= Tally::kMaxDays; ++i) {
    audit::Entry entry = Refused("2026-11-21T12:00:00Z", "S", "CHAIN");
    entry.Set("time", kNow.PlusSeconds(-static_cast<std::int64_t>(i) * 86'400).Iso());
    tally.Take(entry.Serialise(i, NoSalt).octets);
  }
  EXPECT_EQ(tally.Of(kNow, Month::Of(kNow)).left_out, 1U);
}

// A log that a test makes as long as it likes.
struct MadeLog {
  std::atomic<std::uint64_t> size{0};
  std::atomic<bool> fails{false};

  Counting::Read Reader() {
    return [this](std::uint64_t from, std::uint64_t count) -> Result<std::vector<std::string>> {
      if (fails) return Failure(Reason::kRecordDamaged, "made to fail");
      std::vector<std::string> entries;
      for (std::uint64_t i = from; i < size && entries.size() < count; ++i) {
        entries.push_back(Signed("2026-11-21T12:00:00Z", kDevice, "1").Serialise(i, NoSalt).octets);
      }
      return entries;
    };
  }
};

TEST(ReviewCounting, CountsWhatIsNewBeforeItAnswers) {
  MadeLog log;
  Counting counting(log.Reader());
  EXPECT_EQ(counting.Look(kNow, Month::Of(kNow)).figures.counted, 0U);
  log.size = 700;
  EXPECT_EQ(counting.Look(kNow, Month::Of(kNow)).figures.counted, 700U);
}

TEST(ReviewCounting, CountsALongLogBesideThePagesAndReachesItsEnd) {
  MadeLog log;
  log.size = 50'000;
  Counting counting(log.Reader());
  std::uint64_t counted = 0;
  for (int i = 0; i < 200 && counted < log.size; ++i) {
    const Counting::Now now = counting.Look(kNow, Month::Of(kNow));
    EXPECT_FALSE(now.failed);
    EXPECT_GT(now.figures.counted, counted);
    EXPECT_EQ(SumOf(now.figures.today).all(), now.figures.counted);
    counted = now.figures.counted;
  }
  EXPECT_EQ(counted, log.size);
}

TEST(ReviewCounting, SaysWhatItCouldNotReadAndGoesOnWhenItCan) {
  MadeLog log;
  log.size = 10;
  log.fails = true;
  Counting counting(log.Reader());
  const Counting::Now failed = counting.Look(kNow, Month::Of(kNow));
  ASSERT_TRUE(failed.failed);
  EXPECT_EQ(failed.failed->reason, Reason::kRecordDamaged);
  log.fails = false;
  const Counting::Now good = counting.Look(kNow, Month::Of(kNow));
  EXPECT_FALSE(good.failed);
  EXPECT_EQ(good.figures.counted, 10U);
}

ReviewPage PageOf(Figures figures) {
  return {.box = {.environment = "test", .at = kNow, .ready = true, .attention = {}},
          .figures = {std::move(figures), {}},
          .waiting = Waiting{},
          .log = LogHead{}};
}

TEST(ReviewPage, SaysWhatKeepsTheBoxFromSigning) {
  ReviewPage page = PageOf(Count({}));
  EXPECT_THAT(RenderReview(page).body, HasSubstr("It decides and signs."));
  page.box.attention = {Failure(Reason::kFeedStale, "parties: 49 hours")};
  EXPECT_THAT(RenderReview(page).body, HasSubstr("It decides, but it does not sign."));
  EXPECT_THAT(RenderReview(page).body, HasSubstr("parties: 49 hours"));
  page.box.ready = false;
  EXPECT_THAT(RenderReview(page).body, HasSubstr("It is not ready"));
}

TEST(ReviewPage, IsThereWhenNothingCanBeRead) {
  ReviewPage page = PageOf(Count({}));
  page.waiting = Failure(Reason::kStoreInDoubt, "w");
  page.log = Failure(Reason::kRecordDamaged, "l");
  page.figures.failed = Failure(Reason::kStoreUnavailable, "f");
  const std::string html = RenderReview(page).body;
  for (const char* name : {"STORE_IN_DOUBT", "RECORD_DAMAGED", "STORE_UNAVAILABLE"}) {
    EXPECT_THAT(html, HasSubstr(name));
  }
  EXPECT_THAT(html, HasSubstr("</html>"));
}

TEST(ReviewPage, SaysHowFarTheFiguresGo) {
  ReviewPage page = PageOf(Count({Signed("2026-11-21T12:00:00Z", kDevice, "1")}));
  page.log = LogHead{.size = 1};
  EXPECT_THAT(RenderReview(page).body, Not(HasSubstr("are counted")));
  page.log = LogHead{.size = 1'000'000};
  EXPECT_THAT(RenderReview(page).body, HasSubstr("Entries up to 1 of 1,000,000 are counted"));
}

TEST(ReviewPage, ShowsDataAsTextWhereverItComesFrom) {
  const std::string attack(kAttack);
  audit::Entry alarm("alarm", kNow);
  alarm.Set("alarm", attack).Set("device", attack);
  ReviewPage page = PageOf(Count({Refused("2026-11-02T00:00:00Z", attack, attack), alarm}));
  page.box.environment = attack;
  page.box.attention = {Failure(Reason::kFeedStale, attack)};
  Waiting waiting;
  waiting.suspensions = {{SuspensionScope::kParty, attack, attack, attack, kNow, attack}};
  waiting.quarantine.resize(1);
  waiting.quarantine[0].why = attack;
  page.waiting = waiting;
  page.log = LogHead{.size = 1, .newest_time = attack, .newest_kind = attack};
  page.log->checkpoint = CheckpointHead{.cosignatures = {{attack, kNow}}};
  const std::string html = RenderReview(page).body;
  EXPECT_THAT(html, Not(HasSubstr("<script>")));
  EXPECT_THAT(html, Not(HasSubstr("alert(\"")));
  EXPECT_THAT(html, HasSubstr(std::string(kAttackShown)));
}

TEST(ReviewPage, ShowsAnEntryAsTextWhateverIsInIt) {
  audit::Entry entry("signed", kNow);
  const std::string attack(kAttack);
  entry.Set("request_id", attack)
      .Set(attack, attack)
      .Set("list", audit::List{attack, audit::Object{{attack, attack}}});
  const BoxState box{.environment = "test", .at = kNow, .ready = true, .attention = {}};
  const FoundEntry found{
      7,
      entry.Serialise(7, NoSalt).octets,
      {{.name = "request", .size = 9, .octets = Bytes(attack.begin(), attack.end())}},
      attack};
  for (const std::string& html :
       {RenderEntry(box, found).body, RenderEntry(box, {7, attack, {}, attack}).body,
        RenderNothing(box, attack, "no", 400).body,
        RenderList(box, {.outcome = attack, .party = attack, .reason = attack}, 9,
                   {.entries = {found}, .next = 8})
            .body,
        RenderExport(box, {.from = attack, .to = attack}).body}) {
    EXPECT_THAT(html, Not(HasSubstr("<script>")));
    EXPECT_THAT(html, Not(HasSubstr("alert(\"")));
    EXPECT_THAT(html, HasSubstr("&lt;script&gt;"));
  }
}

TEST(ReviewAssets, AreNamedByTheirContent) {
  ASSERT_EQ(Assets().size(), 4U);
  for (const Asset& asset : Assets()) {
    const std::string hash = ToHex(Sha256(AsBytes(asset.octets))).substr(0, 12);
    EXPECT_THAT(std::string(asset.name), HasSubstr(hash));
    EXPECT_EQ(PathOf(asset.file), "/assets/" + std::string(asset.name));
  }
}

}  // namespace
}  // namespace acb::review
