// What a device holds and for whom: roles, cells and the counters that protect them.
// Source: GBCS as read in gbcs-cs02b.md sections 3.1 and 9.3.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

namespace acb {

// RemotePartyRole of GBCS; also the number in the subject OU of an organisation certificate (hex).
enum class RemotePartyRole : std::uint8_t {
  kRoot = 0,
  kRecovery = 1,
  kSupplier = 2,
  kNetworkOperator = 3,
  kAccessControlBroker = 4,
  kTransitionalCos = 5,
  kWanProvider = 6,
  kIssuingAuthority = 7,
  kLoadController = 8,
  kOther = 127,
};
// Subject OU of certificates that sign DUIS documents; never valid in a GBCS cell (9.3).
inline constexpr std::uint8_t kOuXmlSigning = 0x87;

// The name that DUIS and this appliance's JSON use: "Supplier", "NetworkOperator", "ACB" ...
std::string_view Name(RemotePartyRole role);

enum class KeyUsage : std::uint8_t { kDigitalSignature = 0, kKeyAgreement = 4, kKeyCertSign = 5 };
enum class CellUsage : std::uint8_t { kManagement = 0, kPrepaymentTopUp = 1 };

struct TrustAnchorCell {
  RemotePartyRole role;
  KeyUsage key_usage;
  CellUsage cell_usage = CellUsage::kManagement;
  friend constexpr auto operator<=>(const TrustAnchorCell&, const TrustAnchorCell&) = default;
};

// Greatest originator counter and floor: ASN.1 SeqNumber ends at 2^63-1 (gbcs-cs02b.md 3.1, 7.1).
inline constexpr std::uint64_t kMaxSeqNumber = (std::uint64_t{1} << 63) - 1;

// A counter in a command of the ACB: 1 .. 2^63-1. Unsigned 64 bit, most significant octet first on
// the wire. Never wraps: whoever adds compares first (R-NOW-2).
class OriginatorCounter {
 public:
  static constexpr std::optional<OriginatorCounter> From(std::uint64_t value) {
    if (value < 1 || value > kMaxSeqNumber) return std::nullopt;
    return OriginatorCounter(value);
  }
  constexpr std::uint64_t value() const { return value_; }
  friend constexpr auto operator<=>(OriginatorCounter, OriginatorCounter) = default;

 private:
  explicit constexpr OriginatorCounter(std::uint64_t value) : value_(value) {}
  std::uint64_t value_;
};

// A floor: 0 .. 2^63-1.
class FloorSeqNumber {
 public:
  static constexpr std::optional<FloorSeqNumber> From(std::uint64_t value) {
    if (value > kMaxSeqNumber) return std::nullopt;
    return FloorSeqNumber(value);
  }
  constexpr std::uint64_t value() const { return value_; }
  friend constexpr auto operator<=>(FloorSeqNumber, FloorSeqNumber) = default;

 private:
  explicit constexpr FloorSeqNumber(std::uint64_t value) : value_(value) {}
  std::uint64_t value_;
};

}  // namespace acb
