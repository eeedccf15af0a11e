// Who is past seven Working Days (R-063-6, R-128-22, requirements section 3, item 4).
#pragma once

#include <map>
#include <string>

#include "firmware/records.h"
#include "firmware/reports/cells_as_of.h"
#include "firmware/reports/gas_operators.h"
#include "firmware/reports/report.h"
#include "firmware/reports/working_days.h"

namespace acb::reports {

// "End of the seventh Working Day after" (Appendix AC 5.2, as R-063-6 counts it).
inline constexpr int kDaysToHandOver = 7;
// Working Days left from which a device is at risk.
inline constexpr int kDaysAtRisk = 2;

enum class HandoverDuty {
  kCompliant,    // handed over, or a GPF that may stay with the ACB
  kOutstanding,  // not yet, in time
  kAtRisk,       // not yet, kDaysAtRisk or fewer Working Days left
  kLate,         // not by the deadline
  kUnknown,      // the calendar lacks a year, or nobody knows a GPF's registration
};
std::string_view Name(
    HandoverDuty duty);  // "compliant", "outstanding", "at risk", "late", "unknown"

struct DutyFinding {
  HandoverDuty duty = HandoverDuty::kUnknown;
  std::string why;
  UtcTime clock{0};                 // where the seven days begin
  std::optional<UtcTime> deadline;  // nothing: the calendar lacks a year
  int days_left = 0;                // Working Days, when outstanding or at risk
};

// What the duty is judged by, as of the end of the period.
struct DutyGround {
  UtcTime at{0};
  bool gpf_may_stay_with_acb = true;  // ReportRules
  // GasUsersWithCertificates.
  std::map<std::string, UtcTime> gas_users;
};

// Whether the duty exists for the device (R-128-26, R-128-27, R-SEC3-76): an ESME or a GPF of
// SMETS2+ that was commissioned by then. A GSME never, a SMETS1 device never, installed and not
// commissioned never.
bool HasDuty(const Device& device, UtcTime at);
// Such a device of which no feed said when it was commissioned: its seven days cannot be counted.
bool LacksCommissioningDate(const Device& device);

// The network operator of a meter point.
struct OperatorThen {
  struct TakenOver {
    UtcTime at{0};
    std::string from;  // the party before, with a gap or without
  };
  std::string party;  // short name; empty: none is registered
  std::optional<TakenOver> taken_over = {};
};
// By all registrations of the meter point, as RegistrationAt reads them.
OperatorThen OperatorAt(const std::vector<Registration>& rows, UtcTime at);

// The duty for a device that has one. `cell`: the network operator's, as of the ground's instant;
// `network_operator`: registered then.
//
// A cell of which nobody knows the holder counts as not handed over. A GPF whose cell is the ACB's
// is unknown while no registration names its gas network party, and compliant while that party is
// no DCC User with a certificate; from the day on which one exists, or on which another party takes
// the meter point over that is one where the one before was not, the handover is outstanding, and
// we read the seven days as beginning then when that is later than the commissioning.
DutyFinding JudgeDuty(const Device& device, const CellState& cell,
                      const OperatorThen& network_operator, const DutyGround& ground,
                      const WorkingDays& calendar);

}  // namespace acb::reports
