// Keeps the tally up with the log, beside the service.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "firmware/base/result.h"
#include "platform/review/tally.h"

namespace acb::review {

// Thread-safe. A thread of its own counts the log from its first entry on, half of the time at
// most, and then what is new: neither the start nor a page waits for it (10 million entries).
class Counting {
 public:
  // Up to `count` entries from `from` on; fewer at the end. Called by several threads, until the
  // object is destroyed.
  using Read =
      std::function<Result<std::vector<std::string>>(std::uint64_t from, std::uint64_t count)>;
  static constexpr std::uint64_t kPiece = 500;
  // What is new is counted before a page is made, up to this many entries.
  static constexpr std::uint64_t kPiecesOfAPage = 4;

  explicit Counting(Read read);
  ~Counting();
  Counting(const Counting&) = delete;
  Counting& operator=(const Counting&) = delete;

  struct Now {
    Figures figures;
    std::optional<Failure> failed;  // why the counting has stopped where it is
  };
  Now Look(UtcTime now, Month month);

 private:
  bool CountPiece();  // false: nothing was left, or it failed. mutex_ is held
  void Run(const std::stop_token& stop);

  Read read_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  Tally tally_;                    // guarded by mutex_
  std::optional<Failure> failed_;  // likewise
  std::jthread thread_;            // last: it uses what is above
};

}  // namespace acb::review
