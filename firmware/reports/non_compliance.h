// When were controls down? (R-SEC3-61, R-SEC3-14; requirements section 3, items 9, 19 and 26)
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "firmware/reports/report.h"

namespace acb::reports {

// A row for each time in which a control was degraded, with start, end, cause and the requests that
// it touched:
//   a reason of a fault (CRL_STALE, FEED_STALE, HSM_UNAVAILABLE ...), from the first request that
//   met it to the first entry that shows good the very thing that it rested on: a command that was
//   signed on it, or the import that renewed it. A command whose decision began before the last
//   request that met the fault shows nothing: its entry may have waited for the HSM, and what it
//   used was good before (items 19 and 20);
//   a suspension of all signing, from the order to its lifting;
//   a check that configuration has off, from the start to the next one that has it on;
//   the service not running: from a stop, or the last entry before a start without one. Before its
//   first start it was not down.
// What a fault rests on is told as far as the refused entry does: the issuers whose list was stale,
// the feed, the ACB's key, the device, request or signer with a damaged record; else it is the
// whole box, which any signature shows good.
// Only what a request met is known: a list that was stale while nobody asked leaves no entry.
class NonCompliance final : public LogReport {
 public:
  NonCompliance(const Period& period, const Listing& listing)
      : period_(period), listing_(listing) {}

  void Glance(std::uint64_t index, const EntryHead& head) override;
  bool Wants(const EntryHead& head, Where where) const override;
  void Take(const LogEntry& entry, Where where) override;
  Report Finish() override;
  // Whether Finish has given every time there was.
  bool IsWhole() const { return !too_many_; }

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
    std::vector<std::string> rests_on;  // of a fault: all that has to be good; empty: the whole box
    UtcTime last_met{0};                // the latest time of a request that it touched
  };

  static std::string KeyOfSpan(const Span& span);
  void TakeSigned(const LogEntry& entry);
  void TakeFeed(const LogEntry& entry);
  void TakeRefused(const LogEntry& entry, Where where);
  void TakeStart(const Moment& now, Where where);
  void TakeOperator(const LogEntry& entry, Where where);
  void Open(Span span, Where where);
  void Close(std::string_view control, const Moment& at);
  void CloseFaults(const std::set<std::string>& good, const LogEntry& entry);
  bool FaultIsOpen() const;
  bool Touches(const Span& span) const;

  Period period_;
  Listing listing_;
  std::map<std::string, Span, std::less<>> open_;  // by control and what it rests on
  std::vector<Span> closed_;
  Count requests_;
  std::optional<Moment> before_;  // the entry before this one
  std::optional<Moment> now_;
  bool started_ = false;
  bool too_many_ = false;
};

}  // namespace acb::reports
