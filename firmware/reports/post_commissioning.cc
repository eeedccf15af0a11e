#include "firmware/reports/post_commissioning.h"

#include <algorithm>
#include <functional>

#include "firmware/checks/eligibility.h"

namespace acb::reports {
namespace {

bool CountsAsCommissioned(SmiStatus status) {
  switch (status) {
    case SmiStatus::kCommissioned:
    case SmiStatus::kSuspended:
    case SmiStatus::kRecovery:
    case SmiStatus::kRecovered:
      return true;
    case SmiStatus::kPending:
    case SmiStatus::kWhitelisted:
    case SmiStatus::kInstalledNotCommissioned:
    case SmiStatus::kDecommissioned:
    case SmiStatus::kWithdrawn:
      return false;
  }
  return false;
}

bool IsOfTheDuty(const Device& device) {
  const bool type = device.type == DeviceType::kEsme || device.type == DeviceType::kGpf;
  return type && device.smets == SmetsGeneration::kSmets2 &&
         CountsAsCommissioned(device.smi_status);
}

void JudgeDeadline(const DutyGround& ground, const WorkingDays& calendar, DutyFinding& finding) {
  const auto deadline = calendar.EndOfWorkingDayAfter(finding.clock, kDaysToHandOver);
  if (!deadline) {
    finding.duty = HandoverDuty::kUnknown;
    finding.why = deadline.error().explanation;
    return;
  }
  finding.deadline = *deadline;
  if (ground.at >= *deadline) {
    finding.duty = HandoverDuty::kLate;
    return;
  }
  finding.days_left = calendar.WorkingDaysUntil(ground.at, *deadline);
  finding.duty =
      finding.days_left <= kDaysAtRisk ? HandoverDuty::kAtRisk : HandoverDuty::kOutstanding;
}

// Who takes a meter point over takes over what was owed for it.
UtcTime DutySince(const OperatorThen& network_operator, UtcTime user_since,
                  const DutyGround& ground) {
  const auto& taken = network_operator.taken_over;
  if (!taken || taken->at <= user_since) return user_since;
  const auto former = ground.gas_users.find(taken->from);
  const bool owed = former != ground.gas_users.end() && former->second <= taken->at;
  return owed ? former->second : taken->at;
}

}  // namespace

std::string_view Name(HandoverDuty duty) {
  switch (duty) {
    case HandoverDuty::kCompliant:
      return "compliant";
    case HandoverDuty::kOutstanding:
      return "outstanding";
    case HandoverDuty::kAtRisk:
      return "at risk";
    case HandoverDuty::kLate:
      return "late";
    case HandoverDuty::kUnknown:
      return "unknown";
  }
  return {};
}

bool HasDuty(const Device& device, UtcTime at) {
  return IsOfTheDuty(device) && device.commissioned && *device.commissioned <= at;
}

bool LacksCommissioningDate(const Device& device) {
  return IsOfTheDuty(device) && !device.commissioned;
}

OperatorThen OperatorAt(const std::vector<Registration>& rows, UtcTime at) {
  const auto party_at = [&](UtcTime then) {
    const Registration* row = checks::RegistrationOf(rows, then);
    return row == nullptr ? std::string_view() : std::string_view(row->network_operator);
  };
  OperatorThen found{std::string(party_at(at)), {}};
  std::vector<UtcTime> changes;
  for (const Registration& row : rows) {
    changes.push_back(row.from);
    if (row.to) changes.push_back(*row.to);
  }
  std::ranges::sort(changes, std::greater());
  UtcTime since = at;
  for (const UtcTime change : changes) {
    if (change > at) continue;
    const std::string_view party = party_at(change);
    if (!party.empty() && party != found.party) {
      found.taken_over = {since, std::string(party)};
      break;
    }
    if (!party.empty()) since = change;
  }
  return found;
}

DutyFinding JudgeDuty(const Device& device, const CellState& cell,
                      const OperatorThen& network_operator, const DutyGround& ground,
                      const WorkingDays& calendar) {
  DutyFinding finding;
  finding.clock = *device.commissioned;
  if (cell.holder == CellState::Holder::kParty) {
    finding.duty = HandoverDuty::kCompliant;
    finding.why = "handed over";
    const auto deadline = calendar.EndOfWorkingDayAfter(finding.clock, kDaysToHandOver);
    if (deadline) finding.deadline = *deadline;
    return finding;
  }
  // R-128-22.
  if (device.type == DeviceType::kGpf && ground.gpf_may_stay_with_acb &&
      cell.holder == CellState::Holder::kAcb) {
    if (network_operator.party.empty()) {
      finding.why =
          "no registration of its meter point is known: whether it may stay with the ACB "
          "depends on its gas network party";
      return finding;
    }
    const auto user = ground.gas_users.find(network_operator.party);
    if (user == ground.gas_users.end()) {
      finding.duty = HandoverDuty::kCompliant;
      finding.why =
          "the ACB's certificate stays: no certificate of a gas network party that is a "
          "DCC User exists";
      return finding;
    }
    finding.clock = std::max(finding.clock, DutySince(network_operator, user->second, ground));
  }
  finding.why = cell.holder == CellState::Holder::kAcb ? "the cell is the ACB's"
                                                       : "nobody knows who holds the cell";
  JudgeDeadline(ground, calendar, finding);
  return finding;
}

}  // namespace acb::reports
