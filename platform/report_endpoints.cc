#include "platform/report_endpoints.h"

#include <algorithm>
#include <memory>

#include "firmware/base/request_id.h"
#include "firmware/reports/annual_statement.h"
#include "firmware/reports/counters.h"
#include "firmware/reports/keys.h"
#include "firmware/reports/network_certificates.h"
#include "firmware/reports/non_compliance.h"
#include "firmware/reports/registers.h"
#include "firmware/reports/rule_versions.h"
#include "firmware/reports/sample.h"
#include "firmware/reports/volume.h"
#include "firmware/smets1/proxy.h"
#include "platform/report_ground.h"
#include "platform/report_query.h"
#include "platform/report_text.h"

namespace acb::platform {
namespace {

using reports::Cell;
using reports::Listing;
using reports::Report;
using reports::TextOrNothing;

// Devices read for one page of the lists of proxy records: some tenths of a second.
constexpr std::size_t kDevicesPerAnswer = 5'000;
static_assert(kDevicesPerAnswer <= store::Store::kMaxProxyDevices);

// R-063-18: of the Panel Information Policy. RED where parties or clients are named.
constexpr std::string_view kRed = "RED", kAmber = "AMBER";

// What one report is made from.
struct Making {
  store::Store& store;
  const ReportQuery& query;
  std::uint64_t log_size;
  std::shared_ptr<const smki::Trust> trust;
  std::optional<UtcTime> validation_time;
  UtcTime now;
  std::set<std::string> rule_sets;

