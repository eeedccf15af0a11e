// P1 from the entries: no counter of the ACB twice for a device, and each above those before.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "firmware/audit/entry.h"
#include "firmware/base/result.h"

namespace acb::verify {

// Holds two numbers for each device, and the counters given out for other commands since the
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
  std::size_t devices() const { return devices_.size(); }
  std::size_t octets() const;

 private:
  struct Device {
    std::uint64_t own = 0;
    std::vector<std::uint64_t> elsewhere;  // rising; those above `own`, and the last
  };
  std::unordered_map<std::uint64_t, Device> devices_;
  std::uint64_t seen_ = 0;
};

}  // namespace acb::verify
