#include "store/check_value.h"

#include <array>
#include <cstring>

#ifdef __x86_64__
#include <nmmintrin.h>
#endif

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

std::uint32_t UpdateByTables(std::uint32_t state, BytesView bytes) {
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= kSlices; left -= kSlices, at += kSlices) {
    // The state is as long as the first four octets, and is taken with them.
    state = kTables[7][(state ^ at[0]) & 0xFF] ^ kTables[6][(state >> 8 ^ at[1]) & 0xFF] ^
            kTables[5][(state >> 16 ^ at[2]) & 0xFF] ^ kTables[4][(state >> 24 ^ at[3]) & 0xFF] ^
            kTables[3][at[4]] ^ kTables[2][at[5]] ^ kTables[1][at[6]] ^ kTables[0][at[7]];
  }
  for (; left > 0; --left, ++at) state = (state >> 8) ^ kTables[0][(state ^ *at) & 0xFF];
  return state;
}

#ifdef __x86_64__
// The instruction for just this polynomial (SSE 4.2), eight octets at a time.
__attribute__((target("sse4.2"))) std::uint32_t UpdateByInstruction(std::uint32_t state,
                                                                    BytesView bytes) {
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t wide = state;
  for (; left >= sizeof wide; left -= sizeof wide, at += sizeof wide) {
    std::uint64_t octets;
    std::memcpy(&octets, at, sizeof octets);
    wide = _mm_crc32_u64(wide, octets);
  }
  auto narrow = static_cast<std::uint32_t>(wide);
  for (; left > 0; --left, ++at) narrow = _mm_crc32_u8(narrow, *at);
  return narrow;
}
#endif

using UpdateFunction = std::uint32_t (*)(std::uint32_t state, BytesView bytes);

// What this processor has.
UpdateFunction Fastest() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("sse4.2")) return UpdateByInstruction;
#endif
  return UpdateByTables;
}

}  // namespace

Crc32c& Crc32c::Update(BytesView bytes) {
  static const UpdateFunction update = Fastest();
  state_ = update(state_, bytes);
  return *this;
}

std::uint32_t Crc32cByTables(BytesView bytes) { return ~UpdateByTables(0xFFFFFFFF, bytes); }

}  // namespace acb::store
