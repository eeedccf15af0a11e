// Reports that are made from the log alone.
#include "firmware/reports/annual_statement.h"
#include "firmware/reports/counters.h"
#include "firmware/reports/keys.h"
#include "firmware/reports/network_certificates.h"
#include "firmware/reports/non_compliance.h"
#include "firmware/reports/registers.h"
#include "firmware/reports/rule_versions.h"
#include "firmware/reports/sample.h"
#include "firmware/reports/trust_status.h"
#include "firmware/reports/volume.h"
#include "firmware/rules.h"
#include "tests/firmware/reports/made_log.h"

namespace acb {
namespace {

using reports::Listing;
using reports::Report;
using testing::At;
using testing::Entries;
using testing::MadeLog;
using testing::Month;
using testing::Text;
using testing::TotalOf;

const reports::Period kOctober = Month("2026-10-01", "2026-11-01");

Report Panel(const MadeLog& log, const reports::Period& period = kOctober) {
  reports::NetworkCertificates report((Listing()));
  log.Show(period, report);
  return report.Finish();
}

std::vector<std::string> Lines(const Report& report) {
  std::vector<std::string> lines;
  for (const auto& row : report.rows) {
    lines.push_back(Text(row, "supplier") + "," + Text(row, "response_code") + "," +
                    Text(row, "count"));
  }
  return lines;
}

// R-063-11: "Inject 3 failures code X for S1, 2 of X and 1 of Y for S2 -> report rows (S1,X,3)
// (S2,X,2) (S2,Y,1); total 6".
TEST(NetworkCertificatesReport, HasTheRowsOfTheExample) {
  MadeLog log;
  for (const char* device : {"D1", "D2", "D3"}) {
    log.Refused("2026-10-05T10:00:00Z", "S1", device, "NO_NOT_REGISTERED", "X");
  }
  log.Refused("2026-10-06T10:00:00Z", "S2", "D4", "NO_NOT_REGISTERED", "X");
  log.Refused("2026-10-06T11:00:00Z", "S2", "D5", "NO_NOT_REGISTERED", "X");
  log.Refused("2026-10-06T12:00:00Z", "S2", "D6", "CERT_REVOKED", "Y");
  const Report report = Panel(log);
  EXPECT_EQ(Lines(report), (std::vector<std::string>{"S1,X,3", "S2,X,2", "S2,Y,1"}));
  EXPECT_EQ(TotalOf(report, "invalid network certificate codes"), "6");
  EXPECT_EQ(TotalOf(report, "of these NO_NOT_REGISTERED"), "5");
  // R-063-12.
  EXPECT_EQ(Entries(report.rows[0], "count"), (std::vector<std::uint64_t>{0, 1, 2}));
  EXPECT_EQ(Entries(report.rows[2], "count"), (std::vector<std::uint64_t>{5}));
}

// requirements.md 2.3: not the supplier's fault. R-063-14.
TEST(NetworkCertificatesReport, CountsApartWhatIsNotTheSuppliersFault) {
  MadeLog log;
  log.Refused("2026-10-05T10:00:00Z", "S1", "D1", "NO_UNMAPPED", "X");
  log.Refused("2026-10-05T10:00:01Z", "S1", "D1", "CRL_STALE", "X");
  log.Refused("2026-10-05T10:00:02Z", "S1", "D1", "NO_NOT_REGISTERED", "X");
  log.Refused("2026-10-05T10:00:03Z", "S1", "D1", "NO_NOT_REGISTERED", "X", "Supplier");
  const Report report = Panel(log);
  EXPECT_EQ(TotalOf(report, "invalid network certificate codes"), "1");
  EXPECT_EQ(TotalOf(report, "counted apart"), "2");
}

// R-063-11: the certificate that signed the request is no network certificate.
TEST(NetworkCertificatesReport, CountsARevokedSignerApartFromARevokedReplacementCertificate) {
  MadeLog log;
  const auto refuse = [&](std::string_view at, std::string_view check) {
    audit::Entry entry("refused", At(at));
    entry.Set("party", "S1").Set("device", "D1").Set("role", "NetworkOperator");
    entry.Set("reason", "CERT_REVOKED").Set("response_code", "X").SetIfAny("check", check);
    log.Add(entry);
  };
  refuse("2026-10-05T10:00:00Z", "signer-in-repository");
  refuse("2026-10-05T10:00:01Z", "target-certificates");
  refuse("2026-10-05T10:00:02Z", "repository");
  refuse("2026-10-05T10:00:03Z", "");  // of old
  log.Signed("2026-10-06T10:00:00Z", "S1", "D1");
  const Report report = Panel(log);
  EXPECT_EQ(TotalOf(report, "invalid network certificate codes"), "3");
  EXPECT_EQ(TotalOf(report, "counted apart"), "1");
  ASSERT_EQ(report.rows.size(), 2u);
  EXPECT_EQ(Text(report.rows[0], "group"), "certificate");
  EXPECT_EQ(Entries(report.rows[0], "first_time"), (std::vector<std::uint64_t>{1}));
  EXPECT_EQ(Entries(report.rows[0], "corrected"), (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(Text(report.rows[1], "group"), "apart");
  EXPECT_EQ(Entries(report.rows[1], "count"), (std::vector<std::uint64_t>{0}));
  EXPECT_EQ(Text(report.rows[1], "corrected"), "0");
  const auto id = [&](std::size_t row) {
    return std::get<reports::Figure>(testing::CellOf(report.rows[row], "count")).id;
  };
  EXPECT_EQ(id(0), "count/S1/X/CERT_REVOKED");
  EXPECT_NE(id(1), id(0)) << "each figure is had by its own name";
}

TEST(NetworkCertificatesReport, TellsFirstTimeFromRepeatedAndWhatWasCorrectedWhen) {
  MadeLog log;
  log.Refused("2026-09-30T23:59:59.999Z", "S1", "D1", "NO_NOT_REGISTERED", "X");  // before
  log.Refused("2026-10-01T00:00:00Z", "S1", "D1", "NO_NOT_REGISTERED", "X");      // repeated
  log.Refused("2026-10-02T00:00:00Z", "S1", "D2", "NO_NOT_REGISTERED", "X");      // first
  log.Signed("2026-10-03T12:00:00Z", "S1", "D2");
  log.Refused("2026-10-04T00:00:00Z", "S1", "D2", "NO_NOT_REGISTERED", "X");  // first again
  log.Refused("2026-11-01T00:00:00Z", "S1", "D3", "NO_NOT_REGISTERED", "X");  // after
  log.Signed("2026-11-04T00:00:00Z", "S1", "D1");
  const Report report = Panel(log);
  ASSERT_EQ(report.rows.size(), 1u);
  EXPECT_EQ(Entries(report.rows[0], "count"), (std::vector<std::uint64_t>{1, 2, 4}));
  EXPECT_EQ(Entries(report.rows[0], "first_time"), (std::vector<std::uint64_t>{2, 4}));
  EXPECT_EQ(Entries(report.rows[0], "repeated"), (std::vector<std::uint64_t>{1}));
  EXPECT_EQ(Entries(report.rows[0], "corrected"), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(Text(report.rows[0], "devices"), "2");
  EXPECT_EQ(Text(report.rows[0], "days_to_correct"), "17.750");  // (1.5 + 34) / 2
  EXPECT_EQ(Text(report.rows[0], "longest_days_to_correct"), "34.000");
}

audit::Entry Asked(std::string_view kind, std::string_view at, std::string_view user,
                   std::string_view party, std::string_view reason = {}) {
  audit::Entry entry(kind, At(at));
  entry.Set("user", user).SetIfAny("party", party).SetIfAny("reason", reason);
  entry.Set("device", "D1").Set("role", "NetworkOperator").Set("response_code", "X");
  return entry;
}

// A supplier that is renamed stays who it is; one that takes over another's User ID does not become
// that other.
TEST(NetworkCertificatesReport, FollowsASupplierOverAChangeOfName) {
  MadeLog log;
  log.Add(Asked("refused", "2026-10-01T00:00:00Z", "U1", "S1", "NO_NOT_REGISTERED"));
  log.Add(Asked("refused", "2026-10-02T00:00:00Z", "U1", "S1NEW", "NO_NOT_REGISTERED"));
  log.Add(Asked("refused", "2026-10-03T00:00:00Z", "U2", "S2", "NO_NOT_REGISTERED"));
  log.Add(Asked("refused", "2026-10-03T12:00:00Z", "U1", "S2", "NO_NOT_REGISTERED"));  // takes U1
  log.Add(Asked("signed", "2026-10-04T00:00:00Z", "U3", "S1NEW"));
  const Report report = Panel(log);
  EXPECT_EQ(Lines(report), (std::vector<std::string>{"S1,X,1", "S1NEW,X,1", "S2,X,2"}));
  EXPECT_EQ(Text(report.rows[0], "first_time"), "1");
  EXPECT_EQ(Text(report.rows[0], "days_to_correct"), "3.000");
  EXPECT_EQ(Text(report.rows[1], "repeated"), "1");
  EXPECT_EQ(Text(report.rows[1], "corrected"), "1");
  EXPECT_EQ(Text(report.rows[2], "first_time"), "1");
  EXPECT_EQ(Text(report.rows[2], "repeated"), "1");
  EXPECT_EQ(Text(report.rows[2], "corrected"), "0");
}

TEST(NetworkCertificatesReport, NamesTheSupplierOfARefusalThatCameBeforeItsPartyWasLookedUp) {
  MadeLog log;
  log.Add(Asked("refused", "2026-09-01T00:00:00Z", "U1", "", "REPLAY"));  // not known yet
  log.Add(Asked("signed", "2026-09-02T00:00:00Z", "U1", "S1"));
  log.Add(Asked("refused", "2026-10-03T00:00:00Z", "U1", "", "REPLAY"));
  log.Add(Asked("refused", "2026-10-04T00:00:00Z", "U9", "", "REPLAY"));
  EXPECT_EQ(Lines(Panel(log)), (std::vector<std::string>{"S1,X,1", "U9,X,1"}));
}

// Corrections come in the order of the handovers, their refusals do not: no page may lose one.
TEST(NetworkCertificatesReport, GivesFiguresOutOfOrderInPagesToo) {
  MadeLog log;
  constexpr std::uint64_t kDevices = 30, kPage = 7;
  const auto name = [](std::uint64_t i) { return "D" + std::to_string(i); };
  for (std::uint64_t i = 0; i < kDevices; ++i) {
    log.Refused("2026-10-05T10:00:00Z", "S1", name(i), "CHAIN", "X");
  }
  for (std::uint64_t i = kDevices; i-- > 0;) log.Signed("2026-10-06T10:00:00Z", "S1", name(i));
  std::vector<std::uint64_t> seen;
  std::uint64_t first = 0;
  for (;;) {
    reports::NetworkCertificates page(Listing{first, kPage});
    log.Show(kOctober, page);
    const auto listed = Entries(page.Finish().rows[0], "corrected");
    seen.insert(seen.end(), listed.begin(), listed.end());
    if (listed.size() < kPage) break;
    first = listed.back() + 1;
  }
  std::vector<std::uint64_t> all(kDevices);
  for (std::uint64_t i = 0; i < kDevices; ++i) all[i] = i;
  EXPECT_EQ(seen, all);
}

// R-063-12: what a figure lists is bounded, the rest is had page by page.
TEST(NetworkCertificatesReport, GivesTheEntriesOfAFigureInPages) {
  MadeLog log;
  for (int i = 0; i < 50; ++i) log.Refused("2026-10-05T10:00:00Z", "S1", "D", "CHAIN", "X");
  EXPECT_EQ(Entries(Panel(log).rows[0], "count").size(), reports::kListedEntries);
  reports::NetworkCertificates rest(Listing{40, 100});
  log.Show(kOctober, rest);
  const Report report = rest.Finish();
  EXPECT_EQ(Text(report.rows[0], "count"), "50");
  EXPECT_EQ(Entries(report.rows[0], "count").front(), 40u);
  EXPECT_EQ(Entries(report.rows[0], "count").size(), 10u);
}

// R-128-29: "Report for May 2023 (before 29 June 2023) vs July 2023 -> different rule version
// cited."
TEST(RuleVersions, OfMay2023AndJuly2023Differ) {
  const auto may = reports::ReportRulesOf(Month("2023-05-01", "2023-06-01"));
  const auto july = reports::ReportRulesOf(Month("2023-07-01", "2023-08-01"));
  ASSERT_EQ(may.size(), 1u);
  ASSERT_EQ(july.size(), 1u);
  EXPECT_NE(may[0]->version, july[0]->version);
  EXPECT_EQ(reports::ReportRulesOf(Month("2023-06-01", "2023-07-01")).size(), 2u);
  EXPECT_EQ(reports::ReportRulesAt(At("2023-06-28T23:59:59.999Z")).version, may[0]->version);
  EXPECT_EQ(reports::ReportRulesAt(At("2023-06-29T00:00:00Z")).version, july[0]->version);
}

TEST(RuleVersions, OfTheDecisionsAreThoseOfThePeriod) {
  MadeLog log;
  audit::Entry old("refused", At("2026-09-01T00:00:00Z"));
  old.Set("rules", "1");
  log.Add(old);
  log.Signed("2026-10-01T00:00:00Z", "S1", "D1");
  reports::NetworkCertificates report((Listing()));
  EXPECT_EQ(log.Show(kOctober, report), std::set<std::string>{"2"});
}

// Texts of others cannot pass for the members that decide whether an entry is read.
TEST(EntryHead, IsNotTakenFromTexts) {
  audit::Entry entry("operator", At("2026-10-01T00:00:00Z"));
  entry.Set("authority", R"("time":"1999-01-01T00:00:00.000Z","kind":"signed","rules":"9")");
  entry.Set("act", R"(x","kind":"signed)").Set("why", R"("time":")");
  const auto octets = entry.Serialise(0, &testing::NoSalt).octets;
  const auto head = reports::ReadHead(octets);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->kind, "operator");
  EXPECT_EQ(head->time, At("2026-10-01T00:00:00Z"));
  EXPECT_EQ(head->rules, "");
  EXPECT_FALSE(reports::ReadHead(R"({"index":"0"})"));
}

Report Counters(const MadeLog& log) {
  reports::CounterIntegrity report(0, Listing());
  log.Show(kOctober, report);
  return report.Finish();
}

audit::Entry Abandoned(std::string_view at, std::string_view device, std::uint64_t counter) {
  audit::Entry entry("abandoned", At(at));
  entry.Set("device", device).Set("role", "NetworkOperator").Set("reason", "HSM_UNAVAILABLE");
  entry.Set("originator_counter", std::to_string(counter));
  return entry;
}

audit::Entry Elsewhere(std::string_view at, std::string_view device, std::uint64_t counter) {
  audit::Entry entry("reserved-elsewhere", At(at));
  entry.Set("device", device).Set("originator_counter", std::to_string(counter));
  return entry;
}

TEST(CountersReport, NamesGapsWithTheirCause) {
  MadeLog log;
  log.Signed("2026-10-01T00:00:00Z", "S", "D1", 5);
  log.Add(Abandoned("2026-10-01T00:01:00Z", "D1", 6));
  log.Signed("2026-10-01T00:02:00Z", "S", "D1", 7);  // no gap: 6 was abandoned
  log.Signed("2026-10-01T00:03:00Z", "S", "D1", 10);
  const Report report = Counters(log);
  ASSERT_EQ(report.rows.size(), 2u);
  EXPECT_EQ(Text(report.rows[0], "event"), "abandoned");
  EXPECT_EQ(Text(report.rows[0], "cause"), "HSM_UNAVAILABLE");
  EXPECT_EQ(Text(report.rows[1], "event"), "gap");
  EXPECT_EQ(Text(report.rows[1], "counters_passed_over"), "2");
  EXPECT_EQ(TotalOf(report, "commands signed"), "3");
  EXPECT_EQ(TotalOf(report, "cells touched"), "1");
  EXPECT_EQ(TotalOf(report, "highest counter given out"), "10 (entry 3)");
  EXPECT_EQ(TotalOf(report, "counters that are not above"), "0");
}

TEST(CountersReport, SaysSoWhenACounterIsNotAboveTheOneBefore) {
  for (const std::uint64_t second : {4u, 5u, 6u}) {
    MadeLog log;
    log.Signed("2026-09-30T00:00:00Z", "S", "D1", 5);  // before the period
    log.Signed("2026-10-01T00:00:00Z", "S", "D1", second);
    EXPECT_EQ(TotalOf(Counters(log), "counters that are not above"), second <= 5 ? "1" : "0");
  }
}

// A handover that waited for its answer while a greater counter was given out elsewhere.
TEST(CountersReport, KnowsTheCounterThatWaitedForItsAnswer) {
  MadeLog log;
  log.Signed("2026-10-01T00:00:00Z", "S", "D1", 5);
  audit::Entry elsewhere("reserved-elsewhere", At("2026-10-01T00:00:01Z"));
  elsewhere.Set("device", "D1").Set("originator_counter", "7").Set("purpose", "8.5");
  log.Add(elsewhere);
  log.Signed("2026-10-01T00:00:02Z", "S", "D1", 6);
  log.Signed("2026-10-01T00:00:03Z", "S", "D1", 8);
  Report report = Counters(log);
  EXPECT_EQ(TotalOf(report, "counters that are not above"), "0");
  EXPECT_EQ(TotalOf(report, "gaps"), "none");
  log.Signed("2026-10-01T00:00:04Z", "S", "D1", 6);
  report = Counters(log);
  EXPECT_EQ(TotalOf(report, "counters that are not above"), "1");
}

// R-NOW-7, P1: a handover waits in the HSM while several counters are given out elsewhere.
TEST(CountersReport, KnowsAHandoverThatWaitedOverSeveralOthersAndBeforeTheDevicesFirst) {
  MadeLog log;
  log.Add(Elsewhere("2026-10-01T00:00:01Z", "D1", 2));
  log.Add(Elsewhere("2026-10-01T00:00:02Z", "D1", 3));
  log.Signed("2026-10-01T00:00:00Z", "S", "D1", 1);
  log.Add(Elsewhere("2026-10-01T00:00:04Z", "D1", 5));
  log.Add(Elsewhere("2026-10-01T00:00:05Z", "D1", 7));  // 6 was passed over
  log.Add(Elsewhere("2026-10-01T00:00:06Z", "D1", 8));
  log.Add(Abandoned("2026-10-01T00:00:03Z", "D1", 4));
  log.Signed("2026-10-01T00:00:07Z", "S", "D1", 9);
  const Report report = Counters(log);
  EXPECT_EQ(TotalOf(report, "counters that are not above"), "0");
  ASSERT_EQ(TotalOf(report, "gaps"), "1");
  const auto gap = std::ranges::find_if(
      report.rows, [](const auto& row) { return Text(row, "event") == "gap"; });
  EXPECT_EQ(Text(*gap, "audit_index"), "4");
  EXPECT_EQ(Text(*gap, "counters_passed_over"), "1");
  EXPECT_TRUE(std::ranges::is_sorted(
      report.rows, {}, [](const auto& row) { return std::stoull(Text(row, "audit_index")); }));
}

TEST(CountersReport, FindsWhatReallyCameTwiceOrWentBackWhileOneWaited) {
  for (const std::uint64_t wrong : {3u, 4u, 5u, 7u, 9u}) {
    for (const bool here : {true, false}) {
      MadeLog log;
      log.Add(Elsewhere("2026-10-01T00:00:00Z", "D1", 4));
      log.Signed("2026-10-01T00:00:01Z", "S", "D1", 5);
      log.Add(Elsewhere("2026-10-01T00:00:02Z", "D1", 7));
      log.Add(Elsewhere("2026-10-01T00:00:03Z", "D1", 9));
      log.Signed("2026-10-01T00:00:02Z", "S", "D1", 8);
      EXPECT_EQ(TotalOf(Counters(log), "counters that are not above"), "0");
      if (here) log.Signed("2026-10-01T00:00:04Z", "S", "D1", wrong);
      if (!here) log.Add(Elsewhere("2026-10-01T00:00:04Z", "D1", wrong));
      EXPECT_EQ(TotalOf(Counters(log), "counters that are not above"), "1") << wrong << here;
    }
  }
  // What is given out elsewhere never waits: below one before it is wrong also while others are
  // open.
  MadeLog log;
  log.Add(Elsewhere("2026-10-01T00:00:00Z", "D1", 4));
  log.Add(Elsewhere("2026-10-01T00:00:01Z", "D1", 2));
  EXPECT_EQ(TotalOf(Counters(log), "counters that are not above"), "1");
}

TEST(CountersReport, TellsAGapThatNoAnswerFollowed) {
  MadeLog log;
  log.Add(Elsewhere("2026-10-01T00:00:00Z", "D1", 4));
  log.Add(Elsewhere("2026-10-01T00:00:01Z", "D1", 50));
  const Report report = Counters(log);
  ASSERT_EQ(TotalOf(report, "gaps"), "1");
  EXPECT_EQ(Text(report.rows.back(), "counters_passed_over"), "45");
  EXPECT_EQ(Text(report.rows.back(), "audit_index"), "1");
}

TEST(CountersReport, NamesTheImportOrRecoveryThatAGapComesFromOnce) {
  for (const auto& [act, cause] : {std::pair("counters-import", "import of counters, entry 2"),
                                   std::pair("recover", "recovery, entry 2")}) {
    for (const bool here : {true, false}) {
      MadeLog log;
      log.Signed("2026-10-01T00:00:00Z", "S", "D1", 5);
      audit::Entry first("operator", At("2026-10-01T00:00:01Z"));
      log.Add(first.Set("act", act).Set("complete", false));  // changes nothing
      audit::Entry done("operator", At("2026-10-01T00:00:02Z"));
      log.Add(done.Set("act", act).Set("complete", true));
      if (here) log.Signed("2026-10-01T00:00:03Z", "S", "D1", 4103);
      if (!here) log.Add(Elsewhere("2026-10-01T00:00:03Z", "D1", 4103));
      log.Signed("2026-10-01T00:00:04Z", "S", "D1", 5000);
      const Report report = Counters(log);
      std::vector<std::string> causes;
      for (const auto& row : report.rows) {
        if (Text(row, "event") == "gap") causes.push_back(Text(row, "cause"));
      }
      EXPECT_EQ(causes,
                (std::vector<std::string>{
                    cause, "a counter that was proposed, or one that the log does not explain"}));
    }
  }
}

// A page has the rows of its entries, wherever the log is read from.
TEST(CountersReport, HasAGapOnThePageOfItsEntry) {
  MadeLog log;
  for (std::uint64_t i = 0; i < reports::kMaxRows + 10; ++i) {
    log.Add(Elsewhere("2026-10-01T00:00:00Z", "D1", 1 + i * 2));
  }
  std::vector<std::uint64_t> entries;
  for (std::optional<std::string> page = "0"; page;) {
    reports::CounterIntegrity counters(std::stoull(*page), Listing());
    log.Show(kOctober, counters);
    const Report report = counters.Finish();
    EXPECT_LE(report.rows.size(), reports::kMaxRows + 1);
    for (const auto& row : report.rows) {
      if (Text(row, "event") == "gap") entries.push_back(std::stoull(Text(row, "audit_index")));
    }
    page = report.next;
  }
  ASSERT_EQ(entries.size(), reports::kMaxRows + 9);  // the first counter has none before it
  for (std::size_t i = 0; i < entries.size(); ++i) EXPECT_EQ(entries[i], i + 1);
}

// R-SEC3-69: also of an entry that was written before purposes were sealed.
TEST(CountersReport, ShowsNoPurpose) {
  MadeLog log;
  audit::Entry elsewhere("reserved-elsewhere", At("2026-10-01T00:00:01Z"));
  elsewhere.Set("device", "D1").Set("originator_counter", "7").Set("purpose", "for 3938420001");
  log.Add(elsewhere);
  const Report report = Counters(log);
  ASSERT_EQ(report.rows.size(), 1u);
  EXPECT_EQ(Text(report.rows[0], "event"), "reserved elsewhere");
  for (const auto& [name, cell] : report.rows[0]) {
    EXPECT_EQ(reports::PlainText(cell).find("3938420001"), std::string::npos) << name;
  }
}

Report Degraded(const MadeLog& log) {
  reports::NonCompliance report(kOctober, Listing());
  log.Show(kOctober, report);
  return report.Finish();
}

// R-SEC3-61: "listed with start, end, cause, number of requests affected". R-SEC3-14.
TEST(NonComplianceReport, ListsAStaleListWithStartEndCauseAndRequests) {
  MadeLog log;
  log.Refused("2026-10-05T10:00:00Z", "S1", "D1", "CRL_STALE", "X");
  log.Refused("2026-10-05T10:05:00Z", "S1", "D2", "CRL_STALE", "X");
  log.Refused("2026-10-05T10:06:00Z", "S1", "D2", "NO_NOT_REGISTERED", "X");  // a decision
  log.Signed("2026-10-05T11:00:00Z", "S1", "D1");
  const Report report = Degraded(log);
  ASSERT_EQ(report.rows.size(), 1u);
  EXPECT_EQ(Text(report.rows[0], "from"), "2026-10-05T10:00:00.000Z");
  EXPECT_EQ(Text(report.rows[0], "to"), "2026-10-05T11:00:00.000Z");
  EXPECT_EQ(Text(report.rows[0], "cause"), "CRL_STALE");
  EXPECT_EQ(Entries(report.rows[0], "requests"), (std::vector<std::uint64_t>{0, 1}));
}

TEST(NonComplianceReport, KnowsTimesThatCrossThePeriodAndOnesThatDoNotTouchIt) {
  MadeLog log;
  log.Refused("2026-09-01T00:00:00Z", "S1", "D1", "CRL_STALE", "X");
  log.Signed("2026-09-02T00:00:00Z", "S1", "D1");  // over before
  log.Add(audit::Entry("stop", At("2026-09-30T23:00:00Z")));
  log.Add(audit::Entry("start", At("2026-10-01T01:00:00Z")));
  log.Refused("2026-10-31T00:00:00Z", "S1", "D1", "FEED_STALE", "X");       // open
  log.Refused("2026-11-01T00:00:00Z", "S1", "D1", "HSM_UNAVAILABLE", "X");  // after
  const Report report = Degraded(log);
  ASSERT_EQ(report.rows.size(), 2u);
  EXPECT_EQ(Text(report.rows[0], "cause"), "stopped");
  EXPECT_EQ(Text(report.rows[0], "from"), "2026-09-30T23:00:00.000Z");
  EXPECT_EQ(Text(report.rows[1], "cause"), "FEED_STALE");
  EXPECT_EQ(Text(report.rows[1], "to"), "");
}

// One entry of an asked-for kind that names issuers of its certificates, as the box writes it.
audit::Entry Judged(std::string_view kind, std::string_view at, const audit::List& issuers,
                    std::string_view reason = {}) {
  audit::Entry entry(kind, At(at));
  audit::List certificates;
  for (const audit::Value& issuer : issuers) {
    certificates.emplace_back(audit::Object{{"issuer", issuer}, {"serial", "1"}});
  }
  entry.Set("certificates", std::move(certificates)).SetIfAny("reason", reason);
  entry.Set("signer", audit::Object{{"issuer", "CN=XML"}, {"serial", "1"}});
  if (!reason.empty()) entry.Set("check", "target-certificates");
  return entry;
}

std::vector<std::string> Spans(const Report& report) {
  std::vector<std::string> lines;
  for (const auto& row : report.rows) {
    lines.push_back(Text(row, "rests_on") + " " + Text(row, "from_entry") + "-" +
                    Text(row, "to_entry") + " " + Text(row, "requests"));
  }
  return lines;
}

// R-SEC3-14, R-SEC3-61: a signature on another CA's list shows nothing of the one that is stale.
TEST(NonComplianceReport, EndsAStaleListByASignatureOnThatVeryListAlone) {
  MadeLog log;
  log.Add(Judged("refused", "2026-10-05T10:00:00Z", {"CN=A"}, "CRL_STALE"));
  log.Add(Judged("refused", "2026-10-05T10:00:01Z", {"CN=B"}, "CRL_STALE"));
  log.Add(Judged("signed", "2026-10-05T10:01:00Z", {"CN=B"}));
  log.Add(Judged("signed", "2026-10-05T10:01:01Z", {"CN=B"}));
  log.Add(Judged("refused", "2026-10-05T10:02:00Z", {"CN=A"}, "CRL_STALE"));
  log.Add(Judged("signed", "2026-10-05T11:00:00Z", {"CN=A", "CN=B"}));
  const Report report = Degraded(log);
  EXPECT_EQ(Spans(report), (std::vector<std::string>{"CRL of CN=A 0-5 2", "CRL of CN=B 1-2 1"}));
  EXPECT_EQ(Text(report.rows[0], "cause"), "CRL_STALE");
}

TEST(NonComplianceReport, EndsAStaleListOfASignerByASignatureOfHisIssuersCertificatesAlone) {
  MadeLog log;
  audit::Entry stale("refused", At("2026-10-05T10:00:00Z"));
  stale.Set("reason", "CRL_STALE").Set("check", "signer");
  stale.Set("signer", audit::Object{{"issuer", "CN=XML"}});
  log.Add(stale);
  audit::Entry pinned = Judged("signed", "2026-10-05T10:01:00Z", {"CN=A"});
  pinned.Set("observations", audit::List{"REVOCATION_NOT_CHECKED"});
  log.Add(pinned);
  log.Add(Judged("signed", "2026-10-05T10:02:00Z", {"CN=A"}));
  EXPECT_EQ(Spans(Degraded(log)), (std::vector<std::string>{"CRL of CN=XML 0-2 1"}));
}

TEST(NonComplianceReport, EndsWhatAnImportRenewed) {
  MadeLog log;
  log.Add(Judged("refused", "2026-10-05T10:00:00Z", {"CN=A"}, "CRL_STALE"));
  log.Add(Judged("refused", "2026-10-05T10:00:01Z", {"CN=A"}, "ARL_STALE"));
  audit::Entry stale("refused", At("2026-10-05T10:00:02Z"));
  log.Add(stale.Set("reason", "FEED_STALE").Set("check", "feed-age").Set("stale_feed", "parties"));
  const auto import = [&](std::string_view feed, audit::List issuers) {
    audit::Entry entry("feed", At("2026-10-05T11:00:00Z"));
    entry.Set("feed", feed).Set("issuers_in_force", std::move(issuers));
    log.Add(entry);
  };
  import("devices", {});
  import("revocation-lists", {"CN=B"});
  import("parties", {});
  import("revocation-lists", {"CN=B", "CN=A"});
  EXPECT_EQ(
      Spans(Degraded(log)),
      (std::vector<std::string>{"CRL of CN=A 0-6 1", "ARL above CN=A 1- 1", "feed parties 2-5 1"}));
}

TEST(NonComplianceReport, EndsAKeyAndADamagedRecordByASignatureThatUsedThem) {
  MadeLog log;
  const auto add = [&](std::string_view kind, std::string_view reason, std::string_view device,
                       std::string_view key) {
    const auto second = static_cast<std::int64_t>(log.entries().size());
    audit::Entry entry(kind, At("2026-10-05T10:00:00Z").PlusSeconds(second));
    entry.SetIfAny("reason", reason).Set("device", device);
    entry.Set("acb_certificate", audit::Object{{"sha256", key}});
    log.Add(entry);
  };
  add("refused", "KEY_LIMIT", "D1", "k1");
  add("refused", "RECORD_DAMAGED", "D2", "k1");
  add("refused", "STORE_UNAVAILABLE", "D1", "k1");
  add("signed", "", "D3", "k2");
  add("signed", "", "D2", "k2");
  add("signed", "", "D3", "k1");
  EXPECT_EQ(Spans(Degraded(log)),
            (std::vector<std::string>{"ACB certificate k1 0-5 1", "device D2 1-4 1", " 2-3 1"}));
}

audit::Entry WithKey(std::string_view kind, std::string_view at, std::string_view reason = {}) {
  audit::Entry entry(kind, At(at));
  entry.SetIfAny("reason", reason).Set("device", "D1");
  return entry.Set("acb_certificate", audit::Object{{"sha256", "k1"}});
}

// R-SEC3-61, item 19: a command that waited for the HSM shows nothing of a fault that came after
// its decision.
TEST(NonComplianceReport, LeavesAFaultOpenThatASignatureBegunEarlierCameAfter) {
  MadeLog log;
  log.Add(WithKey("refused", "2026-10-05T10:00:00Z", "KEY_LIMIT"));
  log.Add(WithKey("signed", "2026-10-05T09:59:58Z"));
  log.Add(WithKey("signed", "2026-10-05T10:00:00Z"));
  EXPECT_EQ(Spans(Degraded(log)), (std::vector<std::string>{"ACB certificate k1 0- 1"}));
  log.Add(WithKey("refused", "2026-10-05T10:00:05Z", "KEY_LIMIT"));
  log.Add(WithKey("signed", "2026-10-05T09:59:59Z"));
  log.Add(WithKey("signed", "2026-10-05T10:00:04Z"));  // before the last that met it
  log.Add(WithKey("refused", "2026-10-05T10:00:03Z", "KEY_LIMIT"));
  EXPECT_EQ(Spans(Degraded(log)), (std::vector<std::string>{"ACB certificate k1 0- 3"}));
  log.Add(WithKey("signed", "2026-10-05T10:00:05.001Z"));
  const Report report = Degraded(log);
  EXPECT_EQ(Spans(report), (std::vector<std::string>{"ACB certificate k1 0-7 3"}));
  EXPECT_EQ(Text(report.rows[0], "to"), "2026-10-05T10:00:05.001Z");
}

// Found by a review: a clock that was ahead for a while keeps nothing open until it is reached.
TEST(NonComplianceReport, EndsAFaultThatWasMetWhileTheClockWasAhead) {
  MadeLog log;
  log.Add(WithKey("refused", "2026-10-05T11:00:00Z", "KEY_LIMIT"));
  log.Add(WithKey("signed", "2026-10-05T10:00:05Z"));
  const Report report = Degraded(log);
  EXPECT_EQ(Spans(report), (std::vector<std::string>{"ACB certificate k1 0-1 1"}));
}

// An import renews from where its entry stands, whenever it began.
TEST(NonComplianceReport, EndsNothingBeforeItBegan) {
  MadeLog log;
  log.Add(Judged("refused", "2026-10-05T10:00:00Z", {"CN=A"}, "CRL_STALE"));
  log.Add(Judged("refused", "2026-10-05T10:00:09Z", {"CN=A"}, "CRL_STALE"));
  audit::Entry import("feed", At("2026-10-05T09:59:59Z"));
  log.Add(import.Set("feed", "revocation-lists").Set("issuers_in_force", audit::List{"CN=A"}));
  log.Add(audit::Entry("stop", At("2026-10-05T12:00:00Z")));
  log.Add(audit::Entry("start", At("2026-10-05T11:00:00Z")));  // the clock was set back
  const Report report = Degraded(log);
  EXPECT_EQ(Spans(report), (std::vector<std::string>{"CRL of CN=A 0-2 2", " 3-4 0"}));
  EXPECT_EQ(Text(report.rows[0], "to"), "2026-10-05T10:00:09.000Z");
  EXPECT_EQ(Text(report.rows[1], "to"), "2026-10-05T12:00:00.000Z");
}

// A box that was made and not yet started is not down.
TEST(NonComplianceReport, BeginsWithTheFirstStart) {
  MadeLog log;
  log.Add(audit::Entry("provision", At("2026-10-05T10:00:00Z")));
  log.Add(audit::Entry("start", At("2026-10-05T12:00:00Z")));
  EXPECT_TRUE(Degraded(log).rows.empty());
  log.Add(audit::Entry("start", At("2026-10-05T13:00:00Z")));
  EXPECT_EQ(Spans(Degraded(log)), (std::vector<std::string>{" 1-2 0"}));
}

TEST(NonComplianceReport, TakesAnEndWithoutAStopFromTheLastEntry) {
  MadeLog log;
  log.Add(audit::Entry("start", At("2026-10-05T09:00:00Z")));
  log.Signed("2026-10-05T10:00:00Z", "S1", "D1");
  log.Add(audit::Entry("start", At("2026-10-05T12:00:00Z")));
  const Report report = Degraded(log);
  ASSERT_EQ(report.rows.size(), 1u);
  EXPECT_EQ(Text(report.rows[0], "from"), "2026-10-05T10:00:00.000Z");
  EXPECT_EQ(Text(report.rows[0], "to"), "2026-10-05T12:00:00.000Z");
}

// R-SEC3-15, item 9.
class TrustReport : public ::testing::Test {
 protected:
  void Import(std::string_view at, const audit::List& brought) {
    audit::Entry entry("feed", At(at));
    entry.Set("feed", "revocation-lists").Set("rows", "1").Set("changed", "1");
    if (!brought.empty()) entry.Set("brought", brought);
    log_.Add(entry);
  }

  // The row of a list that was published at 10:00.
  reports::Row Held() const {
    reports::HeldList list;
    list.issuer = "CN=A";
    list.sha256 = "aa";
    list.this_update = At("2026-10-05T10:00:00Z");
    list.next_update = At("2026-10-06T10:00:00Z");
    reports::TrustStatus status({list}, At("2026-10-05T13:00:00Z"), Listing());
    log_.Show(kOctober, status);
    const Report report = status.Finish();
    EXPECT_NE(report.notices.at(0).find("the lag is at least that long"), std::string::npos);
    return report.rows.at(0);
  }

  MadeLog log_;
};

TEST_F(TrustReport, NamesTheImportThatBroughtTheListHeld) {
  Import("2026-10-05T09:00:00Z", {"00"});
  Import("2026-10-05T10:10:00Z", {"bb"});  // of another issuer
  Import("2026-10-05T10:20:00Z", {});
  Import("2026-10-05T10:45:00Z", {"bc", "aa"});
  Import("2026-10-05T11:00:00Z", {"cc"});
  const reports::Row row = Held();
  EXPECT_EQ(Text(row, "audit_index"), "3");
  EXPECT_EQ(Text(row, "time"), "2026-10-05T10:45:00.000Z");
  EXPECT_EQ(Text(row, "lag_minutes"), "45");
}

TEST_F(TrustReport, TakesTheFirstImportAfterThisUpdateWhereNoneNamesTheList) {
  Import("2026-10-05T09:00:00Z", {});
  Import("2026-10-05T10:10:00Z", {});
  Import("2026-10-05T10:45:00Z", {});
  const reports::Row row = Held();
  EXPECT_EQ(Text(row, "audit_index"), "1");
  EXPECT_EQ(Text(row, "lag_minutes"), "10");
}

// R-NOW-11, item 17.
TEST(VolumeReport, ShowsTheDecisionTheOperatorsAndTheTimeItTook) {
  MadeLog log;
  audit::Entry held("quarantined", At("2026-10-05T10:00:00Z"));
  held.Set("user", "U1").Set("party", "S1").Set("reason", "VOLUME_EXCEEDED").Set("device", "D1");
  const std::uint64_t first = log.Add(held);
  log.Add(held);
  audit::Entry released("released", At("2026-10-05T12:30:00Z"));
  released.Set("quarantine", std::to_string(first)).Set("complete", true);
  released.Set("operators", audit::List{"op1", "op2"});
  log.Add(released);
  reports::VolumeThresholds volume((Listing()));
  log.Show(kOctober, volume);
  const Report report = volume.Finish();
  ASSERT_EQ(report.rows.size(), 2u);
  EXPECT_EQ(Text(report.rows[0], "decision"), "released");
  EXPECT_EQ(Text(report.rows[0], "operators"), "op1, op2");
  EXPECT_EQ(Text(report.rows[0], "hours_to_decide"), "2.5");
  EXPECT_EQ(Text(report.rows[1], "decision"), "waits");
  EXPECT_EQ(TotalOf(report, "of User U1"), "2");
}

// R-SEC3-69: personal data and free text stay in the export.
TEST(Registers, ShowNoSealedFieldHashOfAMeterPointOrFreeText) {
  audit::Entry alarm("alarm", At("2026-10-05T10:00:00Z"));
  alarm.Set("alarm", "root in feed").Set("explanation", "SECRET").Set("mpxn_sha256", "SECRET");
  alarm.Set("sealed", audit::Object{{"mpxn", "SECRET"}}).Set("count", "3");
  MadeLog log;
  log.Add(alarm);
  reports::Register notifications(*reports::FindRegister("notifications"), 0, Listing());
  log.Show(kOctober, notifications);
  const Report report = notifications.Finish();
  ASSERT_EQ(report.rows.size(), 1u);
  EXPECT_EQ(Text(report.rows[0], "details"), "count 3");
  for (const auto& [name, cell] : report.rows[0]) {
    EXPECT_EQ(reports::PlainText(cell).find("SECRET"), std::string::npos) << name;
  }
}

// R-NOW-10: "recorded and counted": by what the registration check found, not by stage alone.
TEST(Registers, CountObservationsByReason) {
  MadeLog log;
  for (const audit::List& found :
       {audit::List{"NO_NOT_REGISTERED"}, {"NO_NOT_REGISTERED", "NO_UNMAPPED"}, {}}) {
    audit::Entry entry("observed", At("2026-10-02T00:00:00Z"));
    log.Add(entry.Set("stage", "command").Set("observations", found));
  }
  reports::Register observations(*reports::FindRegister("observations"), 0, Listing());
  log.Show(kOctober, observations);
  const Report report = observations.Finish();
  EXPECT_EQ(TotalOf(report, "messages observed"), "3");
  EXPECT_EQ(TotalOf(report, "stage command"), "3");
  EXPECT_EQ(TotalOf(report, "observations NO_NOT_REGISTERED"), "2");
  EXPECT_EQ(TotalOf(report, "observations NO_UNMAPPED"), "1");
  const auto total =
      std::ranges::find(report.totals, "observations NO_UNMAPPED", &reports::Total::name);
  const auto& figure = std::get<reports::Figure>(total->value);
  EXPECT_EQ(figure.id, "each/NO_UNMAPPED");
  EXPECT_EQ(figure.count.entries(), (std::vector<std::uint64_t>{1}));
}

// R-SEC3-40.
TEST(KeysReport, SaysWhenEachKeyWasLastUsed) {
  MadeLog log;
  audit::Entry start("start", At("2026-09-01T00:00:00Z"));
  start.Set("acb_ds_certificate_sha256", "d1").Set("acb_ka_certificate_sha256", "a1");
  start.Set("acb_later", audit::List{audit::Value(audit::Object{{"ds", "d2"}, {"ka", "a2"}})});
  log.Add(start);
  // The second began before the first, and was committed after it.
  for (const char* at : {"2026-10-03T00:00:00Z", "2026-10-02T00:00:00Z", "2026-11-02T00:00:00Z"}) {
    audit::Entry entry("signed", At(at));
    log.Add(entry.Set("acb_certificate", audit::Object{{"sha256", "d1"}}));
  }
  reports::KeyInventory keys((Listing()));
  log.Show(kOctober, keys);
  const Report report = keys.Finish();
  ASSERT_EQ(report.rows.size(), 4u);
  for (const auto& row : report.rows) {
    const bool used = Text(row, "certificate_sha256").ends_with('1');
    EXPECT_EQ(Text(row, "last_use"), used ? "2026-10-03T00:00:00.000Z" : "");
  }
}

// R-SEC3-73: of this feed alone, an import may have rejected rows.
TEST(Registers, ShowTheRejectedRowsOfAnImportAndDenyNone) {
  MadeLog log;
  audit::Entry entry("feed", At("2026-10-02T00:00:00Z"));
  log.Add(entry.Set("feed", "certified-products").Set("rows", "1").Set("rejected", "2"));
  reports::Register feeds(*reports::FindRegister("feeds"), 0, Listing());
  log.Show(kOctober, feeds);
  const Report report = feeds.Finish();
  ASSERT_EQ(report.rows.size(), 1u);
  EXPECT_EQ(Text(report.rows[0], "rejected"), "2");
  ASSERT_EQ(report.notices.size(), 1u);
  EXPECT_NE(report.notices[0].find("but for one of certified-products"), std::string::npos);
}

TEST(Registers, ComeInPagesWithTheTotalsOnTheFirst) {
  MadeLog log;
  for (std::size_t i = 0; i <= reports::kMaxRows; ++i) {
    log.Refused("2026-10-05T10:00:00Z", "S1", "D", "CHAIN", "X");
  }
  reports::Register first(*reports::FindRegister("refusals"), 0, Listing());
  log.Show(kOctober, first);
  const Report page = first.Finish();
  EXPECT_EQ(page.rows.size(), reports::kMaxRows);
  EXPECT_EQ(TotalOf(page, "refused or quarantined"), std::to_string(reports::kMaxRows + 1));
  ASSERT_EQ(page.next, std::to_string(reports::kMaxRows));
  reports::Register second(*reports::FindRegister("refusals"), reports::kMaxRows, Listing());
  log.Show(kOctober, second);
  const Report rest = second.Finish();
  EXPECT_EQ(rest.rows.size(), 1u);
  EXPECT_TRUE(rest.totals.empty());
  EXPECT_FALSE(rest.next);
}

// R-SEC3-63: "Seeded random sample of n signed and m refused requests -> same seed gives same
// sample".
class SampleReport : public ::testing::Test {
 protected:
  static constexpr int kOfEach = 40;

  SampleReport() {
    for (int i = 0; i < kOfEach; ++i) {
      log_.Signed("2026-10-05T10:00:00Z", "S1", "D1");
      log_.Refused("2026-10-05T10:00:00Z", "S1", "D1", "CERT_REVOKED", "X");
    }
  }

  static std::vector<std::string> Column(const Report& report, std::string_view name) {
    std::vector<std::string> texts;
    for (const auto& row : report.rows) texts.push_back(Text(row, name));
    return texts;
  }

  Report Drawn(const reports::Draw& draw) const {
    reports::Sample report(draw, Listing());
    log_.Show(kOctober, report);
    return report.Finish();
  }

  MadeLog log_;
};

TEST_F(SampleReport, OfOneSeedIsTheSameWhateverElseIsInTheLog) {
  const reports::Draw draw{.seed = "SSC 2026/11", .signed_commands = 5, .refused_requests = 3};
  const Report report = Drawn(draw);
  const auto drawn = Column(report, "audit_index");
  const auto kinds = Column(report, "kind");
  ASSERT_EQ(drawn.size(), 8U);
  EXPECT_EQ(std::ranges::count(kinds, "signed"), 5);
  EXPECT_EQ(std::ranges::count(kinds, "refused"), 3);
  EXPECT_EQ(TotalOf(report, "of signed commands in all"), "40");
  log_.Signed("2026-11-05T10:00:00Z", "S1", "D1");  // not of the period
  EXPECT_EQ(Column(Drawn(draw), "audit_index"), drawn);
  EXPECT_NE(Column(Drawn({.seed = "SSC 2026/12", .signed_commands = 5, .refused_requests = 3}),
                   "audit_index"),
            drawn);
}

TEST_F(SampleReport, DrawsTheLeastLotsWhichAnybodyCanDrawAgain) {
  // printf 'seed:7' | sha256sum
  EXPECT_EQ(reports::LotOf("seed", 7),
            "0f1c63b88102f461803c0118ee3e89f1b31b928cd4bc21f5f6297cbb1544b76c");
  const Report report = Drawn({.seed = "seed", .signed_commands = 4, .refused_requests = 0});
  std::vector<std::string> lots;
  for (std::uint64_t index = 0; index < 2 * kOfEach; index += 2) {
    lots.push_back(reports::LotOf("seed", index));
  }
  std::ranges::sort(lots);
  lots.resize(4);
  auto drawn = Column(report, "lot");
  std::ranges::sort(drawn);
  EXPECT_EQ(drawn, lots);
}

TEST_F(SampleReport, OfMoreThanThereAreIsAllOfThem) {
  EXPECT_EQ(Drawn({.seed = "s", .signed_commands = 1000, .refused_requests = 1000}).rows.size(),
            2U * kOfEach);
  EXPECT_TRUE(Drawn({.seed = "s", .signed_commands = 0, .refused_requests = 0}).rows.empty());
}

// R-SEC3-62: "lists controls tested and every exception; with an open exception, 'unable to
// certify' text is forced".
Report Statement(const MadeLog& log) {
  reports::AnnualStatement report(kOctober, Listing());
  log.Show(kOctober, report);
  return report.Finish();
}

std::vector<std::string> NamesOf(const Report& report, std::string_view item) {
  std::vector<std::string> names;
  for (const auto& row : report.rows) {
    if (Text(row, "item") == item) names.push_back(Text(row, "name"));
  }
  return names;
}

TEST(AnnualStatementReport, ListsControlsWithWhatTheyStopped) {
  MadeLog log;
  log.Signed("2026-10-05T10:00:00Z", "S1", "D1");
  log.Refused("2026-10-06T10:00:00Z", "S1", "D1", "NO_NOT_REGISTERED", "X");
  log.Refused("2026-11-06T10:00:00Z", "S1", "D1", "NO_NOT_REGISTERED", "X");  // not of the period
  const Report report = Statement(log);
  EXPECT_EQ(NamesOf(report, "control").size(), AllRules().size());
  const auto row = std::ranges::find_if(report.rows, [](const auto& each) {
    return Text(each, "name") == "registered-network-operator";
  });
  ASSERT_NE(row, report.rows.end());
  EXPECT_EQ(Entries(*row, "requests"), std::vector<std::uint64_t>{1});
  EXPECT_FALSE(Text(*row, "source").empty());
  EXPECT_EQ(TotalOf(report, "commands signed"), "1");
  EXPECT_EQ(TotalOf(report, "statement"), "The log shows no exception");
}

TEST(AnnualStatementReport, CertifiesNothingWhileAnExceptionIsOpen) {
  MadeLog log;
  log.Refused("2026-10-06T10:00:00Z", "S1", "D1", "HSM_UNAVAILABLE", "X");
  Report report = Statement(log);
  ASSERT_EQ(NamesOf(report, "exception").size(), 1U);
  EXPECT_EQ(TotalOf(report, "statement"),
            "UNABLE TO CERTIFY, because 1 of 1 exceptions had not ended by the end of the period");
  MadeLog later = log;
  later.Signed("2026-11-02T10:00:00Z", "S1", "D1");  // behind the period
  EXPECT_TRUE(TotalOf(Statement(later), "statement").starts_with("UNABLE TO CERTIFY"));
  log.Signed("2026-10-06T11:00:00Z", "S1", "D1");
  report = Statement(log);
  EXPECT_EQ(NamesOf(report, "exception").size(), 1U);
  EXPECT_EQ(TotalOf(report, "statement"), "The log shows 1 exceptions, all of which have ended");
}

// Item 20: the decision of what was signed began before the fault did.
TEST(AnnualStatementReport, CertifiesNothingForASignatureBegunBeforeTheFault) {
  MadeLog log;
  log.Add(WithKey("refused", "2026-10-06T10:00:00Z", "KEY_LIMIT"));
  log.Add(WithKey("signed", "2026-10-06T09:59:59Z"));
  EXPECT_TRUE(TotalOf(Statement(log), "statement").starts_with("UNABLE TO CERTIFY"));
  log.Add(WithKey("signed", "2026-10-06T10:00:01Z"));
  EXPECT_EQ(TotalOf(Statement(log), "statement"),
            "The log shows 1 exceptions, all of which have ended");
}

}  // namespace
}  // namespace acb
