// The Panel's report of invalid network certificates (R-063-11, requirements section 3, item 3).
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>

#include "firmware/base/reason.h"
#include "firmware/reports/report.h"

namespace acb::reports {

// Why a 6.21 for role NetworkOperator was refused, as the Panel's figure sees it (requirements.md
// 2.3).
enum class CertificateGroup {
  kNetwork,      // NO_NOT_REGISTERED: certificates of another operator
  kCertificate,  // the group Certificate: they fail their own checks
  kApart,        // anything else; not the supplier's certificates at fault
};
std::string_view Name(CertificateGroup group);  // "network-certificate", "certificate", "apart"
// `check`: the one that failed; empty in entries of old. A reason says what is wrong with a
// certificate, the check whether that is a replacement certificate or the signer's.
CertificateGroup GroupOf(std::string_view reason, std::string_view check);

// One row for each supplier, response code, reason and group: count, devices, first time and
// repeated, later corrected and after how many days. Suppliers are parties by the short name that
// the entry gives. One that was refused before its party was looked up (REPLAY) has the name that
// the newest earlier entry of that User has, or else its EUI-64. No MPxN.
//
// A refusal is a repeat when the same supplier was refused for its certificates for the same device
// before, in the period or not, and nothing was signed between. It is corrected by the next
// handover to a network operator that is signed for that device and supplier, up to the end of the
// log. The same supplier is who has the same short name or, after a change of name, the same User
// ID: the rows of a month with two names stay two.
class NetworkCertificates final : public LogReport {
 public:
  explicit NetworkCertificates(const Listing& listing) : listing_(listing) {}

  bool Wants(const EntryHead& head, Where where) const override;
  void Take(const LogEntry& entry, Where where) override;
  Report Finish() override;

 private:
  // Supplier, code, reason, group.
  using Key = std::tuple<std::string, std::string, std::string, CertificateGroup>;
  struct Line {
    Count count, first_time, repeated, corrected;
    std::set<std::string, std::less<>> devices;
    std::int64_t days_in_all = 0;  // thousandths of a day, over what was corrected
    std::int64_t longest = 0;
  };
  struct Refusal {
    Line* line;
    std::uint64_t index;
    UtcTime at;
  };
  struct OfDevice {
    bool refused = false;          // and nothing signed since
    std::vector<Refusal> waiting;  // of the period
  };

  std::string SupplierOf(const LogEntry& entry) const;
  void Learn(const LogEntry& entry);
  // The same text for all names and User IDs of one supplier.
  std::string IdentityOf(const LogEntry& entry) const;
  void CountDevice(Line& line, std::string_view device);
  void TakeRefused(const LogEntry& entry, Where where);
  void Correct(OfDevice& device, const LogEntry& entry);
  void AddTotals(Report& report) const;

  Listing listing_;
  std::map<Key, Line> lines_;
  std::map<std::string, std::string, std::less<>> names_;       // by User ID, the newest
  std::map<std::string, std::string, std::less<>> identities_;  // by User ID and by short name
  std::size_t counted_devices_ = 0;                             // in all lines
  std::size_t waiting_ = 0;                                     // in all of devices_
  // By identity of the supplier and device.
  std::map<std::pair<std::string, std::string>, OfDevice> devices_;
  Count invalid_, network_, apart_;
  bool too_many_ = false;
};

}  // namespace acb::reports
