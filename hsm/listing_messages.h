// What goes through the pipes of the lister. Numbers have their most significant octet first; both
// ends are the same program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/result.h"
#include "hsm/data_objects.h"

namespace acb::hsm {

inline constexpr std::size_t kMaxApplication = 32;

// To the lister: u64 number, u8 length, application, zeros up to kRequestSize.
inline constexpr std::size_t kRequestSize = 8 + 1 + kMaxApplication;
struct ListingRequest {
  std::uint64_t number;
  std::string application;  // 1 .. kMaxApplication octets
};
Bytes EncodeRequest(const ListingRequest& request);
std::optional<ListingRequest> DecodeRequest(BytesView octets);

// From the lister: u64 number of the request, u32 size of the outcome; then the outcome.
inline constexpr std::size_t kReplyHeaderSize = 8 + 4;

// u8 1, u16 number of objects, and of each a u16 length and its octets; or u8 0, u16 reason,
// detail.
inline constexpr std::size_t kMaxOutcome = 1 + 2 + kMaxDataObjects * (2 + kMaxDataOctets);
Bytes EncodeOutcome(const Result<std::vector<Bytes>>& outcome);
// kHsmUnavailable when the octets are not whole.
Result<std::vector<Bytes>> DecodeOutcome(BytesView octets);

}  // namespace acb::hsm
