// One request makes one command.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace acb::verify {

// RequestIDs of the signed entries, 24 octets each. One thread.
class RequestIds {
 public:
  struct Again {
    std::uint64_t index = 0;   // of the entry that signs it again
    std::uint64_t before = 0;  // of the one before
  };

  void Add(std::string_view request_id, std::uint64_t index);
  // After the last: entries whose RequestID one before has, in order of index.
  std::vector<Again> SignedAgain();

 private:
  struct Seen {
    std::array<std::uint8_t, 16> hash{};  // the first half of its SHA-256
    std::uint64_t index = 0;
  };
  std::vector<Seen> seen_;
};

}  // namespace acb::verify
