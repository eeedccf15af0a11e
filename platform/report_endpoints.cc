#include "platform/report_endpoints.h"

#include <algorithm>
#include <boost/json.hpp>

#include "firmware/base/request_id.h"
#include "firmware/smets1/proxy.h"

namespace acb::platform {
namespace {

// Read for one answer: some tenths of a second and megabytes, whatever is in them.
constexpr std::size_t kDevicesPerAnswer = 5'000;
constexpr std::uint64_t kEntriesPerAnswer = 5'000;
static_assert(kDevicesPerAnswer <= store::Store::kMaxProxyDevices);
static_assert(kEntriesPerAnswer < store::Store::kMaxAuditRead);

// R-063-18: of the Panel Information Policy. Every row names parties or what is theirs.
constexpr std::string_view kClassification = "RED";

struct Page {
  boost::json::array rows;
  std::optional<std::string> next;
};

struct Query {
  std::optional<std::string_view> from;
  UtcTime at;
};

boost::json::value TextOrNull(std::string_view text) {
  return text.empty() ? boost::json::value(nullptr) : boost::json::value(text);
}

// Gives `add` the proxy records of each device of the page, with the device if it is known.
template <class Add>
Result<Page> WalkProxies(store::Store& store, const Query& query, const Add& add) {
  const auto from = query.from ? Eui64::FromText(*query.from) : std::optional(Eui64(0));
  if (!from) return Failure(Reason::kMalformed, "'from' is an EUI-64");
  const auto proxies = store.ListProxyCertificates(*from, kDevicesPerAnswer);
  if (!proxies) return proxies.error();
  const auto records = store.Open();
  if (!records) return records.error();
  Page page;
  auto begin = proxies->rows.begin();
  while (begin != proxies->rows.end()) {
    const Eui64 id = begin->device;
    const auto end = std::find_if(begin, proxies->rows.end(),
                                  [&](const ProxyCertificate& row) { return row.device != id; });
    const auto device = (*records)->FindDevice(id);
    if (!device) return device.error();
    if (Status added = add(**records, id, *device, std::vector(begin, end), page.rows); !added) {
      return std::move(added).error();
    }
    begin = end;
  }
  if (proxies->next) page.next = proxies->next->Hyphenated();
  return page;
}

boost::json::object DeadlockJson(const Device& device, const smets1::DeadlockFinding& finding) {
  boost::json::array sources;
  for (const ProxySource source : finding.sources) sources.emplace_back(Name(source));
  return {{"device", device.id.Hyphenated()},
          {"type", Name(device.type)},
          {"state", Name(finding.state)},
          {"owner_party", TextOrNull(finding.owner_party)},
          {"registered_party", TextOrNull(finding.registered_party)},
          {"owner", finding.owner.Hyphenated()},
          {"sources", std::move(sources)},
          {"registered_since",
           TextOrNull(finding.registered_since ? finding.registered_since->Iso() : "")}};
}

Result<Page> ListDeadlocks(store::Store& store, const Query& query) {
  return WalkProxies(
      store, query,
      [&](const Records& records, Eui64, const std::optional<Device>& device,
          const std::vector<ProxyCertificate>& proxies, boost::json::array& rows) -> Status {
        if (!device) return Done{};  // reconciliation lists it
        const auto findings = smets1::FindDeadlocks(records, *device, proxies, query.at);
        if (!findings) return findings.error();
        for (const auto& finding : *findings) rows.push_back(DeadlockJson(*device, finding));
        return Done{};
      });
}

boost::json::value CopyJson(const std::optional<ProxyCertificate>& copy) {
  if (!copy) return nullptr;
  return {{"owner", copy->owner.Hyphenated()}, {"certificate", copy->certificate}};
}

Result<Page> ListReconciliation(store::Store& store, const Query& query) {
  return WalkProxies(
      store, query,
      [](const Records&, Eui64 id, const std::optional<Device>& device,
         const std::vector<ProxyCertificate>& proxies, boost::json::array& rows) -> Status {
        for (const auto& exception : smets1::Reconcile(device, proxies)) {
          rows.push_back({{"device", id.Hyphenated()},
                          {"exception", Name(exception.kind)},
                          {"dsp", CopyJson(exception.dsp)},
                          {"s1sp", CopyJson(exception.s1sp)}});
        }
        return Done{};
      });
}

boost::json::value Member(const boost::json::object& entry, std::string_view name) {
  const boost::json::value* value = entry.if_contains(name);
  return value == nullptr ? boost::json::value(nullptr) : *value;
}

bool Holds(const boost::json::value& list, std::string_view text) {
  if (!list.is_array()) return false;
  return std::ranges::any_of(list.get_array(), [&](const boost::json::value& each) {
    return each.is_string() && each.get_string() == text;
  });
}

bool IsMismatch(const boost::json::object& entry) {
  const boost::json::value kind = Member(entry, "kind");
  if (!kind.is_string() || (kind.get_string() != "signed" && kind.get_string() != "refused")) {
    return false;
  }
  return Holds(Member(entry, "observations"), Describe(Reason::kPrefixMismatch).name);
}

boost::json::object MismatchJson(const boost::json::object& entry) {
  return {{"audit_index", Member(entry, "index")},
          {"time", Member(entry, "time")},
          {"device", Member(entry, "device")},
          {"registered_party", Member(entry, "network_operator_by_registration")},
          {"prefix_party", Member(entry, "network_operator_by_prefix")},
          {"outcome", Member(entry, "kind")}};
}

// R-063-2.
Result<Page> ListMismatches(store::Store& store, const Query& query) {
  const auto from = query.from ? ParseDecimal(*query.from) : std::optional<std::uint64_t>(0);
  if (!from) return Failure(Reason::kMalformed, "'from' is a decimal number");
  // One more, which says that there is another page.
  const auto entries = store.ReadAudit(*from, kEntriesPerAnswer + 1);
  if (!entries) return entries.error();
  Page page;
  const std::uint64_t count = std::min<std::uint64_t>(entries->size(), kEntriesPerAnswer);
  for (std::uint64_t i = 0; i < count; ++i) {
    // Cheap, and nearly every entry stops here.
    if ((*entries)[i].find(Describe(Reason::kPrefixMismatch).name) == std::string::npos) continue;
    boost::json::error_code error;
    const boost::json::value entry = boost::json::parse((*entries)[i], error);
    if (error || !entry.is_object()) {
      return Failure(Reason::kRecordDamaged, {},
                     "audit entry " + std::to_string(*from + i) + " is no JSON object");
    }
    if (IsMismatch(entry.get_object())) page.rows.push_back(MismatchJson(entry.get_object()));
  }
  if (entries->size() > count) page.next = std::to_string(*from + count);
  return page;
}

struct Report {
  std::string_view name;
  Result<Page> (*list)(store::Store&, const Query&);
};
constexpr Report kReports[] = {{"deadlocks", ListDeadlocks},
                               {"reconciliation", ListReconciliation},
                               {"mismatches", ListMismatches}};

HttpResponse GetReport(Box& box, const Clock& clock, const HttpRequest& request) {
  const auto report = std::ranges::find(kReports, request.Parameter("report"), &Report::name);
  if (report == std::end(kReports)) return Problem(Failure(Reason::kNotFound, "no such report"));
  const Query query{.from = request.QueryParameter("from"), .at = clock.Now()};
  auto page = report->list(box.store(), query);
  if (!page) return Problem(page.error());
  return JsonResponse(boost::json::object{{"report", report->name},
                                          {"generated_at", query.at.Iso()},
                                          {"environment", box.environment()},
                                          {"classification", kClassification},
                                          {"rows", std::move(page->rows)},
                                          {"next", TextOrNull(page->next.value_or(""))}});
}

}  // namespace

void AddReportRoutes(Router& router, Box& box, const Clock& clock) {
  router.Add("GET", "/v1/reports/{report}", {Role::kAuditor}, 0,
             [&box, &clock](const HttpRequest& request) { return GetReport(box, clock, request); });
}

}  // namespace acb::platform
