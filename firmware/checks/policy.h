// What of the rules is configuration, so that no change of it needs a build: read at the start, in
// the `start` entry of the log, with defaults that are safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>

#include "firmware/records.h"

namespace acb::checks {

struct Policy {
  // SECMP0063: the certificates' party must be the network operator registered for the meter
  // point. Off: what it would have said is an observation.
  bool network_operator_registration = true;
  // R-NOW-3: a requested floor above this would lock out the incoming party.
  std::uint64_t requested_floor_limit = std::uint64_t{1} << 48;
  // A request without a floor leaves the new party above the ACB's counter.
  bool refuse_absent_floor = false;
  // How old the newest import of a feed may be. A feed that is listed here must have been imported.
  std::map<Feed, std::chrono::seconds> feed_max_age;
  // A replacement certificate has to be in the SMKI Repository as imported, and a device's model on
  // the Certified Products List, even if those feeds never came. Otherwise from their first import.
  bool repository_required = false;
  bool products_required = false;
};

}  // namespace acb::checks
