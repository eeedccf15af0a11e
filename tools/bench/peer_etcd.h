// One etcd node, a put a counter, by gRPC: HTTP/2 by nghttp2, its two messages written by hand.
#pragma once

#include <cstddef>
#include <cstdint>

#include "firmware/base/result.h"
#include "tools/bench/in_flight.h"

namespace acb::bench {

struct EtcdWish {
  std::uint16_t port = 0;  // on 127.0.0.1
  std::uint64_t devices = 0;
  std::size_t connections = 8;
  std::size_t in_flight = 64;  // over all connections: a multiple of their number
  double seconds = 1;
};

// Puts of 8-octet counters under 8-octet keys (devices at random), so many in flight, closed loop;
// etcd answers when its log is flushed. Each connection is a thread. Fails with kStoreUnavailable.
Result<Rate> PutCounters(const EtcdWish& wish);

}  // namespace acb::bench
