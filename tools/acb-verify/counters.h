// P1 from the entries: no counter of the ACB twice for a device, and each above those before.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "firmware/audit/entry.h"
#include "firmware/base/result.h"

namespace acb::verify {

// Holds four numbers for each device, and the counters given out for other commands since the
// device's last handover. One thread.
//
// A reservation's entry comes when it is answered or given up, so a counter that was given out for
// another command meanwhile stands before it in the log, and is greater. The device's handovers and
// abandoned counters rise among themselves, the others among themselves, and none comes twice.
class Counters {
 public:
  // Entries of kind signed, abandoned and reserved-elsewhere; others say nothing here.
  // kCounterRegression: used before, or not above; kMalformed: names no device and counter.
  Status See(const audit::Object& entry);

  std::uint64_t seen() const { return seen_; }
  // Counters between two of a device that no entry names, at most 2^64 - 1. The log does not say
  // that they were not used: floors, raises and proposals pass some over too.
  std::uint64_t passed_over() const { return passed_over_; }
  // The first entry that passed some over; nothing once entries have come of all of them.
  std::optional<std::uint64_t> first_that_passed() const { return first_that_passed_; }
  std::size_t devices() const { return devices_.size(); }
  std::size_t octets() const;

 private:
  struct Device {
    std::uint64_t own = 0;
    std::vector<std::uint64_t> elsewhere;  // rising; those above `own`, and the last
    std::uint64_t lowest = 0;              // the first that was seen
    std::uint64_t highest = 0;
  };
  void NotePassed(Device& device, std::uint64_t counter, const audit::Object& entry);

  std::unordered_map<std::uint64_t, Device> devices_;
  std::uint64_t seen_ = 0;
  std::uint64_t passed_over_ = 0;
  std::optional<std::uint64_t> first_that_passed_;
};

}  // namespace acb::verify
