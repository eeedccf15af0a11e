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

}  // namespace acb::store
