#include "firmware/reports/annual_statement.h"

#include <algorithm>

#include "firmware/rules.h"

namespace acb::reports {
namespace {

constexpr std::string_view kSigned = "signed", kRefused = "refused";

std::string SourceOf(const Rule& rule) {
  return std::string(rule.document)
      .append(", ")
      .append(rule.version)
      .append(", ")
      .append(rule.clause);
}

bool CanAnswer(const Rule& rule, std::string_view reason) {
  return std::ranges::any_of(rule.reasons,
                             [&](Reason each) { return Describe(each).name == reason; });
}

const Cell& CellNamed(const Row& row, std::string_view name) {
  return std::ranges::find(row, name, &Row::value_type::first)->second;
}

// An exception as report non-compliance has it, under the names of this one's columns.
Row ExceptionRow(const Row& row) {
  return {{"item", std::string("exception")},
          {"name", CellNamed(row, "control")},
          {"source", Cell()},
          {"requirements", Cell()},
          {"requests", CellNamed(row, "requests")},
          {"from", CellNamed(row, "from")},
          {"to", CellNamed(row, "to")},
          {"cause", CellNamed(row, "cause")}};
}

// Times are in one form, in which later is greater.
bool HadNotEnded(const Row& row, const Period& period) {
  const std::string to = PlainText(CellNamed(row, "to"));
  return to.empty() || to >= period.to.Iso();
}

}  // namespace

void AnnualStatement::Glance(std::uint64_t index, const EntryHead& head) {
  exceptions_.Glance(index, head);
}

bool AnnualStatement::Wants(const EntryHead& head, Where where) const {
  const bool decision = head.kind == kSigned || head.kind == kRefused;
  return (decision && where == Where::kWithin) || exceptions_.Wants(head, where);
}

void AnnualStatement::Take(const LogEntry& entry, Where where) {
  if (where == Where::kWithin && entry.kind() == kSigned) signed_.Add(entry.index(), listing_);
  if (where == Where::kWithin && entry.kind() == kRefused) {
    all_refused_.Add(entry.index(), listing_);
    for (const Rule& rule : AllRules()) {
      if (!CanAnswer(rule, entry.Text("reason"))) continue;
      refused_[std::string(rule.name)].Add(entry.index(), listing_);
    }
  }
  const EntryHead head{entry.time(), entry.kind(), {}};
  if (exceptions_.Wants(head, where)) exceptions_.Take(entry, where);
}

Report AnnualStatement::Finish() {
  Report report;
  report.columns = {"item", "name", "source", "requirements", "requests", "from", "to", "cause"};
  for (const Rule& rule : AllRules()) {
    std::vector<std::string> requirements(rule.requirements.begin(), rule.requirements.end());
    report.rows.push_back({{"item", std::string("control")},
                           {"name", std::string(rule.name)},
                           {"source", SourceOf(rule)},
                           {"requirements", std::move(requirements)},
                           {"requests", Figure{"control/" + std::string(rule.name),
                                               refused_[std::string(rule.name)]}},
                           {"from", Cell()},
                           {"to", Cell()},
                           {"cause", Cell()}});
  }
  Report exceptions = exceptions_.Finish();
  std::size_t open = 0;
  for (const Row& row : exceptions.rows) {
    open += HadNotEnded(row, period_) ? 1U : 0U;
    report.rows.push_back(ExceptionRow(row));
  }
  const std::size_t all = exceptions.rows.size();
  std::string statement;
  if (open != 0) {
    statement = "UNABLE TO CERTIFY, because " + std::to_string(open) + " of " +
                std::to_string(all) + " exceptions had not ended by the end of the period";
  } else if (!exceptions_.IsWhole()) {
    statement = "UNABLE TO CERTIFY, because there are more exceptions than are listed";
  } else if (all != 0) {
    statement = "The log shows " + std::to_string(all) + " exceptions, all of which have ended";
  } else {
    statement = "The log shows no exception";
  }
  report.totals.push_back({"statement", std::move(statement)});
  report.totals.push_back(
      {"commands signed, each of which passed every control", Figure{"signed", signed_}});
  report.totals.push_back({"requests refused", Figure{"refused", all_refused_}});
  for (Total& total : exceptions.totals) report.totals.push_back(std::move(total));
  report.notices.push_back("Controls are those of rule set " + std::string(kRuleSetVersion) +
                           "; a refusal counts for each control that gives its reason. What no "
                           "log can show (people, premises, the machine's clock) is not in it.");
  std::ranges::move(exceptions.notices, std::back_inserter(report.notices));
  return report;
}

}  // namespace acb::reports
