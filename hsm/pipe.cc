#include "hsm/pipe.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace acb::hsm {
namespace {

constexpr std::chrono::milliseconds kLongestPoll{60'000};

int MillisecondsUntil(SteadyTime end) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp(left, std::chrono::milliseconds(0), kLongestPoll).count());
}

}  // namespace

Result<Pipe> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return Failure{Reason::kHsmUnavailable, {}, "pipe2: " + std::generic_category().message(errno)};
  }
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

bool WriteAll(const Descriptor& to, BytesView octets) {
  while (!octets.empty()) {
    const ssize_t written = write(to.get(), octets.data(), octets.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    octets = octets.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

ReadSoFar ReadUntil(const Descriptor& from, std::span<std::uint8_t> into, SteadyTime end,
                    const Descriptor* watched) {
  std::size_t size = 0;
  while (size < into.size()) {
    // No event is asked of the second: a hang-up is told without asking.
    std::array<pollfd, 2> wanted{{{from.get(), POLLIN, 0}, {watched ? watched->get() : -1, 0, 0}}};
    const int wait = MillisecondsUntil(end);
    const int ready = poll(wanted.data(), wanted.size(), wait);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return {ReadEnd::kError, size};
    if (wanted[1].revents != 0) return {ReadEnd::kHangUp, size};
    if (ready == 0 && std::chrono::steady_clock::now() < end) continue;
    if (ready == 0) return {ReadEnd::kTimeOut, size};
    const ssize_t got = read(from.get(), into.data() + size, into.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return {ReadEnd::kError, size};
    if (got == 0) return {ReadEnd::kEndOfFile, size};
    size += static_cast<std::size_t>(got);
  }
  return {ReadEnd::kFull, size};
}

}  // namespace acb::hsm
