#include "tools/bench/peer_postgres.h"

#include <endian.h>
#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <random>
#include <string_view>
#include <utility>

#include "firmware/base/handle.h"

namespace acb::bench {
namespace {

using Answer = Handle<PGresult, PQclear>;

constexpr std::int16_t kHolderAcb = 1;
constexpr int kBinary = 1;

constexpr const char* kTables =
    "CREATE TABLE device (id bigint PRIMARY KEY, last_issued bigint NOT NULL, floor bigint NOT "
    "NULL, holder smallint NOT NULL, model text NOT NULL, mpxn text NOT NULL, key_agreement bytea "
    "NOT NULL) WITH (fillfactor = 70);"  // room beside each row: updates touch no index
    "CREATE TABLE request (device bigint NOT NULL, id bigint NOT NULL, body bytea NOT NULL, state "
    "smallint NOT NULL, counter bigint NOT NULL, PRIMARY KEY (device, id)) WITH (fillfactor = 70);"
    "CREATE TABLE entry (id bigserial PRIMARY KEY, device bigint NOT NULL, counter bigint NOT "
    "NULL, request bytea NOT NULL, command bytea NOT NULL)";

struct Statement {
  const char* name;
  const char* text;
  int parameters;
};
constexpr Statement kLock{
    "lock", "SELECT last_issued, floor, holder FROM device WHERE id = $1::bigint FOR UPDATE", 1};
constexpr Statement kInsert{"insert",
                            "INSERT INTO request (device, id, counter, body, state) VALUES "
                            "($1::bigint, $2::bigint, $3::bigint, $4::bytea, 1)",
                            4};
constexpr Statement kRaise{"raise",
                           "UPDATE device SET last_issued = $2::bigint WHERE id = $1::bigint", 2};
constexpr Statement kAnswer{
    "answer", "UPDATE request SET state = 2 WHERE device = $1::bigint AND id = $2::bigint", 2};
constexpr Statement kRecord{"record",
                            "INSERT INTO entry (device, counter, request, command) VALUES "
                            "($1::bigint, $2::bigint, $3::bytea, $4::bytea)",
                            4};

// Binary parameters of one statement.
class Parameters {
 public:
  Parameters& Add(std::uint64_t number) {
    numbers_[count_] = htobe64(number);
    return Add(BytesView(reinterpret_cast<const std::uint8_t*>(&numbers_[count_]), 8));
  }
  Parameters& Add(BytesView octets) {
    values_[count_] = reinterpret_cast<const char*>(octets.data());
    lengths_[count_] = static_cast<int>(octets.size());
    formats_[count_] = kBinary;
    ++count_;
    return *this;
  }
  bool Send(PGconn* connection, const Statement& statement) const {
    return PQsendQueryPrepared(connection, statement.name, statement.parameters, values_.data(),
                               lengths_.data(), formats_.data(), kBinary) == 1;
  }

 private:
  static constexpr std::size_t kMost = 4;
  std::size_t count_ = 0;
  std::array<std::uint64_t, kMost> numbers_{};
  std::array<const char*, kMost> values_{};
  std::array<int, kMost> lengths_{};
  std::array<int, kMost> formats_{};
};

std::uint64_t Number(const PGresult* row, int column) {
  std::uint64_t number = 0;
  std::memcpy(&number, PQgetvalue(row, 0, column), sizeof number);
  return be64toh(number);
}

}  // namespace

struct PostgresPeer::Connection {
  Failure Failed(std::string_view what) const {
    return Failure(Reason::kStoreUnavailable, {},
                   "PostgreSQL, " + std::string(what) + ": " + PQerrorMessage(handle.get()));
  }
  Status Execute(const std::string& text) const {
    const Answer answer(PQexec(handle.get(), text.c_str()));
    const ExecStatusType status = PQresultStatus(answer.get());
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return Done{};
    return Failed(text.substr(0, 40));
  }
  Status Prepare() const;
  // The result of one statement of the pipeline, and the null that ends it.
  Result<Answer> Next(ExecStatusType expected) const;
  // Ends the pipeline: what was sent since the last sync is one transaction and is committed.
  Status Commit(int statements) const;

