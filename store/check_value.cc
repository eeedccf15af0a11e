#include "store/check_value.h"

#include <array>

namespace acb::store {
namespace {

constexpr std::array<std::uint32_t, 256> MakeTable() {
  constexpr std::uint32_t kReflectedPolynomial = 0x82F63B78;
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t octet = 0; octet < table.size(); ++octet) {
    std::uint32_t remainder = octet;
    for (int bit = 0; bit < 8; ++bit) {
      remainder = (remainder >> 1) ^ ((remainder & 1) != 0 ? kReflectedPolynomial : 0);
    }
    table[octet] = remainder;
  }
  return table;
}

constexpr std::array<std::uint32_t, 256> kTable = MakeTable();

}  // namespace

Crc32c& Crc32c::Update(BytesView bytes) {
  for (const std::uint8_t octet : bytes) {
    state_ = (state_ >> 8) ^ kTable[(state_ ^ octet) & 0xFF];
  }
  return *this;
}

}  // namespace acb::store
