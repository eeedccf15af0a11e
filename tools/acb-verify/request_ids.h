// One request makes one command.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace acb::verify {

// RequestIDs of the signed entries, 32 octets each. One thread.
class RequestIds {
 public:
  struct Again {
    std::uint64_t index = 0;   // of the entry that signs it again
    std::uint64_t before = 0;  // of the one before
    bool rises = false;        // its counter is above that of the one before
    // Of the entry between the two that says: the one before came back from an export, which holds
    // no answers. Who had asked is answered anew (P5).
    std::optional<std::uint64_t> recovery = {};
  };

  void Add(std::string_view request_id, std::uint64_t index, std::uint64_t counter);
  // Entry `index` says that the log was recovered; of the `reach` entries before it those that are
  // not the recovery's own came back. In order of index.
  void SeeRecovery(std::uint64_t index, std::uint64_t reach);
  // After the last: entries whose RequestID one before has, in order of index.
  std::vector<Again> SignedAgain();

 private:
  struct Seen {
    std::array<std::uint8_t, 16> hash{};  // the first half of its SHA-256
    std::uint64_t index = 0;
    std::uint64_t counter = 0;
  };
  struct Recovery {
    std::uint64_t index = 0;
    std::uint64_t reach = 0;
  };
  std::optional<std::uint64_t> RecoveryBetween(std::uint64_t before, std::uint64_t index) const;

  std::vector<Seen> seen_;
  std::vector<Recovery> recoveries_;
};

}  // namespace acb::verify
