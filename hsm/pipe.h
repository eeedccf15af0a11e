// A pipe between two processes of ours, read with a deadline.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "firmware/base/bytes.h"
#include "firmware/base/descriptor.h"
#include "firmware/base/result.h"

namespace acb::hsm {

using SteadyTime = std::chrono::steady_clock::time_point;

struct Pipe {
  Descriptor read_end;
  Descriptor write_end;
};

// Both ends are closed by exec. Fails with kHsmUnavailable.
Result<Pipe> MakePipe();

// False when not all could be written. SIGPIPE is the caller's concern.
bool WriteAll(const Descriptor& to, BytesView octets);

enum class ReadEnd { kFull, kEndOfFile, kTimeOut, kHangUp, kError };
struct ReadSoFar {
  ReadEnd end;
  std::size_t size;
};

// Fills `into` and says how far it came, and why no further. kHangUp when every writer of
// `watched`, a read end that may be null, has gone.
ReadSoFar ReadUntil(const Descriptor& from, std::span<std::uint8_t> into, SteadyTime end,
                    const Descriptor* watched = nullptr);

}  // namespace acb::hsm
