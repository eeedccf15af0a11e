// The ACB's keys as the log knows them (requirements section 3, items 6 and 11).
#pragma once

#include <map>
#include <optional>
#include <string>

#include "firmware/reports/report.h"

namespace acb::reports {

// A row for each certificate of an ACB key that was in use (since which start and up to which, in
// which module, for how many commands in the period and in all), and for each key of which a
// ceremony's record says anything: what it was made of and where, its states, its custodians.
// Totals: what was given to the module and not used (abandoned).
class KeyInventory final : public LogReport {
 public:
  explicit KeyInventory(const Listing& listing) : listing_(listing) {}

  bool Wants(const EntryHead& head, Where where) const override;
  void Take(const LogEntry& entry, Where where) override;
  Report Finish() override;

 private:
  // Of a certificate, as `start` and `signed` entries tell it.
  struct Use {
    std::uint64_t first_start = 0;
    std::uint64_t last_start = 0;
    UtcTime since{0};
    std::string module;
    Count in_period;
    std::uint64_t in_all = 0;
    std::optional<UtcTime> last_use;  // of a command
  };
  // Of a key, as the newest record of a ceremony has it.
  struct Ceremony {
    std::string role;
    std::string algorithm;
    std::string public_sha256;
    std::string certificate_sha256;
    std::string certificate;  // serial and issuer
    std::string state;
    std::string generated;
    std::string custodians;
    std::string backups;
    std::string transitions;
  };
  using Name = std::pair<std::string, std::string>;  // role, SHA-256 of the certificate
  // More than any box has: what is beyond is not told apart.
  static constexpr std::size_t kMaxKeys = 1'000;

  void TakeStart(const LogEntry& entry);
  void TakeUse(const LogEntry& start, std::string_view role, const std::string& sha256);
  void TakeCeremony(const LogEntry& entry);
  void TakeKeys(const boost::json::value* list);
  Row RowOf(const Name& name, const Use* use, const std::string& label,
            const Ceremony* ceremony) const;
  const Use* FindUse(const Name& name) const;

  Listing listing_;
  std::map<Name, Use> uses_;
  std::map<std::string, Ceremony> ceremonies_;    // by label
  std::map<std::string, std::string> signs_for_;  // KA certificate -> DS certificate of its pair
  Count abandoned_;
  std::uint64_t newest_start_ = 0;
  std::string limits_;  // of the newest start
};

}  // namespace acb::reports
