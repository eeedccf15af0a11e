// Random histories: what the reports total equals a naive recount of the raw entries.
#include <boost/json.hpp>
#include <map>
#include <random>

#include "firmware/reports/counters.h"
#include "firmware/reports/network_certificates.h"
#include "firmware/reports/non_compliance.h"
#include "firmware/reports/registers.h"
#include "tests/firmware/reports/made_log.h"

namespace acb {
namespace {

using testing::MadeLog;
using testing::Month;
using testing::Text;

const reports::Period kPeriod = Month("2026-10-01", "2026-11-01");
constexpr int kHistories = 200;
constexpr int kEntries = 300;

template <std::size_t size>
const char* Any(std::mt19937& random, const char* const (&choices)[size]) {
  return choices[random() % size];
}

MadeLog RandomHistory(std::mt19937& random) {
  static const char* const kReasons[] = {"NO_NOT_REGISTERED", "CHAIN",     "CERT_REVOKED",
                                         "NO_UNMAPPED",       "CRL_STALE", "COUNTER_REGRESSION"};
  static const char* const kParties[] = {"S1", "S2", "S3"};
  static const char* const kDevices[] = {"D1", "D2", "D3", "D4", "D5"};
  static const char* const kCodes[] = {"X", "Y"};
  static const char* const kRoles[] = {"NetworkOperator", "Supplier"};
  MadeLog log;
  std::uint64_t counter = 0;
  for (int i = 0; i < kEntries; ++i) {
    // September to November, and not always forward: clocks are set.
    const std::int64_t minute = i * 400 + static_cast<std::int64_t>(random() % 2'000);
    const std::string at = testing::At("2026-09-01T00:00:00Z").PlusSeconds(minute * 60).Iso();
    switch (random() % 4) {
      case 0:
        log.Signed(at, Any(random, kParties), Any(random, kDevices), ++counter,
                   Any(random, kRoles));
        break;
      case 1:
        log.Add(audit::Entry("anchor", testing::At(at)));
        break;
      default:
        log.Refused(at, Any(random, kParties), Any(random, kDevices), Any(random, kReasons),
                    Any(random, kCodes), Any(random, kRoles));
    }
  }
  return log;
}

// Every entry of the period, parsed whole.
std::vector<boost::json::object> Raw(const MadeLog& log) {
  std::vector<boost::json::object> found;
  for (const std::string& octets : log.entries()) {
    const auto json = boost::json::parse(octets).as_object();
    const auto at = testing::At(json.at("time").as_string());
    if (kPeriod.from <= at && at < kPeriod.to) found.push_back(json);
  }
  return found;
}
std::string Member(const boost::json::object& entry, const char* name) {
  const auto* value = entry.if_contains(name);
  return value == nullptr ? "" : std::string(value->as_string());
}

TEST(Recount, OfThePanelReportEqualsItsRows) {
  std::mt19937 random(5);
  for (int history = 0; history < kHistories; ++history) {
    const MadeLog log = RandomHistory(random);
    std::map<std::string, std::vector<std::uint64_t>> expected;
    std::uint64_t invalid = 0;
    for (const auto& entry : Raw(log)) {
      if (Member(entry, "kind") != "refused" || Member(entry, "role") != "NetworkOperator")
        continue;
      const std::string reason = Member(entry, "reason");
      expected[Member(entry, "party") + Member(entry, "response_code") + reason].push_back(
          std::stoull(Member(entry, "index")));
      invalid += reason == "NO_NOT_REGISTERED" || reason == "CHAIN" || reason == "CERT_REVOKED";
    }
    reports::NetworkCertificates panel(reports::Listing{0, kEntries});
    log.Show(kPeriod, panel);
    const auto report = panel.Finish();
    ASSERT_EQ(report.rows.size(), expected.size());
    for (const auto& row : report.rows) {
      const auto& entries =
          expected.at(Text(row, "supplier") + Text(row, "response_code") + Text(row, "reason"));
      EXPECT_EQ(testing::Entries(row, "count"), entries);
      EXPECT_EQ(Text(row, "count"), std::to_string(entries.size()));
      if (Text(row, "group") == "apart") continue;
      EXPECT_EQ(std::stoull(Text(row, "first_time")) + std::stoull(Text(row, "repeated")),
                entries.size());
      EXPECT_LE(std::stoull(Text(row, "corrected")), entries.size());
    }
    EXPECT_EQ(testing::TotalOf(report, "invalid network"), std::to_string(invalid));
  }
}

TEST(Recount, OfTheRegistersAndTheCountersEqualsTheirTotals) {
  std::mt19937 random(6);
  for (int history = 0; history < kHistories; ++history) {
    const MadeLog log = RandomHistory(random);
    std::map<std::string, std::uint64_t> kinds, reasons;
    std::set<std::pair<std::string, std::string>> cells;
    for (const auto& entry : Raw(log)) {
      ++kinds[Member(entry, "kind")];
      ++reasons[Member(entry, "reason")];
      if (Member(entry, "kind") == "signed") {
        cells.emplace(Member(entry, "device"), Member(entry, "role"));
      }
    }
    for (const auto& [name, kind, what] :
         {std::tuple{"signing", "signed", "commands signed"},
          std::tuple{"refusals", "refused", "refused or quarantined"}}) {
      reports::Register reg(*reports::FindRegister(name), 0, reports::Listing());
      log.Show(kPeriod, reg);
      const auto report = reg.Finish();
      EXPECT_EQ(report.rows.size(), kinds[kind]);
      EXPECT_EQ(testing::TotalOf(report, what), std::to_string(kinds[kind]));
    }
    reports::CounterIntegrity counters(0, reports::Listing());
    log.Show(kPeriod, counters);
    const auto report = counters.Finish();
    EXPECT_EQ(testing::TotalOf(report, "cells touched"), std::to_string(cells.size()));
    EXPECT_EQ(testing::TotalOf(report, "counters that are not above"), "0");
    reports::NonCompliance degraded(kPeriod, reports::Listing());
    log.Show(kPeriod, degraded);
    EXPECT_EQ(testing::TotalOf(degraded.Finish(), "requests that could not be decided"),
              std::to_string(reasons["CRL_STALE"]));
  }
}

}  // namespace
}  // namespace acb
