// Was each decision made on fresh revocation data? (requirements section 3, item 9)
#pragma once

#include <map>
#include <string>
#include <vector>

#include "firmware/reports/report.h"

namespace acb::reports {

// A revocation list that the box holds.
struct HeldList {
  std::string issuer;
  std::string number;
  std::string sha256;
  UtcTime this_update{0};
  UtcTime next_update{0};
  std::uint64_t entries = 0;
};

// A row for each list held now, with the import that brought it (R-SEC3-15: the measured lag), or,
// where the log does not tell, the first import after its thisUpdate (the lag is at least that);
// and one for each import of lists in the period. Totals: requests that met a stale list.
class TrustStatus final : public LogReport {
 public:
  // `now`: what the state of the lists held is judged at.
  TrustStatus(std::vector<HeldList> held, UtcTime now, const Listing& listing)
      : held_(std::move(held)),
        now_(now),
        listing_(listing),
        brought_by_(held_.size()),
        first_after_(held_.size()) {}

  bool Wants(const EntryHead& head, Where where) const override;
  void Take(const LogEntry& entry, Where where) override;
  Report Finish() override;

 private:
  struct Import {
    std::uint64_t entry;
    UtcTime at;
  };
  void NameImport(const LogEntry& entry);

  std::vector<HeldList> held_;
  UtcTime now_;
  Listing listing_;
  // Of each list held: the import whose entry names it, and the first one after its thisUpdate that
  // brought anything.
  std::vector<std::optional<Import>> brought_by_, first_after_;
  std::vector<Row> rows_;
  Count crl_stale_, arl_stale_, refused_lists_;
  bool too_many_ = false;
};

}  // namespace acb::reports
