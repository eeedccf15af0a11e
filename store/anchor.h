// What an anchor says (design.md section 4, "Anchor"): the octets of one data object in the HSM.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "firmware/base/bytes.h"
#include "firmware/base/sha256.h"
#include "store/store.h"

namespace acb::store {

// 128 random bits, new with each start.
using Instance = std::array<std::uint8_t, 16>;

struct Anchor {
  // Stored numbers.
  enum class State : std::uint8_t { kClaim = 1, kRunning = 2, kStopped = 3 };

  StoreId store{};
  std::string token_serial;  // at most kMaxTokenSerial octets
  std::uint64_t epoch = 0;
  Instance instance{};
  State state = State::kClaim;
  std::uint64_t window = 0;
  std::uint64_t raise = 0;
  std::uint64_t base = 0;
  bool exported = false;        // the counters were handed to another box for good
  std::uint64_t tree_size = 0;  // entries of the log
  Sha256Digest root{};          // of the RFC 6962 tree over them

  static constexpr std::size_t kMaxTokenSerial = 16;

  // "Higher = greater (epoch, instance), then greater tree size."
  std::pair<std::uint64_t, Instance> start() const { return {epoch, instance}; }
  bool IsAbove(const Anchor& other) const {
    return std::tuple(epoch, instance, tree_size) >
           std::tuple(other.epoch, other.instance, other.tree_size);
  }
  friend bool operator==(const Anchor&, const Anchor&) = default;
};

// Fixed length, most significant octet first; FORMAT.md, "Anchors". The last 32 octets are the
// SHA-256 of all before.
Bytes EncodeAnchor(const Anchor& anchor);
// Nothing when the octets are not whole: such an object does not exist (design.md section 4).
std::optional<Anchor> DecodeAnchor(BytesView octets);

}  // namespace acb::store
