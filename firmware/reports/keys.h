// The ACB's keys as the log knows them (requirements section 3, items 6 and 11).
#pragma once

#include <map>
#include <string>

#include "firmware/reports/report.h"

namespace acb::reports {

// A row for each certificate of an ACB key: since which start and up to which it was in use, in
// which module, and how many commands were signed with it in the period and in all. Totals: what
// was given to the module and not used (abandoned).
class KeyInventory final : public LogReport {
 public:
  explicit KeyInventory(const Listing& listing) : listing_(listing) {}

  bool Wants(const EntryHead& head, Where where) const override;
  void Take(const LogEntry& entry, Where where) override;
  Report Finish() override;

 private:
  struct Key {
    std::uint64_t first_start = 0;
    std::uint64_t last_start = 0;
    UtcTime since{0};
    std::string module;
    Count in_period;
    std::uint64_t in_all = 0;
  };
  // More certificates than any box has: what is beyond is not told apart.
  static constexpr std::size_t kMaxKeys = 1'000;

  Listing listing_;
  std::map<std::pair<std::string, std::string>, Key> keys_;  // role, SHA-256 of the certificate
  Count abandoned_;
  std::uint64_t newest_start_ = 0;
};

}  // namespace acb::reports