  // Entries that a figure keeps: those of a page when it is asked for alone.
  Listing listing() const {
    if (!query.figure) return {};
    return {query.page ? ParseDecimal(*query.page).value_or(0) : 0, reports::kEntriesOfAPage};
  }
};

Result<std::uint64_t> FirstEntry(const ReportQuery& query) {
  if (!query.page || query.figure) return std::uint64_t{0};
  const auto first = ParseDecimal(*query.page);
  if (!first)
    return Failure(Reason::kMalformed, "'page' is a decimal number: the index of an entry");
  return *first;
}

Result<Eui64> FirstDevice(const ReportQuery& query) {
  if (query.figure) {
    // "attempts/00-DB-...": the walk begins at that device.
    const std::size_t slash = query.figure->find('/');
    const auto device = slash == std::string::npos
                            ? std::nullopt
                            : Eui64::FromText(query.figure->substr(slash + 1));
    if (!device) return Failure(Reason::kNotFound, "this report has no such figure");
    return *device;
  }
  if (!query.page) return Eui64(0);
  const auto first = Eui64::FromText(*query.page);
  if (!first) return Failure(Reason::kMalformed, "'page' is an EUI-64: that of a device");
  return *first;
}

Result<Report> ByLog(Making& making, reports::LogReport& report) {
  Status read =
      ReadLog(making.store, making.log_size, making.query.period, report, making.rule_sets);
  if (!read) return std::move(read).error();
  return report.Finish();
}

// Gives `add` the proxy records of each device of the page, with the device if it is known.
template <class Add>
Result<Report> WalkProxies(Making& making, const Add& add) {
  const auto from = FirstDevice(making.query);
  if (!from) return from.error();
  const auto proxies = making.store.ListProxyCertificates(*from, kDevicesPerAnswer);
  if (!proxies) return proxies.error();
  const auto records = making.store.Open();
  if (!records) return records.error();
  Report page;
  auto begin = proxies->rows.begin();
  while (begin != proxies->rows.end()) {
    const Eui64 id = begin->device;
    const auto end = std::find_if(begin, proxies->rows.end(),
                                  [&](const ProxyCertificate& row) { return row.device != id; });
    const auto device = (*records)->FindDevice(id);
    if (!device) return device.error();
    if (Status added = add(**records, id, *device, std::vector(begin, end), page); !added) {
      return std::move(added).error();
    }
    begin = end;
  }
  if (proxies->next) page.next = proxies->next->Hyphenated();
  return page;
}

reports::Row DeadlockRow(const Device& device, const smets1::DeadlockFinding& finding) {
  std::vector<std::string> sources;
  for (const ProxySource source : finding.sources) sources.emplace_back(Name(source));
  return {{"device", device.id.Hyphenated()},
          {"type", std::string(Name(device.type))},
          {"state", std::string(Name(finding.state))},
          {"owner_party", TextOrNothing(finding.owner_party)},
          {"registered_party", TextOrNothing(finding.registered_party)},
          {"owner", finding.owner.Hyphenated()},
          {"sources", std::move(sources)},
          {"registered_since",
           TextOrNothing(finding.registered_since ? finding.registered_since->Iso() : "")},
          {"who_can_fix", std::string("the DCC: neither of the two parties can")}};
}

constexpr std::string_view kProxiesOfNow =
    "Proxy records and devices are those of now: the store keeps no history of them. Registrations "
    "and parties are those of the end of the period.";

// R-107-3.
Result<Report> Deadlocks(Making& making) {
  auto page =
      WalkProxies(making,
                  [&](const Records& records, Eui64, const std::optional<Device>& device,
                      const std::vector<ProxyCertificate>& proxies, Report& report) -> Status {
                    if (!device) return Done{};  // reconciliation lists it
                    const auto findings =
                        smets1::FindDeadlocks(records, *device, proxies, making.query.period.end());
                    if (!findings) return findings.error();
                    for (const auto& finding : *findings)
                      report.rows.push_back(DeadlockRow(*device, finding));
                    return Done{};
                  });
  if (!page) return page;
  page->columns = {"device",           "type",  "state",   "owner_party",
                   "registered_party", "owner", "sources", "registered_since",
                   "who_can_fix"};
  page->notices.emplace_back(kProxiesOfNow);
  return page;
}

Cell CopyCell(const std::optional<ProxyCertificate>& copy) {
  if (!copy) return {};
  return reports::Members{{"owner", copy->owner.Hyphenated()}, {"certificate", copy->certificate}};
}

// R-107-8.
Result<Report> Reconciliation(Making& making) {
  auto page =
      WalkProxies(making,
                  [](const Records&, Eui64 id, const std::optional<Device>& device,
                     const std::vector<ProxyCertificate>& proxies, Report& report) -> Status {
                    for (const auto& exception : smets1::Reconcile(device, proxies)) {
                      report.rows.push_back({{"device", id.Hyphenated()},
                                             {"exception", std::string(Name(exception.kind))},
                                             {"dsp", CopyCell(exception.dsp)},
                                             {"s1sp", CopyCell(exception.s1sp)}});
                    }
                    return Done{};
                  });
  if (!page) return page;
  page->columns = {"device", "exception", "dsp", "s1sp"};
  page->notices.emplace_back(kProxiesOfNow);
  return page;
}

Result<Report> ByRegister(Making& making, std::string_view name) {
  const auto first = FirstEntry(making.query);
  if (!first) return first.error();
  reports::Register report(*reports::FindRegister(name), *first, making.listing());
  return ByLog(making, report);
}

template <class LogReport>
Result<Report> WholePeriod(Making& making) {
  LogReport report(making.listing());
  return ByLog(making, report);
}

Result<Report> Counters(Making& making) {
  const auto first = FirstEntry(making.query);
  if (!first) return first.error();
  reports::CounterIntegrity report(*first, making.listing());
  return ByLog(making, report);
}

Result<Report> NonCompliance(Making& making) {
  reports::NonCompliance report(making.query.period, making.listing());
  return ByLog(making, report);
}

Result<Report> Annual(Making& making) {
  reports::AnnualStatement report(making.query.period, making.listing());
  return ByLog(making, report);
}

Result<Report> Draw(Making& making) {
  reports::Sample report(making.query.draw, making.listing());
  return ByLog(making, report);
}

Result<Report> Trust(Making& making) {
  auto held = LoadHeldLists(making.store, making.trust->settings());
  if (!held) return std::move(held).error();
  reports::TrustStatus report(*std::move(held), making.validation_time.value_or(making.now),
                              making.listing());
  return ByLog(making, report);
}

template <class DeviceReport>
Result<Report> ByDevices(Making& making) {
  const auto first = FirstDevice(making.query);
  if (!first) return first.error();
  const auto parties = making.store.ListParties();
  if (!parties) return parties.error();
  const auto calendar = making.store.ListWorkingDays();
  if (!calendar) return calendar.error();
  const auto certificates =
      LoadHeldCertificates(making.store, making.trust->settings(), making.validation_time);
  if (!certificates) return certificates.error();
  const reports::WorkingDays days(*calendar);
  reports::CellHistory history(making.listing(), DeviceReport::HoldersSince(making.query.period));
  Status read =
      ReadLog(making.store, making.log_size, making.query.period, history, making.rule_sets);
  if (!read) return std::move(read).error();
  const reports::DeviceGround ground{making.query.period, *parties, *certificates, days, history};
  DeviceReport report(ground, *first);
  if (Status walked = WalkDevices(making.store, *first, report); !walked) {
    return std::move(walked).error();
  }
  return report.Finish();
}

struct ReportKind {
  std::string_view name;
  std::string_view classification;
  Result<Report> (*make)(Making&);
  ReportParameters takes = {};
};
constexpr ReportParameters kPagesByFrom = {.pages_by_from = true};

template <const char* name>
Result<Report> OfRegister(Making& making) {
  return ByRegister(making, name);
}
constexpr char kMismatches[] = "mismatches", kSigning[] = "signing", kRefusals[] = "refusals",
               kObservations[] = "observations", kFeeds[] = "feeds", kStarts[] = "starts",
               kOperators[] = "operators", kNotifications[] = "notifications", kAccess[] = "access";

constexpr ReportKind kReports[] = {
    {"network-certificates", kRed, WholePeriod<reports::NetworkCertificates>},
    {"post-commissioning", kRed, ByDevices<reports::PostCommissioning>},
    {"mismatches", kRed, OfRegister<kMismatches>, kPagesByFrom},
    {"deadlocks", kRed, Deadlocks, kPagesByFrom},
    {"reconciliation", kRed, Reconciliation, kPagesByFrom},
    {"orphans", kRed, ByDevices<reports::Orphans>},
    {"gnp-leaving", kRed, ByDevices<reports::GnpLeaving>},
    {"wrong-certificates", kRed, ByDevices<reports::WrongCertificatesTrend>},
    {"counters", kAmber, Counters},
    {"keys", kAmber, WholePeriod<reports::KeyInventory>},
    {"trust", kAmber, Trust},
    {"volume", kRed, WholePeriod<reports::VolumeThresholds>},
    {"non-compliance", kRed, NonCompliance},
    {"signing", kRed, OfRegister<kSigning>},
    {"refusals", kRed, OfRegister<kRefusals>},
    {"observations", kRed, OfRegister<kObservations>},
    {"feeds", kRed, OfRegister<kFeeds>},
    {"starts", kAmber, OfRegister<kStarts>},
    {"operators", kRed, OfRegister<kOperators>},
    {"notifications", kRed, OfRegister<kNotifications>},
    {"access", kRed, OfRegister<kAccess>},
    {"sample", kRed, Draw, {.draws = true}},
    {"annual-statement", kRed, Annual}};
static_assert(std::ranges::equal(kReports, kReportNames, {}, &ReportKind::name));

// Where the rule versions of a period without a beginning begin.
Result<reports::Period> PeriodOfLog(store::Store& store, const ReportQuery& query) {
  reports::Period period = query.period;
  if (!query.from_beginning) return period;
  const auto entries = store.ReadAudit(0, 1);
  if (!entries) return entries.error();
  if (entries->empty()) return period;
  const auto head = reports::ReadHead(entries->front());
  if (head) period.from = std::min(head->time, period.end());
  return period;
}

Result<ReportHead> HeadOf(Box& box, const ReportKind& kind, const Making& making,
                          const store::LogHead& log) {
  const auto period = PeriodOfLog(making.store, making.query);
  if (!period) return period.error();
  ReportHead head;
  head.name = kind.name;
  head.environment = box.environment();
  head.classification = kind.classification;
  head.generated_at = making.now.Iso();
  if (!making.query.from_beginning) head.from = making.query.period.from.Iso();
  head.to = making.query.period.to.Iso();
  head.log_size = log.size;
  head.log_root = ToHex(log.root);
  head.rule_sets.assign(making.rule_sets.begin(), making.rule_sets.end());
  for (const reports::ReportRules* rules : reports::ReportRulesOf(*period)) {
    head.report_rules.push_back(std::string(rules->version) + ": " + std::string(rules->source));
  }
  head.link = "/v1/reports/" + head.name + "?" + making.query.Subject();
  return head;
}

// R-063-12: the entries behind one figure.
Result<Report> EntriesOf(const Report& report, std::string_view id) {
  const reports::Count* count = nullptr;
  const auto look = [&](const Cell& cell) {
    const auto* figure = std::get_if<reports::Figure>(&cell);
    if (figure != nullptr && figure->id == id) count = &figure->count;
  };
  for (const auto& total : report.totals) look(total.value);
  for (const reports::Row& row : report.rows) {
    for (const auto& [name, cell] : row) look(cell);
  }
  if (count == nullptr) return Failure(Reason::kNotFound, "this report has no such figure");
  Report listed;
  listed.columns = {"audit_index"};
  for (const std::uint64_t index : count->entries()) {
    listed.rows.push_back({{"audit_index", std::to_string(index)}});
  }
  listed.totals.push_back({std::string(id), std::to_string(count->number())});
  if (count->entries().size() == reports::kEntriesOfAPage) {
    listed.next = std::to_string(count->entries().back() + 1);
  }
  return listed;
}

HttpResponse GetReport(Box& box, const Config& config, const Clock& clock,
                       const HttpRequest& request) {
  const auto kind = std::ranges::find(kReports, request.Parameter("report"), &ReportKind::name);
  if (kind == std::end(kReports)) return Problem(Failure(Reason::kNotFound, "no such report"));
  const UtcTime now = clock.Now();
  const auto query = ReadReportQuery(request, now, kind->takes);
  if (!query) return Problem(query.error());
  // Of one moment: entries that come meanwhile are in the next report.
  const auto log = box.store().ReadLogHead();
  if (!log) return Problem(log.error());
  Making making{.store = box.store(),
                .query = *query,
                .log_size = log->size,
                .trust = box.trust().Current(),
                .validation_time = config.test.validation_time,
                .now = now,
                .rule_sets = {}};
  auto report = kind->make(making);
  if (!report) return Problem(report.error());
  auto head = HeadOf(box, *kind, making, *log);
  if (!head) return Problem(head.error());
  if (query->figure) {
    report = EntriesOf(*report, *query->figure);
    if (!report) return Problem(report.error());
    head->link += "&figure=" + PercentEncoded(*query->figure);
  }
  return RenderReport(*head, *report, query->form);
}

}  // namespace

void AddReportRoutes(Router& router, Box& box, const Config& config, const Clock& clock,
                     const Log& log, const std::shared_ptr<ReadingPlaces>& places) {
  AddAuditReading(router, box, log, places, "/v1/reports/{report}",
                  [&box, &config, &clock](const HttpRequest& request) {
                    return GetReport(box, config, clock, request);
                  });
}

}  // namespace acb::platform
