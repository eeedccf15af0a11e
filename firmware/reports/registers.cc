#include "firmware/reports/registers.h"

#include <algorithm>

#include "firmware/base/reason.h"

namespace acb::reports {
namespace {

using From = RegisterColumn::From;

constexpr RegisterColumn kIndex{"audit_index", From::kIndex};
constexpr RegisterColumn kTime{"time", From::kTime};
constexpr RegisterColumn kKind{"kind", From::kKind};
constexpr RegisterColumn kDetails{"details", From::kDetails};

// The meter point, as a salted hash: an export for the SSC opens it (item 1, R-SEC3-69).
constexpr RegisterColumn kMpxn{"mpxn_sealed_sha256", From::kMember, "sealed/mpxn"};

// Item 1.
constexpr std::string_view kSignedKinds[] = {"signed"};
constexpr RegisterColumn kSigning[] = {
    kIndex,
    kTime,
    {"request_id"},
    {"user"},
    {"party"},
    {"client"},
    {"channel"},
    {"device"},
    {"device_type"},
    {"role"},
    {"signer"},
    {"certificates"},
    kMpxn,
    {"originator"},
    {"originator_counter"},
    {"recorded_floor"},
    {"requested_floor"},
    {"command_sha256"},
    {"command_octets"},
    {"request_sha256"},
    {"acb_certificate_sha256", From::kMember, "acb_certificate/sha256"},
    {"rules"},
    {"feeds"},
    {"observations"}};
constexpr std::string_view kSigningNotices[] = {
    "The module that signed is the one of the last start before: report starts."};

// Item 2.
constexpr std::string_view kRefusedKinds[] = {"refused", "quarantined"};
constexpr RegisterColumn kRefusals[] = {kIndex,
                                        kTime,
                                        kKind,
                                        {"reason"},
                                        {"response_code"},
                                        {"final"},
                                        {"check"},
                                        {"request_id"},
                                        {"claimed_request_id"},
                                        {"user"},
                                        {"party"},
                                        {"client"},
                                        {"channel"},
                                        {"device"},
                                        {"device_type"},
                                        {"role"},
                                        {"signer"},
                                        {"certificates"},
                                        kMpxn,
                                        {"what"},
                                        {"act"},
                                        {"floor"},
                                        {"request_sha256"},
                                        {"rules"},
                                        {"feeds"},
                                        {"observations"}};
constexpr std::string_view kRefusalNotices[] = {
    "What is refused is never given to the module: each of its signatures is a signed or an "
    "abandoned entry. What HTTP itself refuses (role, size, media type) is in the service's log "
    "only."};

// Item 8.
constexpr std::string_view kObservedKinds[] = {"observed"};
constexpr RegisterColumn kObservations[] = {kIndex,
                                            kTime,
                                            {"request_id"},
                                            {"device"},
                                            {"originator"},
                                            {"originator_counter"},
                                            {"message_code"},
                                            {"stage"},
                                            {"cells"},
                                            {"observations"},
                                            {"last_issued"},
                                            {"command_sha256"},
                                            {"response_sha256"},
                                            {"rules"}};
constexpr std::string_view kObservationNotices[] = {
    "The number of successful 6.15.1 that the DSP counts is the DSP's: to be held against these."};

// Item 10.
constexpr std::string_view kFeedKinds[] = {"feed", "alarm"};
bool NamesAFeed(const LogEntry& entry) { return !entry.Text("feed").empty(); }
constexpr RegisterColumn kFeedColumns[] = {
    kIndex,   kTime,        kKind,       {"feed"},        {"client"}, {"sha256"}, {"octets"},
    {"rows"}, {"rejected"}, {"changed"}, {"quarantined"}, {"alarm"},  kDetails};
constexpr std::string_view kFeedNotices[] = {
    "An import is all or nothing, but for one of certified-products, which is taken without its "
    "wrong rows: `rejected` counts them. Any other file with a wrong row is refused whole, its "
    "sender is told line and reason, and it leaves no entry unless it was an alarm."};

// Items 13, 15, 16, 23 and 26: each start, with module, rules, settings and relaxations.
constexpr std::string_view kStartKinds[] = {"provision", "start", "stop", "configuration",
                                            "ceremony"};
constexpr RegisterColumn kStarts[] = {kIndex,
                                      kTime,
                                      kKind,
                                      {"epoch"},
                                      {"raise"},
                                      {"hsm"},
                                      {"software"},
                                      {"acb"},
                                      {"acb_ds_certificate_sha256"},
                                      {"acb_ka_certificate_sha256"},
                                      {"rules"},
                                      {"rules_sha256"},
                                      {"response_codes_sha256"},
                                      {"policy"},
                                      {"relaxations"},
                                      kDetails};

// Item 14.
constexpr std::string_view kOperatorKinds[] = {"operator", "released", "ceremony", "provision"};
constexpr RegisterColumn kOperators[] = {kIndex,        kTime,         kKind,          {"act"},
                                         {"operators"}, {"complete"},  {"device"},     {"scope"},
                                         {"subject"},   {"authority"}, {"quarantine"}, kDetails};
constexpr std::string_view kOperatorNotices[] = {
    "Who may act is configuration ([[clients]] of acbd.toml); logins that failed are in the "
    "service's log."};

// Item 18, R-NOW-12.
constexpr std::string_view kNotificationKinds[] = {"alarm", "operator", "configuration"};
bool IsToBeNotified(const LogEntry& entry) {
  if (entry.kind() != "operator") return true;
  constexpr std::string_view kActs[] = {"suspend", "lift", "recover", "counter-raise",
                                        "counters-import"};
  return std::ranges::find(kActs, entry.Text("act")) != std::end(kActs);
}
constexpr RegisterColumn kNotifications[] = {
    kIndex,     kTime,       kKind,         {"alarm"},     {"act"},      {"setting"},
    {"device"}, {"subject"}, {"authority"}, {"operators"}, {"complete"}, kDetails};
constexpr std::string_view kNotificationNotices[] = {
    "Addressed to the SSC and the SMKI PMA (SEC G2.11, G2.15, G2.30). When it was sent to them, "
    "and "
    "what closed it, is for whoever sends it."};

// Item 28.
constexpr std::string_view kAccessKinds[] = {"export"};
constexpr RegisterColumn kAccess[] = {kIndex,
                                      kTime,
                                      {"act"},
                                      {"operators"},
                                      {"complete"},
                                      {"auditor"},
                                      {"recipient"},
                                      {"redaction"},
                                      {"from"},
                                      {"to"},
                                      {"first"},
                                      {"end"},
                                      {"manifest_sha256"},
                                      kDetails};
constexpr std::string_view kAccessNotices[] = {
    "Exports and backups are entries of the log. Views of single pages, and these reports, are in "
    "the service's log with the client's name."};

// R-063-2.
constexpr std::string_view kMismatchKinds[] = {"signed", "refused"};
bool IsMismatch(const LogEntry& entry) {
  const auto observations = entry.Texts("observations");
  return std::ranges::find(observations, Describe(Reason::kPrefixMismatch).name) !=
         observations.end();
}
constexpr RegisterColumn kMismatches[] = {
    kIndex,
    kTime,
    {"device"},
    {"registered_party", From::kMember, "network_operator_by_registration"},
    {"prefix_party", From::kMember, "network_operator_by_prefix"},
    {"outcome", From::kKind}};

constexpr RegisterSpec kRegisters[] = {
    {"mismatches",
     "handovers whose MPAN prefix names another party",
     kMismatchKinds,
     IsMismatch,
     kMismatches,
     "network_operator_by_registration",
     {}},
    {"signing", "commands signed", kSignedKinds, nullptr, kSigning, "role", kSigningNotices},
    {"refusals", "refused or quarantined", kRefusedKinds, nullptr, kRefusals, "reason",
     kRefusalNotices},
    // R-NOW-10: counted by what the checks found.
    {"observations", "messages observed", kObservedKinds, nullptr, kObservations, "stage",
     kObservationNotices, "observations"},
    {"feeds", "imports and alarms of feeds", kFeedKinds, NamesAFeed, kFeedColumns, "feed",
     kFeedNotices},
    {"starts", "starts, stops and settings", kStartKinds, nullptr, kStarts, "kind", {}},
    {"operators", "acts of operators", kOperatorKinds, nullptr, kOperators, "act",
     kOperatorNotices},
    {"notifications", "events to be notified", kNotificationKinds, IsToBeNotified, kNotifications,
     "alarm", kNotificationNotices},
    {"access", "exports", kAccessKinds, nullptr, kAccess, "act", kAccessNotices}};

// In every entry, and shown by the report itself.
constexpr std::string_view kNotDetails[] = {"index", "time", "kind", "environment",
                                            // Personal data or free text: for the export alone.
                                            "sealed", "mpxn_sha256", "explanation"};

std::string_view MemberOf(const RegisterColumn& column) {
  return column.member.empty() ? column.name : column.member;
}

Cell MemberCell(const LogEntry& entry, std::string_view path) {
  const std::size_t slash = path.find('/');
  if (slash != std::string_view::npos) {
    return TextOrNothing(entry.Text(path.substr(0, slash), path.substr(slash + 1)));
  }
  const boost::json::value* value = entry.Find(path);
  if (value == nullptr) return {};
  if (value->is_bool()) return value->get_bool();
  if (!value->is_array()) return TextOrNothing(Plainly(*value));
  std::vector<std::string> texts;
  for (const boost::json::value& each : value->get_array()) texts.push_back(Plainly(each));
  return texts;
}

Cell DetailsCell(const LogEntry& entry, std::span<const RegisterColumn> columns) {
  std::string text;
  for (const auto& [name, value] : entry.members()) {
    const std::string_view member = name;
    if (std::ranges::find(kNotDetails, member) != std::end(kNotDetails)) continue;
    const bool shown = std::ranges::any_of(columns, [&](const RegisterColumn& column) {
      return column.from == From::kMember && MemberOf(column) == member;
    });
    if (shown) continue;
    text += (text.empty() ? "" : "; ") + std::string(member) + " " + Plainly(value);
  }
  return TextOrNothing(text);
}

Cell CellOf(const LogEntry& entry, const RegisterColumn& column,
            std::span<const RegisterColumn> columns) {
  switch (column.from) {
    case From::kIndex:
      return std::to_string(entry.index());
    case From::kTime:
      return entry.time().Iso();
    case From::kKind:
      return std::string(entry.kind());
    case From::kMember:
      return MemberCell(entry, MemberOf(column));
    case From::kDetails:
      return DetailsCell(entry, columns);
  }
  return {};
}

}  // namespace

std::span<const RegisterSpec> AllRegisters() { return kRegisters; }

const RegisterSpec* FindRegister(std::string_view name) {
  const auto found = std::ranges::find(kRegisters, name, &RegisterSpec::name);
  return found == std::end(kRegisters) ? nullptr : &*found;
}

bool Register::Wants(const EntryHead& head, Where where) const {
  return where == Where::kWithin && std::ranges::find(spec_.kinds, head.kind) != spec_.kinds.end();
}

void Register::Take(const LogEntry& entry, Where) {
  if (spec_.takes != nullptr && !spec_.takes(entry)) return;
  if (first_ == 0) {
    all_.Add(entry.index(), listing_);
    if (!spec_.group_by.empty()) {
      std::string group(spec_.group_by == "kind" ? entry.kind() : entry.Text(spec_.group_by));
      if (group.empty()) group = entry.kind();
      AddTo(groups_, std::move(group), entry.index());
    }
    if (!spec_.each_of.empty()) {
      for (std::string& each : entry.Texts(spec_.each_of)) {
        AddTo(each_, std::move(each), entry.index());
      }
    }
  }
  if (entry.index() < first_ || report_.next) return;
  if (report_.rows.size() == kMaxRows) {
    report_.next = std::to_string(entry.index());
    return;
  }
  Row row;
  for (const RegisterColumn& column : spec_.columns) {
    row.emplace_back(column.name, CellOf(entry, column, spec_.columns));
  }
  report_.rows.push_back(std::move(row));
}

void Register::AddTo(std::map<std::string, Count>& groups, std::string name, std::uint64_t index) {
  if (groups.size() >= kMaxGroups && !groups.contains(name)) name = "others";
  groups[name].Add(index, listing_);
}

Report Register::Finish() {
  for (const RegisterColumn& column : spec_.columns) report_.columns.push_back(column.name);
  if (first_ == 0) {
    report_.totals.push_back({std::string(spec_.what), Figure{"all", all_}});
    for (const auto& [group, count] : groups_) {
      report_.totals.push_back(
          {std::string(spec_.group_by) + " " + group, Figure{"group/" + group, count}});
    }
    for (const auto& [each, count] : each_) {
      report_.totals.push_back(
          {std::string(spec_.each_of) + " " + each, Figure{"each/" + each, count}});
    }
  }
  report_.notices.assign(spec_.notices.begin(), spec_.notices.end());
  return std::move(report_);
}

}  // namespace acb::reports
