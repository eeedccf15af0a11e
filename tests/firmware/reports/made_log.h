// A log made for a test: entries as the box writes them.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "firmware/audit/entry.h"
#include "firmware/reports/report.h"
#include "tests/fakes/fake_records.h"

namespace acb::testing {

// Nothing is sealed in these logs.
inline audit::Salt NoSalt() { return {}; }

class MadeLog {
 public:
  std::uint64_t Add(const audit::Entry& entry) {
    entries_.push_back(entry.Serialise(entries_.size(), &NoSalt).octets);
    return entries_.size() - 1;
  }

  std::uint64_t Refused(std::string_view at, std::string_view party, std::string_view device,
                        std::string_view reason, std::string_view code,
                        std::string_view role = "NetworkOperator") {
    audit::Entry entry("refused", At(at));
    entry.Set("party", party).Set("device", device).Set("reason", reason).Set("role", role);
    entry.Set("response_code", code).Set("final", true).Set("rules", "2");
    return Add(entry);
  }

  std::uint64_t Signed(std::string_view at, std::string_view party, std::string_view device,
                       std::uint64_t counter = 1, std::string_view role = "NetworkOperator") {
    audit::Entry entry("signed", At(at));
    entry.Set("party", party).Set("device", device).Set("role", role).Set("rules", "2");
    entry.Set("originator_counter", std::to_string(counter));
    return Add(entry);
  }

  const std::vector<std::string>& entries() const { return entries_; }

  std::set<std::string> Show(const reports::Period& period, reports::LogReport& report) const {
    reports::LogPass pass(period, report);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      EXPECT_TRUE(pass.Take(i, entries_[i])) << entries_[i];
    }
    return pass.rule_sets();
  }

 private:
  std::vector<std::string> entries_;
};

inline reports::Period Month(std::string_view from, std::string_view to) {
  return {*UtcTime::FromIsoDate(from), *UtcTime::FromIsoDate(to)};
}

inline const reports::Cell& CellOf(const reports::Row& row, std::string_view column) {
  for (const auto& [name, cell] : row) {
    if (name == column) return cell;
  }
  ADD_FAILURE() << "no column " << column;
  static const reports::Cell kNone;
  return kNone;
}
inline std::string Text(const reports::Row& row, std::string_view column) {
  return reports::PlainText(CellOf(row, column));
}
inline std::vector<std::uint64_t> Entries(const reports::Row& row, std::string_view column) {
  return std::get<reports::Figure>(CellOf(row, column)).count.entries();
}
inline std::string TotalOf(const reports::Report& report, std::string_view name) {
  for (const auto& total : report.totals) {
    if (total.name.starts_with(name)) return reports::PlainText(total.value);
  }
  return "none";
}

}  // namespace acb::testing
