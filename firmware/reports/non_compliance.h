// When were controls down? (R-SEC3-61, R-SEC3-14; requirements section 3, items 9, 19 and 26)
#pragma once

#include <map>
#include <string>

#include "firmware/reports/report.h"

namespace acb::reports {

// A row for each time in which a control was degraded, with start, end, cause and the requests that
// it touched:
//   a reason of a fault (CRL_STALE, FEED_STALE, HSM_UNAVAILABLE ...): from the first request that
//   met it to the next command that was signed;
//   a suspension of all signing, from the order to its lifting;
//   a check that configuration has off, from the start to the next one that has it on;
//   the service not running: from a stop, or the last entry before a start without one.
// Only what a request met is known: a list that was stale while nobody asked leaves no entry.
class NonCompliance final : public LogReport {
 public:
  NonCompliance(const Period& period, const Listing& listing)
      : period_(period), listing_(listing) {}

  void Glance(std::uint64_t index, const EntryHead& head) override;
  bool Wants(const EntryHead& head, Where where) const override;
  void Take(const LogEntry& entry, Where where) override;
  Report Finish() override;

 private:
  struct Moment {
    UtcTime at;
    std::uint64_t entry;
  };
  struct Span {
    std::string control;
    std::string cause;
    Moment from;
    std::optional<Moment> to;
    Count requests;
  };

  void TakeRefused(const LogEntry& entry, Where where);
  void TakeStart(const Moment& now, Where where);
  void TakeOperator(const LogEntry& entry, Where where);
  void Open(Span span, Where where);
  void Close(std::string_view control, const Moment& at);
  bool FaultIsOpen() const;
  bool Touches(const Span& span) const;

  Period period_;
  Listing listing_;
  std::map<std::string, Span, std::less<>> open_;  // by control
  std::vector<Span> closed_;
  Count requests_;
  std::optional<Moment> before_;  // the entry before this one
  std::optional<Moment> now_;
  bool too_many_ = false;
};

}  // namespace acb::reports
