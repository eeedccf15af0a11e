// Reports that walk the devices.
#include "firmware/reports/device_reports.h"

#include "firmware/reports/british_days.h"
#include "tests/firmware/reports/made_log.h"

namespace acb {
namespace {

using reports::HandoverDuty;
using reports::Period;
using reports::Report;
using testing::At;
using testing::FakeRecords;
using testing::FakeRecordsData;
using testing::MadeLog;
using testing::Month;
using testing::Text;
using testing::TotalOf;

// Bank holidays of England and Wales.
std::vector<CalendarDay> Holidays() {
  std::vector<CalendarDay> days;
  for (const char* day :
       {"2025-01-01", "2025-04-18", "2025-04-21", "2025-05-05", "2025-05-26", "2025-08-25",
        "2025-12-25", "2025-12-26", "2026-01-01", "2026-04-03", "2026-04-06", "2026-05-04",
        "2026-05-25", "2026-08-31", "2026-12-25", "2026-12-28"}) {
    days.push_back({*UtcTime::FromIsoDate(day), false});
  }
  return days;
}

const reports::WorkingDays& Calendar() {
  static const reports::WorkingDays kDays(Holidays());
  return kDays;
}

std::string Deadline(std::string_view commissioned) {
  const auto end = Calendar().EndOfWorkingDayAfter(At(commissioned), reports::kDaysToHandOver);
  return end ? end->Iso() : end.error().explanation;
}

// R-063-6: "Commissioned Fri 19 Dec 2025 -> deadline skips weekends, 25, 26 Dec and 1 Jan -> Wed 31
// Dec is day 6, Fri 2 Jan 2026 is day 7."
TEST(WorkingDays, CountTheExampleOfChristmas2025) {
  EXPECT_EQ(Deadline("2025-12-19T00:00:00Z"), "2026-01-03T00:00:00.000Z");
  EXPECT_EQ(Deadline("2025-12-19T23:59:59.999Z"), "2026-01-03T00:00:00.000Z");
  EXPECT_EQ(Calendar().EndOfWorkingDayAfter(At("2025-12-19T12:00:00Z"), 6)->Iso(),
            "2026-01-01T00:00:00.000Z");
}

TEST(WorkingDays, StepOverWeekendsMonthBordersAndDaysThatWorkBySpecialRow) {
  EXPECT_EQ(Deadline("2026-06-01T08:00:00Z"), "2026-06-10T23:00:00.000Z");  // Mon to Wed
  EXPECT_EQ(Deadline("2026-06-27T08:00:00Z"), "2026-07-07T23:00:00.000Z");  // Sat to Tue
  auto days = Holidays();
  days.push_back({*UtcTime::FromIsoDate("2026-06-06"), true});
  EXPECT_EQ(reports::WorkingDays(days).EndOfWorkingDayAfter(At("2026-06-01T08:00:00Z"), 7)->Iso(),
            "2026-06-09T23:00:00.000Z");
}

TEST(BritishDays, BeginAnHourBeforeUtcsFromTheLastSundayOfMarchToThatOfOctober) {
  const auto start = [](std::string_view day) {
    return reports::StartOfBritishDay(reports::BritishDayOf(*UtcTime::FromIsoDate(day))).Iso();
  };
  EXPECT_EQ(start("2026-03-29"), "2026-03-29T00:00:00.000Z");  // the clocks change at 01:00
  EXPECT_EQ(start("2026-03-30"), "2026-03-29T23:00:00.000Z");
  EXPECT_EQ(start("2026-10-25"), "2026-10-24T23:00:00.000Z");
  EXPECT_EQ(start("2026-10-26"), "2026-10-26T00:00:00.000Z");
  // 31 March and 31 October are themselves last Sundays.
  EXPECT_EQ(start("2024-03-31"), "2024-03-31T00:00:00.000Z");
  EXPECT_EQ(start("2024-04-01"), "2024-03-31T23:00:00.000Z");
  EXPECT_EQ(start("2027-10-31"), "2027-10-30T23:00:00.000Z");
  EXPECT_EQ(start("2027-11-01"), "2027-11-01T00:00:00.000Z");
}

TEST(BritishDays, HaveEveryInstantInOneDayWhichFollowsTheOneBefore) {
  for (std::int64_t day = reports::BritishDayOf(At("2023-12-31T00:00:00Z"));
       day <= reports::BritishDayOf(At("2028-01-01T00:00:00Z")); ++day) {
    const UtcTime start = reports::StartOfBritishDay(day);
    EXPECT_EQ(reports::BritishDayOf(start), day) << start.Iso();
    EXPECT_EQ(reports::BritishDayOf(UtcTime(start.milliseconds() - 1)), day - 1) << start.Iso();
    const std::int64_t hours =
        (reports::StartOfBritishDay(day + 1).milliseconds() - start.milliseconds()) / 3'600'000;
    const std::string date = UtcTime(day * 86'400'000).Iso().substr(0, 10);
    const bool march = date == "2024-03-31" || date == "2025-03-30" || date == "2026-03-29" ||
                       date == "2027-03-28";
    const bool october = date == "2024-10-27" || date == "2025-10-26" || date == "2026-10-25" ||
                         date == "2027-10-31";
    EXPECT_EQ(hours, march ? 23 : october ? 25 : 24) << date;
  }
}

TEST(WorkingDays, AreThoseOfBritainInSummer) {
  // 22 April 2026 in Britain, a Wednesday: to Friday 1 May, whose end is 23:00 UTC.
  EXPECT_EQ(Deadline("2026-04-21T23:00:00Z"), "2026-05-01T23:00:00.000Z");
  EXPECT_EQ(Deadline("2026-04-22T00:00:00Z"), "2026-05-01T23:00:00.000Z");  // "2026-04-22"
  EXPECT_EQ(Deadline("2026-04-21T22:59:59.999Z"), "2026-04-30T23:00:00.000Z");
  // Over the change of the clocks: from 23 March, and from 21 October.
  EXPECT_EQ(Deadline("2026-03-23T12:00:00Z"), "2026-04-01T23:00:00.000Z");
  EXPECT_EQ(Deadline("2026-10-20T23:30:00Z"), "2026-10-31T00:00:00.000Z");
  // What is left is counted from the day in Britain too.
  const UtcTime end = At("2026-05-01T23:00:00Z");
  EXPECT_EQ(Calendar().WorkingDaysUntil(At("2026-04-29T22:59:59Z"), end), 2);
  EXPECT_EQ(Calendar().WorkingDaysUntil(At("2026-04-29T23:00:00Z"), end), 1);
}

TEST(WorkingDays, GuessNothingOfAYearThatTheCalendarLacks) {
  EXPECT_NE(Deadline("2026-12-24T00:00:00Z").find("no day of 2027"), std::string::npos);
  EXPECT_EQ(Deadline("2026-12-16T00:00:00Z"), "2026-12-30T00:00:00.000Z");
  EXPECT_FALSE(reports::WorkingDays({}).EndOfWorkingDayAfter(At("2026-06-01T00:00:00Z"), 1));
}

// The records, the log and the certificates of one report.
struct World {
  FakeRecordsData data = FakeRecordsData::Usual();
  MadeLog log;
  std::vector<reports::HeldCertificate> certificates;