  Handle<PGconn, PQfinish> handle;
  std::mt19937_64 random;
};

Status PostgresPeer::Connection::Prepare() const {
  for (const Statement& one : {kLock, kInsert, kRaise, kAnswer, kRecord}) {
    const Answer answer(PQprepare(handle.get(), one.name, one.text, one.parameters, nullptr));
    if (PQresultStatus(answer.get()) != PGRES_COMMAND_OK) return Failed("prepare");
  }
  if (PQenterPipelineMode(handle.get()) != 1) return Failed("pipeline mode");
  return Done{};
}

Result<Answer> PostgresPeer::Connection::Next(ExecStatusType expected) const {
  Answer answer(PQgetResult(handle.get()));
  if (PQresultStatus(answer.get()) != expected) return Failed("statement");
  if (expected != PGRES_PIPELINE_SYNC && PQgetResult(handle.get()) != nullptr) {
    return Failed("more results than statements");
  }
  return answer;
}

Status PostgresPeer::Connection::Commit(int statements) const {
  if (PQpipelineSync(handle.get()) != 1) return Failed("sync");
  for (int i = 0; i < statements; ++i) {
    const auto answer = Next(PGRES_COMMAND_OK);
    if (!answer) return answer.error();
    if (std::string_view(PQcmdTuples(answer->get())) != "1") return Failed("no such row");
  }
  const auto committed = Next(PGRES_PIPELINE_SYNC);
  return committed ? Status(Done{}) : Status(committed.error());
}

PostgresPeer::PostgresPeer(std::uint64_t devices)
    : devices_(devices),
      // Above those of every earlier run.
      last_request_(static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch() /
                                               std::chrono::nanoseconds(1))) {}
PostgresPeer::~PostgresPeer() = default;

Result<std::unique_ptr<PostgresPeer>> PostgresPeer::Open(const std::string& connection,
                                                         std::uint64_t devices,
                                                         std::size_t threads) {
  std::unique_ptr<PostgresPeer> peer(new PostgresPeer(devices));
  for (std::size_t i = 0; i < threads; ++i) {
    auto made = std::make_unique<Connection>();
    made->handle.reset(PQconnectdb(connection.c_str()));
    made->random.seed(peer->last_request_ + i);
    if (PQstatus(made->handle.get()) != CONNECTION_OK) return made->Failed("connect");
    if (i == 0) {
      const Answer there(PQexec(made->handle.get(), "SELECT to_regclass('entry') IS NOT NULL"));
      if (PQresultStatus(there.get()) != PGRES_TUPLES_OK) return made->Failed("tables");
      if (std::string_view(PQgetvalue(there.get(), 0, 0)) != "t") {
        for (const std::string& text :
             {std::string(kTables),
              "INSERT INTO device SELECT n, 0, 1200, 1, 'Model-7', 1300000000000 + n, "
              "decode(repeat('5a', 65), 'hex') FROM generate_series(0, " +
                  std::to_string(devices - 1) + ") n",
              std::string("VACUUM ANALYZE"), std::string("CHECKPOINT")}) {
          if (Status done = made->Execute(text); !done) return done.error();
        }
      }
    }
    if (Status prepared = made->Prepare(); !prepared) return prepared.error();
    peer->connections_.push_back(std::move(made));
  }
  return peer;
}

Result<PostgresPeer::Reservation> PostgresPeer::Reserve(std::size_t thread,
                                                        const Sha256Digest& body) {
  Connection& own = *connections_.at(thread);
  Reservation made{own.random() % devices_, ++last_request_, 0};
  // Lock and read. A flush, no sync: the transaction goes on.
  if (!Parameters().Add(made.device).Send(own.handle.get(), kLock) ||
      PQsendFlushRequest(own.handle.get()) != 1 || PQflush(own.handle.get()) != 0) {
    return own.Failed("lock");
  }
  const auto row = own.Next(PGRES_TUPLES_OK);
  if (!row) return row.error();
  if (PQntuples(row->get()) != 1) return own.Failed("no such device");

  // Check.
  std::uint16_t holder = 0;
  std::memcpy(&holder, PQgetvalue(row->get(), 0, 2), sizeof holder);
  if (be16toh(holder) != kHolderAcb) return own.Failed("the cell is not the ACB's");
  made.counter = std::max(Number(row->get(), 0), Number(row->get(), 1)) + 1;

  // Insert, raise, commit.
  if (!Parameters()
           .Add(made.device)
           .Add(made.request)
           .Add(made.counter)
           .Add(body)
           .Send(own.handle.get(), kInsert) ||
      !Parameters().Add(made.device).Add(made.counter).Send(own.handle.get(), kRaise)) {
    return own.Failed("insert");
  }
  if (Status committed = own.Commit(2); !committed) return committed.error();
  return made;
}

Status PostgresPeer::Record(std::size_t thread, const Reservation& reservation, BytesView request,
                            BytesView command) {
  const Connection& own = *connections_.at(thread);
  if (!Parameters()
           .Add(reservation.device)
           .Add(reservation.request)
           .Send(own.handle.get(), kAnswer) ||
      !Parameters()
           .Add(reservation.device)
           .Add(reservation.counter)
           .Add(request)
           .Add(command)
           .Send(own.handle.get(), kRecord)) {
    return own.Failed("record");
  }
  return own.Commit(2);
}

}  // namespace acb::bench
