#include "platform/review/counting.h"

#include <chrono>

namespace acb::review {
namespace {

// Between two looks for what is new.
constexpr std::chrono::seconds kPause{10};

}  // namespace

Counting::Counting(Read read)
    : read_(std::move(read)), thread_([this](const std::stop_token& stop) { Run(stop); }) {}

Counting::~Counting() = default;

bool Counting::CountPiece() {
  const auto entries = read_(tally_.counted(), kPiece);
  if (!entries) {
    failed_ = entries.error();
    return false;
  }
  failed_.reset();
  for (const std::string& entry : *entries) tally_.Take(entry);
  return entries->size() == kPiece;
}

Counting::Now Counting::Look(UtcTime now, Month month) {
  const std::lock_guard lock(mutex_);
  for (std::uint64_t i = 0; i < kPiecesOfAPage && CountPiece(); ++i) continue;
  return {tally_.Of(now, month), failed_};
}

void Counting::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::unique_lock lock(mutex_);
    const auto began = std::chrono::steady_clock::now();
    const bool more = CountPiece();
    const std::chrono::nanoseconds used = std::chrono::steady_clock::now() - began;
    // The wait lets go of the lock: pages come through, and the service has the processor.
    wake_.wait_for(lock, stop, more ? used : std::chrono::nanoseconds(kPause),
                   [] { return false; });
  }
}

}  // namespace acb::review
