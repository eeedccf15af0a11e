// CRC-32C, the check value of every record (reliability.md section 1).
#pragma once

#include <cstdint>

#include "firmware/base/bytes.h"

namespace acb::store {

// Castagnoli polynomial, reflected, as RFC 3720 appendix B.4: of "123456789" it is 0xE3069283.
class Crc32c {
 public:
  Crc32c& Update(BytesView bytes);
  std::uint32_t value() const { return ~state_; }

 private:
  std::uint32_t state_ = 0xFFFFFFFF;
};

// Likewise of `bytes`, without the processor's instruction for it: what a processor that has none
// does. For the test that both say the same.
std::uint32_t Crc32cByTables(BytesView bytes);

}  // namespace acb::store
