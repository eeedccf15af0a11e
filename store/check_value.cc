#include "store/check_value.h"

#include <array>

namespace acb::store {
namespace {

// Octets that are taken at one time: an import of millions of rows spends a good part of its
// transaction here ("slicing", Kounavis and Berry 2005).
constexpr std::size_t kSlices = 8;
using Tables = std::array<std::array<std::uint32_t, 256>, kSlices>;

// tables[n][octet]: what remains of the octet with n octets of zeros after it.
constexpr Tables MakeTables() {
  constexpr std::uint32_t kReflectedPolynomial = 0x82F63B78;
  Tables tables{};
  for (std::uint32_t octet = 0; octet < 256; ++octet) {
    std::uint32_t remainder = octet;
    for (int bit = 0; bit < 8; ++bit) {
      remainder = (remainder >> 1) ^ ((remainder & 1) != 0 ? kReflectedPolynomial : 0);
    }
    tables[0][octet] = remainder;
  }
  for (std::size_t slice = 1; slice < kSlices; ++slice) {
    for (std::size_t octet = 0; octet < 256; ++octet) {
      const std::uint32_t before = tables[slice - 1][octet];
      tables[slice][octet] = (before >> 8) ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}

constexpr Tables kTables = MakeTables();

}  // namespace

Crc32c& Crc32c::Update(BytesView bytes) {
  for (; bytes.size() >= kSlices; bytes = bytes.subspan(kSlices)) {
    std::uint32_t next = 0;
    for (std::size_t i = 0; i < kSlices; ++i) {
      // The state is as long as the first four octets, and is taken with them.
      const std::uint32_t state = i < 4 ? state_ >> (8 * i) : 0;
      next ^= kTables[kSlices - 1 - i][(state ^ bytes[i]) & 0xFF];
    }
    state_ = next;
  }
  for (const std::uint8_t octet : bytes) {
    state_ = (state_ >> 8) ^ kTables[0][(state_ ^ octet) & 0xFF];
  }
  return *this;
}

}  // namespace acb::store
