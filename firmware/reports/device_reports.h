// Reports that walk the devices: post commissioning, orphans, gas network parties that leave, and
// the monthly trend of wrong certificates.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "firmware/ports.h"
#include "firmware/reports/cells_as_of.h"
#include "firmware/reports/gas_operators.h"
#include "firmware/reports/post_commissioning.h"
#include "firmware/reports/report.h"
#include "firmware/reports/rule_versions.h"
#include "firmware/reports/working_days.h"

namespace acb::reports {

// What the devices are judged by: all of it as of the end of the period. Outlives the report.
struct DeviceGround {
  Period period;
  const std::vector<PartyRecord>& parties;
  const std::vector<HeldCertificate>& certificates;
  const WorkingDays& calendar;
  const CellHistory& history;

  UtcTime at() const { return period.end(); }
  CellState HolderAtEnd(const Device& device, RemotePartyRole role) const {
    return history.HolderAt(device.id, role, device.cell(role), at());
  }
};

// Shown every device, in order of EUI-64. Rows are kept from device `first` on; totals are of the
// whole walk, and left out when it did not begin at the first device.
class DeviceReport {
 public:
  explicit DeviceReport(Eui64 first) : first_(first) {}
  virtual ~DeviceReport() = default;
  // Fails as the records do.
  virtual Status Take(const Device& device, const Records& records) = 0;
  virtual Report Finish() = 0;
  // From when on the report has to know who held which cell.
  static UtcTime HoldersSince(const Period& period) { return period.end(); }
  // The page is full and nothing is counted beyond it: the walk may end.
  bool done() const { return first_ != Eui64(0) && report_.next.has_value(); }

 protected:
  bool counts() const { return first_ == Eui64(0); }
  void AddRow(Eui64 device, Row row);
  Report report_;

 private:
  Eui64 first_;
};

// R-063-6, R-128-22, item 4. Devices that were handed over are counted and not listed.
class PostCommissioning final : public DeviceReport {
 public:
  PostCommissioning(const DeviceGround& ground, Eui64 first);
  Status Take(const Device& device, const Records& records) override;
  Report Finish() override;

 private:
  const DeviceGround& ground_;
  DutyGround duty_;
  std::map<std::string, std::uint64_t> totals_;
};

// R-128-8, item 25: cells held by a party that is defunct or whose certificates are revoked.
class Orphans final : public DeviceReport {
 public:
  Orphans(const DeviceGround& ground, Eui64 first) : DeviceReport(first), ground_(ground) {}
  Status Take(const Device& device, const Records& records) override;
  Report Finish() override;

 private:
  Status Judge(const Device& device, RemotePartyRole role, const Records& records);
  const DeviceGround& ground_;
  // By holder, and what it has to be for the cell.
  std::map<std::pair<Eui64, std::optional<UserRole>>, std::optional<Orphaning>> known_;
  std::map<std::string, std::uint64_t> totals_;
};

// R-128-5: the GPFs that still hold a certificate of a gas network party that leaves.
class GnpLeaving final : public DeviceReport {
 public:
  GnpLeaving(const DeviceGround& ground, Eui64 first);
  Status Take(const Device& device, const Records& records) override;
  Report Finish() override;

 private:
  const DeviceGround& ground_;
  std::vector<LeavingParty> leaving_;
  std::map<Eui64, std::uint64_t> left_;
};

// R-107-10: devices with certificates of another network operator than the registered one at the
// end of each month, SMETS1 and SMETS2+ apart, by the operator that is registered. Registrations,
// the register of parties and the holders of SMETS2+ cells are those of each month's end; owners of
// SMETS1 proxy records are those of now.
class WrongCertificatesTrend final : public DeviceReport {
 public:
  // The last kMonths months that end by the end of the period, and that end itself.
  static constexpr int kMonths = 12;
  WrongCertificatesTrend(const DeviceGround& ground, Eui64 first);
  static UtcTime HoldersSince(const Period& period);
  Status Take(const Device& device, const Records& records) override;
  Report Finish() override;

 private:
  using Key = std::tuple<std::size_t, std::string, std::string>;  // month, generation, operator
  struct MonthEnd {
    UtcTime at;
    // Network operators of the register then, of each role.
    std::map<std::pair<Eui64, UserRole>, std::string> party_of;
  };
  bool IsWrong(const Device& device, const std::vector<Eui64>& owners, const MonthEnd& end,
               std::string_view registered) const;
  const DeviceGround& ground_;
  std::vector<MonthEnd> ends_;
  std::map<Key, std::uint64_t> counts_;
  bool too_many_ = false;
};

}  // namespace acb::reports
