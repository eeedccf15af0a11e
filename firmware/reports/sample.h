// What an auditor draws to check for himself (R-SEC3-63; requirements section 3, item 21).
#pragma once

#include <array>
#include <map>
#include <string>

#include "firmware/reports/report.h"

namespace acb::reports {

inline constexpr std::size_t kMaxDrawn = 1'000;  // of each kind
inline constexpr std::size_t kMaxSeedOctets = 128;

// What is drawn, and by which seed: the auditor's choice, made after the period.
struct Draw {
  static constexpr std::size_t kUsual = 25;

  std::string seed;  // not empty
  std::size_t signed_commands = kUsual;
  std::size_t refused_requests = kUsual;
};

// The lot of an entry: SHA-256 of the seed, a colon and the index in decimal, in hexadecimal.
// Anybody can draw it again: printf '%s:%s' SEED INDEX | sha256sum.
std::string LotOf(std::string_view seed, std::uint64_t index);

// Of the signed commands of the period those with the least lots, and of the refused requests: the
// same seed and period give the same sample, whatever else is in the log.
class Sample final : public LogReport {
 public:
  Sample(Draw draw, const Listing& listing) : draw_(std::move(draw)), listing_(listing) {}

  bool Wants(const EntryHead& head, Where where) const override;
  void Take(const LogEntry& entry, Where where) override;
  Report Finish() override;

 private:
  struct Urn {
    Count all;
    std::map<std::string, Row> drawn;  // by lot
  };

  Draw draw_;
  Listing listing_;
  Urn signed_;
  Urn refused_;
};

}  // namespace acb::reports