  Device& device(Eui64 id, std::string_view commissioned) {
    Device& found = data.devices.at(id);
    found.commissioned = At(commissioned);
    return found;
  }
  void Hold(Eui64 subject, std::optional<UtcTime> revoked = {}) {
    for (const bool signs : {true, false}) {
      reports::HeldCertificate one;
      one.subject = subject;
      one.signs = signs;
      one.not_before = At("2020-01-01T00:00:00Z");
      one.not_after = At("2035-01-01T00:00:00Z");
      one.revoked = revoked;
      certificates.push_back(one);
    }
  }

  template <class DeviceReport>
  Report Make(const Period& period) {
    reports::CellHistory history(reports::Listing(), DeviceReport::HoldersSince(period));
    log.Show(period, history);
    const reports::DeviceGround ground{period, data.parties, certificates, Calendar(), history};
    DeviceReport report(ground, Eui64(0));
    const FakeRecords records(data);
    for (const auto& [id, each] : data.devices) EXPECT_TRUE(report.Take(each, records));
    return report.Finish();
  }
  // State of that device at the end of the period that ends then; "not listed".
  std::string StateAt(Eui64 id, std::string_view end) {
    const Report report = Make<reports::PostCommissioning>({UtcTime(0), At(end)});
    for (const auto& row : report.rows) {
      if (Text(row, "device") == id.Hyphenated()) return Text(row, "state");
    }
    return "not listed";
  }
};

// R-063-6: "Unhanded device on 5 Jan -> listed late."
TEST(PostCommissioning, ListsTheUnhandedDeviceOfTheExampleAsLate) {
  World world;
  world.device(testing::kEsme, "2025-12-19T10:00:00Z");
  EXPECT_EQ(world.StateAt(testing::kEsme, "2026-01-05T00:00:00Z"), "late");
  EXPECT_EQ(world.StateAt(testing::kEsme, "2026-01-03T00:00:00.001Z"), "late");
  EXPECT_EQ(world.StateAt(testing::kEsme, "2026-01-03T00:00:00Z"), "at risk");  // its last instant
  EXPECT_EQ(world.StateAt(testing::kEsme, "2025-12-31T00:00:00Z"), "at risk");  // two days left
  EXPECT_EQ(world.StateAt(testing::kEsme, "2025-12-30T00:00:00Z"), "outstanding");
  EXPECT_EQ(world.StateAt(testing::kEsme, "2025-12-19T10:00:00Z"), "not listed");  // no clock yet
}

TEST(PostCommissioning, EndsADeadlineInSummerAtMidnightInBritain) {
  World world;
  world.device(testing::kEsme, "2026-04-21T23:00:00Z");
  EXPECT_EQ(world.StateAt(testing::kEsme, "2026-05-01T23:00:00Z"), "at risk");
  EXPECT_EQ(world.StateAt(testing::kEsme, "2026-05-01T23:00:00.001Z"), "late");
}

TEST(PostCommissioning, CountsADeviceThatWasHandedOverAsCompliant) {
  World world;
  Device& esme = world.device(testing::kEsme, "2025-12-19T10:00:00Z");
  esme.network_operator.holder = CellState::Holder::kParty;
  esme.network_operator.party = testing::kNetworkOperatorUser;
  EXPECT_EQ(world.StateAt(testing::kEsme, "2026-01-05T00:00:00Z"), "not listed");
  // R-107-7: the log says that this happened on 7 January.
  audit::Entry observed("observed", At("2026-01-07T00:00:00Z"));
  audit::Object cell{{"role", "NetworkOperator"},
                     {"before", "acb"},
                     {"after", testing::kNetworkOperatorUser.Hyphenated()}};
  observed.Set("device", testing::kEsme.Hyphenated()).Set("cells", audit::List{std::move(cell)});
  world.log.Add(observed);
  EXPECT_EQ(world.StateAt(testing::kEsme, "2026-01-05T00:00:00Z"), "late");
  EXPECT_EQ(world.StateAt(testing::kEsme, "2026-01-08T00:00:00Z"), "not listed");
}

// R-128-22: "Same GPF, GNP User status flipped -> row moves from compliant to outstanding on the
// effective date."
TEST(PostCommissioning, MovesTheGpfWhenItsGnpBecomesAUser) {
  World world;
  world.device(testing::kGpf, "2025-01-06T10:00:00Z");
  std::erase_if(world.data.parties, [](const PartyRecord& row) {
    return row.user_id == testing::kNetworkOperatorUser && row.role == UserRole::kGasTransporter;
  });
  world.Hold(testing::kNetworkOperatorUser);
  EXPECT_EQ(world.StateAt(testing::kGpf, "2026-07-01T00:00:00Z"), "compliant");
  PartyRecord user =
      testing::Party(testing::kNetworkOperatorUser, "NOA", UserRole::kGasTransporter);
  user.from = At("2026-06-01T00:00:00Z");
  world.data.parties.push_back(user);
  EXPECT_EQ(world.StateAt(testing::kGpf, "2026-06-01T00:00:00Z"), "compliant");
  EXPECT_EQ(world.StateAt(testing::kGpf, "2026-06-01T00:00:00.001Z"), "outstanding");
  EXPECT_EQ(world.StateAt(testing::kGpf, "2026-06-12T00:00:00Z"), "late");
  world.data.parties.back().to = At("2026-06-08T00:00:00Z");  // and back
  EXPECT_EQ(world.StateAt(testing::kGpf, "2026-06-12T00:00:00Z"), "compliant");
}

TEST(PostCommissioning, LetsAGpfStayWithTheAcbWhileNoCertificateExists) {
  World world;
  world.device(testing::kGpf, "2025-12-19T10:00:00Z");
  EXPECT_EQ(world.StateAt(testing::kGpf, "2026-01-05T00:00:00Z"), "compliant");
  world.Hold(testing::kNetworkOperatorUser);
  EXPECT_EQ(world.StateAt(testing::kGpf, "2026-01-05T00:00:00Z"), "late");
  world.certificates.clear();
  world.Hold(testing::kNetworkOperatorUser, At("2026-01-01T00:00:00Z"));  // revoked
  EXPECT_EQ(world.StateAt(testing::kGpf, "2026-01-05T00:00:00Z"), "compliant");
}

// Found by an attack: what replaces a certificate in time begins no clock anew; a break does.
TEST(PostCommissioning, CountsFromWhenAUsersCertificateHasExistedWithoutABreak) {
  World world;
  world.device(testing::kGpf, "2025-01-06T10:00:00Z");
  world.Hold(testing::kNetworkOperatorUser, At("2026-01-02T00:00:00Z"));
  world.Hold(testing::kNetworkOperatorUser);
  for (std::size_t i = 2; i < 4; ++i) world.certificates[i].not_before = At("2026-01-01T00:00:00Z");
  EXPECT_EQ(world.StateAt(testing::kGpf, "2026-01-05T00:00:00Z"), "late");
  for (std::size_t i = 2; i < 4; ++i) world.certificates[i].not_before = At("2026-01-03T00:00:00Z");
  EXPECT_EQ(world.StateAt(testing::kGpf, "2026-01-02T12:00:00Z"), "compliant");
  EXPECT_EQ(world.StateAt(testing::kGpf, "2026-01-05T00:00:00Z"), "outstanding");
}

// Found by an attack: nobody is late on the day on which the duty begins.
TEST(PostCommissioning, CountsFromWhenTheMeterPointIsOfAPartyWithACertificate) {
  World world;
  world.device(testing::kGpf, "2025-01-06T10:00:00Z");
  world.Hold(testing::kNetworkOperatorUser);
  std::vector<Registration> rows;
  for (const Registration& row : world.data.registrations) {
    if (row.mpxn != testing::kMprn) continue;
    Registration before = row;
    before.network_operator = "NOB";  // of which no certificate is held
    before.to = At("2026-01-03T00:00:00Z");
    rows.push_back(before);
    rows.push_back(row);
    rows.back().from = *before.to;
  }
  ASSERT_EQ(rows.size(), 2u);
  std::erase_if(world.data.registrations,
                [](const Registration& row) { return row.mpxn == testing::kMprn; });
  world.data.registrations.insert(world.data.registrations.end(), rows.begin(), rows.end());
  EXPECT_EQ(world.StateAt(testing::kGpf, "2026-01-02T00:00:00Z"), "compliant");
  EXPECT_EQ(world.StateAt(testing::kGpf, "2026-01-05T00:00:00Z"), "outstanding");
  EXPECT_EQ(world.StateAt(testing::kGpf, "2026-01-20T00:00:00Z"), "late");
  // A gap between the two is nobody's.
  for (Registration& row : world.data.registrations) {
    if (row.network_operator == "NOB") row.to = At("2025-10-01T00:00:00Z");
  }
  EXPECT_EQ(world.StateAt(testing::kGpf, "2026-01-05T00:00:00Z"), "outstanding");
  // What the party before owed is owed.
  world.Hold(testing::kOtherNetworkOperatorUser);
  PartyRecord before =
      testing::Party(testing::kOtherNetworkOperatorUser, "NOB", UserRole::kGasTransporter);
  world.data.parties.push_back(before);
  EXPECT_EQ(world.StateAt(testing::kGpf, "2026-01-05T00:00:00Z"), "late");
}

// The checks of a handover read the register so too (checks/registration.h).
TEST(PostCommissioning, ReadsTheRowThatBeganLastAndANoticeOfAnotherUserId) {
  World world;
  world.device(testing::kGpf, "2025-01-06T10:00:00Z");
  world.Hold(testing::kNetworkOperatorUser);
  ASSERT_EQ(world.StateAt(testing::kGpf, "2026-01-05T00:00:00Z"), "late");
  PartyRecord row = testing::Party(testing::kNetworkOperatorUser, "NOA", UserRole::kGasTransporter);
  row.status = PartyStatus::kCeased;
  row.from = At("2026-01-01T00:00:00Z");
  world.data.parties.push_back(row);  // beside the open one that says active
  EXPECT_EQ(world.StateAt(testing::kGpf, "2026-01-05T00:00:00Z"), "compliant");
  row = testing::Party(Eui64(0x90B3D51F30000777), "NOA", UserRole::kGasTransporter);
  row.notice_to_cease = At("2026-01-01T00:00:00Z");
  world.data.parties.back() = row;
  EXPECT_EQ(world.StateAt(testing::kGpf, "2026-01-05T00:00:00Z"), "compliant");
}

// R-128-29: before 29 June 2023 the rule of MP128A was not in force.
TEST(PostCommissioning, UsesTheRulesOfThePeriod) {
  const FakeRecordsData data = FakeRecordsData::Usual();
  Device gpf = data.devices.at(testing::kGpf);
  gpf.commissioned = At("2026-06-01T00:00:00Z");
  const auto judge = [&](bool may_stay) {
    return reports::JudgeDuty(gpf, gpf.network_operator, {"NOA", {}},
                              {At("2026-06-30T00:00:00Z"), may_stay, {}}, Calendar())
        .duty;
  };
  EXPECT_EQ(judge(reports::ReportRulesAt(At("2023-05-31T00:00:00Z")).gpf_may_stay_with_acb),
            HandoverDuty::kLate);
  EXPECT_EQ(judge(reports::ReportRulesAt(At("2023-07-31T00:00:00Z")).gpf_may_stay_with_acb),
            HandoverDuty::kCompliant);
}

// R-128-26, R-128-27, R-SEC3-76; each with the device that is listed.
TEST(PostCommissioning, IsForCommissionedEsmesAndGpfsOfSmets2Alone) {
  World world;
  const auto state = [&](Eui64 id) { return world.StateAt(id, "2026-01-05T00:00:00Z"); };
  Device& esme = world.device(testing::kEsme, "2025-12-19T10:00:00Z");
  world.device(testing::kGsme, "2025-12-19T10:00:00Z");
  EXPECT_EQ(state(testing::kGsme), "not listed");
  EXPECT_EQ(state(testing::kEsme), "late");
  esme.smets = SmetsGeneration::kSmets1;
  EXPECT_EQ(state(testing::kEsme), "not listed");
  esme.smets = SmetsGeneration::kSmets2;
  esme.smi_status = SmiStatus::kInstalledNotCommissioned;
  EXPECT_EQ(state(testing::kEsme), "not listed");
  esme.smi_status = SmiStatus::kCommissioned;
  EXPECT_EQ(state(testing::kEsme), "late");
}

// R-128-22: whether its certificate may stay hangs on a party that nobody knows.
TEST(PostCommissioning, GuessesNothingOfAGpfWithoutARegistration) {
  World world;
  world.device(testing::kGpf, "2025-12-19T10:00:00Z");
  const auto state = [&](std::string_view end) { return world.StateAt(testing::kGpf, end); };
  for (Registration& row : world.data.registrations) row.from = At("2026-01-04T00:00:00Z");
  EXPECT_EQ(state("2026-01-04T00:00:00Z"), "unknown");
  EXPECT_EQ(state("2026-01-05T00:00:00Z"), "compliant");
  world.Hold(testing::kNetworkOperatorUser);
  EXPECT_EQ(state("2026-01-04T00:00:00Z"), "unknown");
  EXPECT_EQ(state("2026-01-05T00:00:00Z"), "late");
  // An ESME's duty hangs on nobody.
  world.device(testing::kEsme, "2025-12-19T10:00:00Z");
  EXPECT_EQ(world.StateAt(testing::kEsme, "2026-01-04T00:00:00Z"), "late");
}

// R-SEC3-76: no date, no clock; but it is not forgotten.
TEST(PostCommissioning, CountsCommissionedDevicesWithoutADate) {
  constexpr const char* kCount = "commissioned, without the date";
  World world;
  world.device(testing::kEsme, "2025-12-19T10:00:00Z");
  const auto make = [&] {
    return world.Make<reports::PostCommissioning>({UtcTime(0), At("2026-01-05T00:00:00Z")});
  };
  Device& gpf = world.data.devices.at(testing::kGpf);
  gpf.commissioned.reset();
  EXPECT_EQ(TotalOf(make(), kCount), "1");  // a GSME without one has no duty
  EXPECT_EQ(make().rows.size(), 1u);
  gpf.smi_status = SmiStatus::kInstalledNotCommissioned;
  EXPECT_EQ(TotalOf(make(), kCount), "0");
  gpf.smi_status = SmiStatus::kCommissioned;
  gpf.network_operator.holder = CellState::Holder::kParty;
  gpf.network_operator.party = testing::kNetworkOperatorUser;
  EXPECT_EQ(TotalOf(make(), kCount), "0");
}

TEST(PostCommissioning, NamesTheAttemptsAndNoMeterPoint) {
  World world;
  world.device(testing::kEsme, "2025-12-19T10:00:00Z");
  const std::string esme = testing::kEsme.Hyphenated();
  world.log.Refused("2025-12-22T10:00:00Z", "SUPA", esme, "NO_NOT_REGISTERED", "X");
  world.log.Refused("2026-01-05T00:00:00Z", "SUPA", esme, "NO_NOT_REGISTERED", "X");  // after
  const Report report =
      world.Make<reports::PostCommissioning>({UtcTime(0), At("2026-01-05T00:00:00Z")});
  ASSERT_EQ(report.rows.size(), 1u);
  EXPECT_EQ(testing::Entries(report.rows[0], "attempts"), (std::vector<std::uint64_t>{0}));
  EXPECT_EQ(Text(report.rows[0], "supplier"), "SUPA");
  for (const auto& [name, cell] : report.rows[0]) {
    EXPECT_EQ(reports::PlainText(cell).find(testing::kMpan), std::string::npos) << name;
  }
}

// R-128-8: "GPF slot = revoked cert -> in orphan report with date first seen."
TEST(Orphans, AreCellsOfRevokedCertificatesAndDefunctParties) {
  World world;
  Device& gpf = world.device(testing::kGpf, "2025-01-06T10:00:00Z");
  gpf.network_operator.holder = CellState::Holder::kParty;
  gpf.network_operator.party = testing::kNetworkOperatorUser;
  const Period period = Month("2026-10-01", "2026-11-01");
  world.Hold(testing::kNetworkOperatorUser);
  EXPECT_TRUE(world.Make<reports::Orphans>(period).rows.empty());
  world.certificates[0].revoked = At("2026-10-10T00:00:00Z");
  Report report = world.Make<reports::Orphans>(period);
  ASSERT_EQ(report.rows.size(), 1u);
  EXPECT_EQ(Text(report.rows[0], "first_seen"), "2026-10-10T00:00:00.000Z");
  EXPECT_EQ(Text(report.rows[0], "holder_party"), "NOA");
  world.certificates[0].revoked = At("2026-11-01T00:00:00Z");  // not in October
  EXPECT_TRUE(world.Make<reports::Orphans>(period).rows.empty());
  for (PartyRecord& row : world.data.parties) {
    if (row.user_id == testing::kNetworkOperatorUser) row.to = At("2026-10-20T00:00:00Z");
  }
  report = world.Make<reports::Orphans>(period);
  ASSERT_EQ(report.rows.size(), 1u);
  EXPECT_EQ(Text(report.rows[0], "since"), "2026-10-20T00:00:00.000Z");
}

// Found by an attack: R-128-8 is about the role that the cell is held in.
TEST(Orphans, AreJudgedByTheRoleOfTheCell) {
  World world;
  const Period period = Month("2026-10-01", "2026-11-01");
  Device& gpf = world.data.devices.at(testing::kGpf);
  gpf.network_operator = {CellState::Holder::kParty, testing::kNetworkOperatorUser, {}};
  EXPECT_TRUE(world.Make<reports::Orphans>(period).rows.empty());
  PartyRecord row = testing::Party(testing::kNetworkOperatorUser, "NOA", UserRole::kGasTransporter);
  row.status = PartyStatus::kCeased;
  row.from = At("2026-10-20T00:00:00Z");
  world.data.parties.push_back(row);  // beside an open row that says active; active as ED too
  const Report report = world.Make<reports::Orphans>(period);
  ASSERT_EQ(report.rows.size(), 1u);
  EXPECT_EQ(Text(report.rows[0], "since"), "2026-10-20T00:00:00.000Z");
}

// R-128-5: "list of 40 with days left; zero -> clear statement."
TEST(GnpLeaving, ListsTheGpfsThatAreLeftWithDaysLeftAndSaysClear) {
  World world;
  const Period period = Month("2026-10-01", "2026-11-01");
  EXPECT_EQ(TotalOf(world.Make<reports::GnpLeaving>(period), "gas network parties that leave"),
            "none: clear");
  for (PartyRecord& row : world.data.parties) {
    if (row.user_id == testing::kNetworkOperatorUser && row.role == UserRole::kGasTransporter) {
      row.notice_to_cease = At("2026-09-01T00:00:00Z");
      row.to = At("2026-12-01T00:00:00Z");
    }
  }
  EXPECT_EQ(TotalOf(world.Make<reports::GnpLeaving>(period), "GPFs that still hold"), "0: clear");
  for (std::uint64_t i = 0; i < 40; ++i) {
    Device gpf =
        testing::AcbDevice(Eui64(0x00DB000000000000 + i), DeviceType::kGpf, testing::kMprn);
    gpf.network_operator = {CellState::Holder::kParty, testing::kNetworkOperatorUser, {}};
    world.data.devices.emplace(gpf.id, gpf);
  }
  const Report report = world.Make<reports::GnpLeaving>(period);
  ASSERT_EQ(report.rows.size(), 40u);
  EXPECT_EQ(Text(report.rows[0], "days_left"), "31");  // from the end of October
  EXPECT_EQ(TotalOf(report, "GPFs that still hold"), "40");

  // It stays after all: a row without a notice goes on where that one ends.
  PartyRecord stays =
      testing::Party(testing::kNetworkOperatorUser, "NOA", UserRole::kGasTransporter);
  stays.from = At("2026-12-01T00:00:00Z");
  world.data.parties.push_back(stays);
  EXPECT_EQ(world.Make<reports::GnpLeaving>(period).rows.size(), 40u);  // the notice still stands
  EXPECT_TRUE(world.Make<reports::GnpLeaving>(Month("2026-12-01", "2027-01-01")).rows.empty());
}

// Found by an attack. Each as "party, last octet of the User ID: notice leaves".
TEST(GnpLeaving, ListsWhoLeavesAndNobodyElse) {
  World world;
  const auto leaving = [&](std::string_view at) {
    std::string all;
    for (const auto& one : reports::LeavingGasParties(world.data.parties, At(at))) {
      all += one.party + " " + one.user_id.Plain().substr(14) + ": " +
             (one.notice ? one.notice->Iso().substr(0, 10) : "-") + " " +
             (one.leaves ? one.leaves->Iso().substr(0, 10) : "-") + "; ";
    }
    return all;
  };
  std::erase_if(world.data.parties,
                [](const PartyRecord& row) { return row.role == UserRole::kGasTransporter; });
  const auto row = [](std::string_view from, PartyStatus status = PartyStatus::kActive) {
    PartyRecord made =
        testing::Party(testing::kNetworkOperatorUser, "NOA", UserRole::kGasTransporter);
    made.from = At(from);
    made.to.reset();
    made.status = status;
    return made;
  };
  auto& rows = world.data.parties;
  const std::size_t others = rows.size();
  const auto set = [&](std::vector<PartyRecord> made) {
    rows.resize(others, rows.front());
    rows.insert(rows.end(), made.begin(), made.end());
  };
  const std::string kOne = "NOA " + testing::kNetworkOperatorUser.Plain().substr(14) + ": ";
  constexpr std::string_view kDay = "2026-11-01T00:00:00Z";
  set({row("2015-01-01T00:00:00Z")});
  EXPECT_EQ(leaving(kDay), "");
  // A row of later that says so, beside one without an end.
  set({row("2015-01-01T00:00:00Z"), row("2026-11-20T00:00:00Z", PartyStatus::kCeased)});
  EXPECT_EQ(leaving(kDay), kOne + "- 2026-11-20; ");
  EXPECT_EQ(leaving("2026-12-01T00:00:00Z"), kOne + "- 2026-11-20; ");
  // It left, and came back.
  PartyRecord left = row("2015-01-01T00:00:00Z");
  left.to = At("2018-01-01T00:00:00Z");
  set({left, row("2019-01-01T00:00:00Z")});
  EXPECT_EQ(leaving(kDay), "");
  EXPECT_EQ(leaving("2018-06-01T00:00:00Z"), kOne + "- 2018-01-01; ");
  // Suspended is not gone; tests that are not completed make no User that could go.
  set({row("2015-01-01T00:00:00Z"), row("2026-10-01T00:00:00Z", PartyStatus::kSuspended)});
  EXPECT_EQ(leaving(kDay), "");
  PartyRecord untested = row("2015-01-01T00:00:00Z");
  untested.uept = false;
  set({untested});
  EXPECT_EQ(leaving(kDay), "");
  // R-128-6: the notice is the party's, whichever User ID it came for; a newer row takes it back.
  PartyRecord other = row("2015-01-01T00:00:00Z");
  other.user_id = Eui64(0x90B3D51F30000777);
  other.notice_to_cease = At("2026-10-01T00:00:00Z");
  set({row("2015-01-01T00:00:00Z"), other});
  EXPECT_EQ(leaving(kDay), "NOA 77: 2026-10-01 -; " + kOne + "2026-10-01 -; ");
  PartyRecord newer = other;
  newer.from = At("2026-10-10T00:00:00Z");
  newer.notice_to_cease.reset();
  set({row("2015-01-01T00:00:00Z"), other, newer});
  EXPECT_EQ(leaving(kDay), "");
}

// R-107-10: "12 months of data -> monthly series by generation and by NO."
TEST(WrongCertificatesTrend, CountsByMonthGenerationAndOperator) {
  World world;
  Device& esme = world.device(testing::kEsme, "2025-01-06T10:00:00Z");
  esme.network_operator = {CellState::Holder::kParty, testing::kOtherNetworkOperatorUser, {}};
  Device& gpf = world.device(testing::kGpf, "2025-01-06T10:00:00Z");
  gpf.smets = SmetsGeneration::kSmets1;
  world.data.proxies = {
      {testing::kGpf, ProxySource::kDsp, testing::kOtherNetworkOperatorUser, "12ab"}};
  // The ESME's meter point passes to the holder in June.
  world.data.registrations[0].to = At("2026-06-15T00:00:00Z");
  Registration next = world.data.registrations[0];
  next.network_operator = "NOB";
  next.from = At("2026-06-15T00:00:00Z");
  next.to.reset();
  world.data.registrations.push_back(next);
  const Report report =
      world.Make<reports::WrongCertificatesTrend>(Month("2026-10-01", "2026-11-01"));
  int smets1 = 0, smets2 = 0;
  for (const auto& row : report.rows) {
    EXPECT_EQ(Text(row, "registered_party"), "NOA");
    EXPECT_EQ(Text(row, "devices"), "1");
    (Text(row, "generation") == "SMETS1" ? smets1 : smets2) += 1;
  }
  EXPECT_EQ(smets1, 13);  // twelve month ends, and the end of the period
  EXPECT_EQ(smets2, 8);   // end of October 2025 to end of May 2026
}

// The month ends, as "2026-05", at which the report counts the device.
std::vector<std::string> MonthsWrong(World& world) {
  std::vector<std::string> months;
  const Report report =
      world.Make<reports::WrongCertificatesTrend>(Month("2026-10-01", "2026-11-01"));
  for (const auto& row : report.rows) months.push_back(Text(row, "month_end").substr(0, 7));
  return months;
}

// Found by an attack: one EUI-64 may be another party on the gas side.
TEST(WrongCertificatesTrend, KnowsThePartyByTheRoleOfTheDevice) {
  World world;
  Device& esme = world.device(testing::kEsme, "2025-01-06T10:00:00Z");
  esme.network_operator = {CellState::Holder::kParty, testing::kNetworkOperatorUser, {}};
  Device& gpf = world.device(testing::kGpf, "2025-01-06T10:00:00Z");
  gpf.network_operator = esme.network_operator;
  ASSERT_TRUE(MonthsWrong(world).empty());
  for (PartyRecord& row : world.data.parties) {
    if (row.role == UserRole::kGasTransporter && row.user_id == testing::kNetworkOperatorUser) {
      row.party = "NOG";
    }
  }
  EXPECT_EQ(MonthsWrong(world).size(), 13u) << "the GPF, of which NOA is registered";
  for (Registration& row : world.data.registrations) {
    if (row.mpxn == testing::kMprn) row.network_operator = "NOG";
  }
  EXPECT_TRUE(MonthsWrong(world).empty());
  // Gas is a GSME's too, of which proxy records say who owns it.
  gpf.smets = SmetsGeneration::kSmets1;
  gpf.type = DeviceType::kGsme;
  world.data.proxies = {{testing::kGpf, ProxySource::kDsp, testing::kNetworkOperatorUser, "12ab"}};
  EXPECT_TRUE(MonthsWrong(world).empty());
}

// R-107-10, R-107-7: each month has the holders of its own end.
TEST(WrongCertificatesTrend, HasTheHoldersOfEachMonthEnd) {
  World world;
  Device& esme = world.device(testing::kEsme, "2025-01-06T10:00:00Z");
  esme.network_operator = {CellState::Holder::kParty, testing::kNetworkOperatorUser, {}};
  EXPECT_TRUE(MonthsWrong(world).empty());
  const auto change = [&](std::string_view at, std::string_view before, std::string_view after) {
    audit::Entry observed("observed", At(at));
    audit::Object cell{{"role", "NetworkOperator"}, {"before", before}, {"after", after}};
    observed.Set("device", esme.id.Hyphenated()).Set("cells", audit::List{std::move(cell)});
    world.log.Add(observed);
  };
  const std::string other = testing::kOtherNetworkOperatorUser.Hyphenated();
  const std::string right = testing::kNetworkOperatorUser.Hyphenated();
  change("2026-03-31T23:59:59.999Z", "acb", other);  // wrong at the end of March
  change("2026-06-01T00:00:00Z", other, right);      // and of May: corrected the instant after
  change("2026-11-05T00:00:00Z", right, other);      // after the period
  esme.network_operator.party = testing::kOtherNetworkOperatorUser;
  EXPECT_EQ(MonthsWrong(world), (std::vector<std::string>{"2026-03", "2026-04", "2026-05"}));
}

// R-128-10: a successor takes over the EUI-64; months before it are judged by the register of then.
TEST(WrongCertificatesTrend, HasTheRegisterOfPartiesOfEachMonthEnd) {
  World world;
  Device& esme = world.device(testing::kEsme, "2025-01-06T10:00:00Z");
  esme.network_operator = {CellState::Holder::kParty, testing::kNetworkOperatorUser, {}};
  std::vector<PartyRecord> successors;
  for (PartyRecord& row : world.data.parties) {
    if (row.user_id != testing::kNetworkOperatorUser) continue;
    row.to = At("2026-08-01T00:00:00Z");
    successors.push_back(row);
    successors.back().party = "NOZ";
    successors.back().from = At("2026-08-01T00:00:00Z");
    successors.back().to.reset();
  }
  ASSERT_FALSE(successors.empty());
  world.data.parties.insert(world.data.parties.end(), successors.begin(), successors.end());
  // Registration data still names the predecessor.
  EXPECT_EQ(MonthsWrong(world), (std::vector<std::string>{"2026-08", "2026-09", "2026-10"}));
}

}  // namespace
}  // namespace acb
