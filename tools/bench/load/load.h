// Sends signed requests over many connections from one thread, and counts what comes back.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "firmware/base/result.h"
#include "tools/bench/load/histogram.h"
#include "tools/bench/requests.h"

namespace acb::bench {

struct LoadPlan {
  std::size_t connections = 64;
  std::chrono::duration<double> warm_up{2};   // not counted
  std::chrono::duration<double> seconds{10};  // counted
  // Requests a second, evenly spaced, whether or not answers come: latency counts from the instant
  // that a request was due at. Absent: each connection sends when its answer is there.
  std::optional<double> rate;
  bool retry = false;          // waits as Retry-After says and sends the same request again
  bool drops_refused = false;  // closes its connection after each 503, and opens another
};

struct LoadResult {
  double seconds = 0;                            // counted
  std::map<int, std::uint64_t> statuses;         // of answers
  std::map<std::string, std::uint64_t> reasons;  // of answers other than 200
  Histogram signed_latency;                      // of 200
  Histogram refused_latency;                     // of 503
  std::uint64_t handshakes = 0;                  // in all, warm-up too, as are those below
  std::uint64_t failed_handshakes = 0;           // cut by the server before they were done
  std::uint64_t lost = 0;                        // sent, and the connection ended without an answer
  std::uint64_t unanswered = 0;                  // still open some time after the end
  std::uint64_t wrong = 0;                       // answers that are not as they should be
  std::vector<std::string> examples;             // of wrong answers
  std::uint64_t longest_backlog = 0;  // open loop: requests due for which no connection was free
  bool ran_out = false;               // of requests
  bool good() const { return lost == 0 && unanswered == 0 && wrong == 0; }
};

// Told when what is counted begins and ends, to read the clocks of processes.
struct LoadHooks {
  std::function<void()> begin = [] {};
  std::function<void()> end = [] {};
};

// Runs the plan on the calling thread. Each request is sent once, but for `retry`; an answer 200
// must hold a command and the RequestID that was asked for, and its counter must be the only one of
// its device; an answer 503 must have Retry-After; nothing else is expected. kConfiguration: the
// client's certificate cannot be used; no socket, or no epoll.
Result<LoadResult> RunLoad(const RequestMaker& maker, const std::vector<SignedRequest>& requests,
                           const LoadPlan& plan, const LoadHooks& hooks);

}  // namespace acb::bench
