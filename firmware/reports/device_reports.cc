#include "firmware/reports/device_reports.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "firmware/checks/eligibility.h"
#include "firmware/holder_text.h"

namespace acb::reports {
namespace {

constexpr std::int64_t kDayMilliseconds = std::int64_t{24} * 3600 * 1000;

std::string_view GenerationName(SmetsGeneration generation) {
  switch (generation) {
    case SmetsGeneration::kSmets1:
      return "SMETS1";
    case SmetsGeneration::kSmets2:
      return "SMETS2+";
    case SmetsGeneration::kUnknown:
      return "unknown";
  }
  return {};
}

constexpr const char* kWithoutDate =
    "commissioned, without the date of it (not handed over, not listed)";

Cell TimeOrNothing(const std::optional<UtcTime>& time) { return time ? Cell(time->Iso()) : Cell(); }

// Whole days from `at` to `end`, a day begun counts; negative when it is past.
std::int64_t DaysLeft(UtcTime at, UtcTime end) {
  const std::int64_t left = end.milliseconds() - at.milliseconds();
  const std::int64_t up = left < 0 ? 1 - kDayMilliseconds : kDayMilliseconds - 1;
  return (left + up) / kDayMilliseconds;
}

// The ends of the last `months` months that ended by the end of the period, and that end itself.
std::vector<UtcTime> MonthEnds(const Period& period, int months) {
  using std::chrono::days, std::chrono::floor, std::chrono::milliseconds;
  const std::chrono::sys_time<milliseconds> at{milliseconds(period.end().milliseconds())};
  const std::chrono::year_month_day date(floor<days>(at));
  std::vector<UtcTime> ends;
  for (int back = months - 1; back >= 0; --back) {
    const auto first_day = (date.year() / date.month()) - std::chrono::months(back);
    const std::chrono::sys_days begin(first_day / 1);
    ends.emplace_back(begin.time_since_epoch().count() * kDayMilliseconds - 1);
  }
  ends.push_back(period.end());
  return ends;
}

Result<std::vector<Registration>> FindRegistrations(const Device& device, const Records& records) {
  if (device.mpxn.empty()) return std::vector<Registration>();
  return records.FindRegistrations(device.mpxn);
}

UserRole NetworkRoleOf(const Device& device) {
  const bool gas = device.type == DeviceType::kGpf || device.type == DeviceType::kGsme;
  return gas ? UserRole::kGasTransporter : UserRole::kElectricityDistributor;
}

}  // namespace

void DeviceReport::AddRow(Eui64 device, Row row) {
  if (device < first_ || report_.next) return;
  // A page ends between two devices: one may have two rows.
  const bool same =
      !report_.rows.empty() && std::get<std::string>(report_.rows.back().front().second) ==
                                   std::get<std::string>(row.front().second);
  if (report_.rows.size() >= kMaxRows && !same) {
    report_.next = device.Hyphenated();
    return;
  }
  report_.rows.push_back(std::move(row));
}

PostCommissioning::PostCommissioning(const DeviceGround& ground, Eui64 first)
    : DeviceReport(first), ground_(ground) {
  duty_.at = ground.at();
  duty_.gpf_may_stay_with_acb = ReportRulesAt(ground.at()).gpf_may_stay_with_acb;
  duty_.gas_users = GasUsersWithCertificates(ground.parties, ground.certificates, ground.at());
  for (const auto duty : {HandoverDuty::kCompliant, HandoverDuty::kOutstanding,
                          HandoverDuty::kAtRisk, HandoverDuty::kLate, HandoverDuty::kUnknown}) {
    totals_[std::string(Name(duty))] = 0;
  }
  totals_[kWithoutDate] = 0;
}

Status PostCommissioning::Take(const Device& device, const Records& records) {
  const bool lacks_date = LacksCommissioningDate(device);
  if (!lacks_date && !HasDuty(device, duty_.at)) return Done{};
  const CellState cell = ground_.HolderAtEnd(device, RemotePartyRole::kNetworkOperator);
  if (lacks_date) {  // R-SEC3-76: without it no clock starts
    if (cell.holder != CellState::Holder::kParty) ++totals_[kWithoutDate];
    return Done{};
  }
  const auto rows = FindRegistrations(device, records);
  if (!rows) return rows.error();
  const Registration* found = checks::RegistrationOf(*rows, duty_.at);
  const Registration at = found == nullptr ? Registration() : *found;
  const bool may_stay = device.type == DeviceType::kGpf && cell.holder == CellState::Holder::kAcb;
  const OperatorThen network_operator =
      may_stay ? OperatorAt(*rows, duty_.at) : OperatorThen{at.network_operator};
  const DutyFinding finding = JudgeDuty(device, cell, network_operator, duty_, ground_.calendar);
  ++totals_[std::string(Name(finding.duty))];
  if (cell.holder == CellState::Holder::kParty) {
    ++totals_["handed over (compliant, not listed)"];
    return Done{};
  }
  const bool open =
      finding.duty == HandoverDuty::kOutstanding || finding.duty == HandoverDuty::kAtRisk;
  const Count* attempts = ground_.history.Attempts(device.id);
  const std::string id = device.id.Hyphenated();
  AddRow(device.id,
         {{"device", id},
          {"type", std::string(Name(device.type))},
          {"supplier", TextOrNothing(at.supplier)},
          {"network_operator", TextOrNothing(at.network_operator)},
          {"commissioned", device.commissioned->Iso()},
          {"clock_start", finding.clock.Iso()},
          {"deadline", TimeOrNothing(finding.deadline)},
          {"working_days_left", open ? Cell(std::to_string(finding.days_left)) : Cell()},
          {"state", std::string(Name(finding.duty))},
          {"why", finding.why},
          {"network_operator_cell", HolderText(cell)},
          {"supplier_cell", HolderText(ground_.HolderAtEnd(device, RemotePartyRole::kSupplier))},
          {"attempts", Figure{"attempts/" + id, attempts == nullptr ? Count() : *attempts}}});
  return Done{};
}

Report PostCommissioning::Finish() {
  report_.columns = {"device",
                     "type",
                     "supplier",
                     "network_operator",
                     "commissioned",
                     "clock_start",
                     "deadline",
                     "working_days_left",
                     "state",
                     "why",
                     "network_operator_cell",
                     "supplier_cell",
                     "attempts"};
  if (counts()) {
    for (const auto& [name, count] : totals_) {
      report_.totals.push_back({name, std::to_string(count)});
    }
  }
  report_.notices = ground_.history.notices();
  report_.notices.emplace_back(
      "Devices as of " + duty_.at.Iso() +
      ". The deadline is the end of the seventh Working Day after the day on which the clock "
      "starts, England and Wales, days in British time. Attempts are requests to hand over the "
      "network "
      "operator's cells, signed or refused.");
  return std::move(report_);
}

Status Orphans::Take(const Device& device, const Records& records) {
  for (const auto role : {RemotePartyRole::kSupplier, RemotePartyRole::kNetworkOperator}) {
    if (Status judged = Judge(device, role, records); !judged) return judged;
  }
  return Done{};
}

Status Orphans::Judge(const Device& device, RemotePartyRole role, const Records& records) {
  const CellState cell = ground_.HolderAtEnd(device, role);
  if (cell.holder != CellState::Holder::kParty) return Done{};
  const UtcTime at = ground_.at();
  const bool network = role == RemotePartyRole::kNetworkOperator;
  const auto held_as = network ? std::optional(NetworkRoleOf(device)) : std::nullopt;
  const std::pair key(cell.party, held_as);
  auto known = known_.find(key);
  if (known == known_.end()) {
    auto found = FindOrphaning(cell.party, held_as, ground_.parties, ground_.certificates, at);
    if (known_.size() >= kMaxTracked) known_.clear();  // judged again when they come again
    known = known_.emplace(key, std::move(found)).first;
  }
  if (!known->second) return Done{};
  const Orphaning& orphaning = *known->second;
  ++totals_[orphaning.why];
  auto registration = checks::RegistrationAt(records, device.mpxn, at);
  if (!registration) return std::move(registration).error();
  const Registration row = registration->value_or(Registration{});
  const auto change = ground_.history.LastChange(device.id, role);
  std::optional<UtcTime> seen = orphaning.since;
  if (change) seen = seen ? std::max(*seen, change->at) : change->at;
  AddRow(device.id,
         {{"device", device.id.Hyphenated()},
          {"type", std::string(Name(device.type))},
          {"role", std::string(Name(role))},
          {"holder", cell.party.Hyphenated()},
          {"holder_party", TextOrNothing(orphaning.party)},
          {"why", orphaning.why},
          {"since", TimeOrNothing(orphaning.since)},
          {"first_seen", TimeOrNothing(seen)},
          {"registered_party", TextOrNothing(network ? row.network_operator : row.supplier)},
          {"who_can_fix", std::string("the DCC, by recovery: the holder can no longer ask")},
          {"cell_entry", change ? Cell(std::to_string(change->index)) : Cell()}});
  return Done{};
}

Report Orphans::Finish() {
  report_.columns = {"device",           "type",        "role",      "holder",
                     "holder_party",     "why",         "since",     "first_seen",
                     "registered_party", "who_can_fix", "cell_entry"};
  if (counts()) {
    for (const auto& [why, count] : totals_) report_.totals.push_back({why, std::to_string(count)});
  }
  report_.notices = ground_.history.notices();
  report_.notices.emplace_back(
      "since: when the party ceased or its certificates were revoked, at the latest, as far as the "
      "feeds say. first_seen: that, or when the log saw the cell pass to the holder, whichever is "
      "later. A cell is known by its holder's EUI-64, not by certificate.");
  return std::move(report_);
}

GnpLeaving::GnpLeaving(const DeviceGround& ground, Eui64 first)
    : DeviceReport(first),
      ground_(ground),
      leaving_(LeavingGasParties(ground.parties, ground.at())) {
  for (const LeavingParty& party : leaving_) left_[party.user_id] = 0;
}

Status GnpLeaving::Take(const Device& device, const Records&) {
  // R-128-26: gas slots are those of the GPF.
  if (device.type != DeviceType::kGpf) return Done{};
  const CellState cell = ground_.HolderAtEnd(device, RemotePartyRole::kNetworkOperator);
  if (cell.holder != CellState::Holder::kParty) return Done{};
  const auto party = std::ranges::find(leaving_, cell.party, &LeavingParty::user_id);
  if (party == leaving_.end()) return Done{};
  ++left_[party->user_id];
  AddRow(device.id,
         {{"device", device.id.Hyphenated()},
          {"party", party->party},
          {"user_id", party->user_id.Hyphenated()},
          {"notice", TimeOrNothing(party->notice)},
          {"leaves", TimeOrNothing(party->leaves)},
          {"days_left",
           party->leaves ? Cell(std::to_string(DaysLeft(ground_.at(), *party->leaves))) : Cell()}});
  return Done{};
}

Report GnpLeaving::Finish() {
  report_.columns = {"device", "party", "user_id", "notice", "leaves", "days_left"};
  if (counts()) {
    for (const LeavingParty& party : leaving_) {
      const std::uint64_t left = left_[party.user_id];
      report_.totals.push_back({"GPFs that still hold a certificate of " + party.party + " (" +
                                    party.user_id.Hyphenated() + ")",
                                left == 0 ? "0: clear" : std::to_string(left)});
    }
    if (leaving_.empty()) {
      report_.totals.push_back({"gas network parties that leave", std::string("none: clear")});
    }
  }
  report_.notices = ground_.history.notices();
  return std::move(report_);
}

UtcTime WrongCertificatesTrend::HoldersSince(const Period& period) {
  return MonthEnds(period, kMonths).front();
}

WrongCertificatesTrend::WrongCertificatesTrend(const DeviceGround& ground, Eui64 first)
    : DeviceReport(first), ground_(ground) {
  for (const UtcTime at : MonthEnds(ground.period, kMonths)) ends_.push_back({at, {}});
  for (const UserRole role : {UserRole::kElectricityDistributor, UserRole::kGasTransporter}) {
    const RegisterOfRole operators(ground.parties, role);
    for (const auto& [id, rows] : operators.rows()) {
      for (MonthEnd& end : ends_) {
        const PartyRecord* then = operators.RowAt(id, end.at);
        if (then != nullptr) end.party_of.emplace(std::pair(id, role), then->party);
      }
    }
  }
}

bool WrongCertificatesTrend::IsWrong(const Device& device, const std::vector<Eui64>& owners,
                                     const MonthEnd& end, std::string_view registered) const {
  const auto is_of_another = [&](Eui64 holder) {
    const auto party = end.party_of.find(std::pair(holder, NetworkRoleOf(device)));
    return party == end.party_of.end() || party->second != registered;
  };
  if (device.smets == SmetsGeneration::kSmets1) return std::ranges::any_of(owners, is_of_another);
  const CellState cell = ground_.history.HolderAt(device.id, RemotePartyRole::kNetworkOperator,
                                                  device.network_operator, end.at);
  return cell.holder == CellState::Holder::kParty && is_of_another(cell.party);
}

Status WrongCertificatesTrend::Take(const Device& device, const Records& records) {
  if (device.mpxn.empty()) return Done{};
  std::vector<Eui64> owners;
  if (device.smets == SmetsGeneration::kSmets1) {
    const auto proxies = records.FindProxyCertificates(device.id);
    if (!proxies) return proxies.error();
    for (const ProxyCertificate& proxy : *proxies) owners.push_back(proxy.owner);
  }
  for (std::size_t month = 0; month < ends_.size(); ++month) {
    if (device.commissioned && *device.commissioned > ends_[month].at) continue;
    const auto registration = checks::RegistrationAt(records, device.mpxn, ends_[month].at);
    if (!registration) return registration.error();
    if (!registration->has_value() || (*registration)->network_operator.empty()) continue;
    const std::string& registered = (*registration)->network_operator;
    if (!IsWrong(device, owners, ends_[month], registered)) continue;
    const Key key(month, GenerationName(device.smets), registered);
    if (counts_.size() < kMaxRows || counts_.contains(key)) {
      ++counts_[key];
    } else {
      too_many_ = true;
    }
  }
  return Done{};
}

Report WrongCertificatesTrend::Finish() {
  report_.columns = {"month_end", "generation", "registered_party", "devices"};
  for (const auto& [key, count] : counts_) {
    const auto& [month, generation, party] = key;
    report_.rows.push_back({{"month_end", ends_[month].at.Iso()},
                            {"generation", generation},
                            {"registered_party", party},
                            {"devices", std::to_string(count)}});
  }
  report_.notices = ground_.history.notices();
  report_.notices.emplace_back(
      "Each month is judged by the registrations, the register of parties and the holders of cells "
      "at its end, in UTC; the owners of SMETS1 proxy records are those of now: the store keeps no "
      "history of them. A month without a row had no such device.");
  if (too_many_) {
    report_.notices.push_back("More than " + std::to_string(kMaxRows) +
                              " rows: the rest is not shown.");
  }
  return std::move(report_);
}

}  // namespace acb::reports
