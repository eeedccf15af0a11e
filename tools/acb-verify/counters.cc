#include "tools/acb-verify/counters.h"

#include <algorithm>

#include "firmware/base/eui64.h"
#include "firmware/base/trust_anchor_cell.h"
#include "tools/acb-verify/members.h"

namespace acb::verify {
namespace {

Failure NotRising(Eui64 device, std::uint64_t counter, std::uint64_t before) {
  return Failure(
      Reason::kCounterRegression,
      "counter " + std::to_string(counter) + " of device " + device.Hyphenated() +
          (counter == before ? " was used before" : " is not above " + std::to_string(before)) +
          " (P1)");
}

}  // namespace

Status Counters::See(const audit::Object& entry) {
  const std::string_view kind = TextOf(entry, "kind");
  const bool elsewhere = kind == "reserved-elsewhere";
  if (!elsewhere && kind != "signed" && kind != "abandoned") return Done{};
  const auto id = Eui64::FromHyphenated(TextOf(entry, "device"));
  const auto counter = NumberOf(entry, "originator_counter");
  if (!id || !counter || !OriginatorCounter::From(*counter)) {
    return Failure(Reason::kMalformed, "it names no device and counter");
  }
  ++seen_;
  Device& device = devices_[id->value()];
  auto& others = device.elsewhere;
  if (*counter <= device.own) return NotRising(*id, *counter, device.own);
  if (elsewhere) {
    if (!others.empty() && *counter <= others.back()) {
      return NotRising(*id, *counter, others.back());
    }
    others.push_back(*counter);
    NotePassed(device, *counter, entry);
    return Done{};
  }
  if (std::ranges::binary_search(others, *counter)) return NotRising(*id, *counter, *counter);
  device.own = *counter;
  NotePassed(device, *counter, entry);
  // Below it none can come any more.
  others.erase(others.begin(), std::ranges::upper_bound(others, *counter));
  return Done{};
}

void Counters::NotePassed(Device& device, std::uint64_t counter, const audit::Object& entry) {
  if (device.highest == 0) {
    device.lowest = counter;
  } else if (counter < device.highest) {
    // It waited for its answer while others were given out.
    if (counter > device.lowest && passed_over_ > 0) --passed_over_;
    if (passed_over_ == 0) first_that_passed_.reset();
  } else if (const std::uint64_t passed = counter - device.highest - 1; passed > 0) {
    passed_over_ += std::min(passed, ~std::uint64_t{0} - passed_over_);
    if (!first_that_passed_) first_that_passed_ = NumberOf(entry, "index");
  }
  device.highest = std::max(device.highest, counter);
}

std::size_t Counters::octets() const {
  std::size_t octets = devices_.size() * (sizeof(std::uint64_t) + sizeof(Device) + sizeof(void*));
  for (const auto& [id, device] : devices_) octets += device.elsewhere.capacity() * 8;
  return octets;
}

}  // namespace acb::verify
