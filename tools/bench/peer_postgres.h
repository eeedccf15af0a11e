// The stack that a team would build: a PostgreSQL row a device, and the transaction shape "lock,
// read, check, insert, commit", through libpq, made as cheap for it as libpq can: prepared
// statements, pipelined, two round trips a reservation and one a record, no statement for begin and
// commit.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/result.h"
#include "firmware/base/sha256.h"

namespace acb::bench {

// Every call fails with kStoreUnavailable; the detail says what PostgreSQL says.
class PostgresPeer {
 public:
  // Makes the tables where they are missing: a row for each of `devices` devices. `connection`: a
  // libpq connection string. One connection for each of `threads` threads.
  static Result<std::unique_ptr<PostgresPeer>> Open(const std::string& connection,
                                                    std::uint64_t devices, std::size_t threads);
  ~PostgresPeer();
  PostgresPeer(const PostgresPeer&) = delete;
  PostgresPeer& operator=(const PostgresPeer&) = delete;

  struct Reservation {
    std::uint64_t device = 0;
    std::uint64_t request = 0;  // what the User calls it
    std::uint64_t counter = 0;
  };
  // Flush 1, of a device at random: its row is locked and read, holder and floor are checked, the
  // request is inserted and the counter raised; committed when this returns.
  Result<Reservation> Reserve(std::size_t thread, const Sha256Digest& body);
  // Flush 2: the request is answered; entry, request and command are inserted; committed.
  Status Record(std::size_t thread, const Reservation& reservation, BytesView request,
                BytesView command);

 private:
  struct Connection;
  explicit PostgresPeer(std::uint64_t devices);
  const std::uint64_t devices_;
  std::atomic<std::uint64_t> last_request_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace acb::bench
