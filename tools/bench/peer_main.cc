// acb-peer: what else a team could have built, measured beside ours at the same durability. The
// servers are started by tools/bench/run.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdlib>
#include <iostream>

#include "firmware/duis/signature.h"
#include "hsm/software_key.h"
#include "platform/config.h"
#include "tests/support/test_pki.h"
#include "tools/bench/floor.h"
#include "tools/bench/in_flight.h"
#include "tools/bench/peer_etcd.h"
#include "tools/bench/peer_postgres.h"
#include "tools/bench/raw_lmdb.h"
#include "tools/bench/raw_token.h"
#include "tools/bench/scratch.h"
#include "tools/bench/xml_peer.h"

namespace acb::bench {
namespace {

constexpr int kGood = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr std::size_t kCommandOctets = 2560;

struct Wish {
  std::string connection;  // of libpq
  std::filesystem::path config;
  std::filesystem::path directory;
  std::uint16_t port = 0;
  std::uint64_t devices = 100'000;
  std::size_t in_flight = 64;
  std::size_t connections = 8;
  double seconds = 2;
};

Result<Rate> PostgresReservations(const Wish& wish) {
  const auto peer = PostgresPeer::Open(wish.connection, wish.devices, wish.in_flight);
  if (!peer) return peer.error();
  const Sha256Digest body = Sha256(AsBytes("a request"));
  return RunInFlight(wish.in_flight, wish.seconds, [&](std::size_t thread) -> Status {
    const auto made = (*peer)->Reserve(thread, body);
    return made ? Status(Done{}) : Status(made.error());
  });
}

// What a handover takes beside PostgreSQL.
struct Parts {
  std::unique_ptr<RawToken> token;
  std::vector<std::unique_ptr<RawToken::Session>> sessions;
  std::unique_ptr<XmlPeer> xml;
  std::string request;
  PublicPoint device{};
  Bytes command = Bytes(kCommandOctets, 0x3C);
};

Result<Parts> OpenParts(const Wish& wish) {
  const auto config = platform::LoadConfig(wish.config);
  if (!config) return config.error();
  for (const auto& [name, value] : config->hsm_environment) setenv(name.c_str(), value.c_str(), 1);
  if (Status xml = duis::InitialiseXml(); !xml) return xml.error();
  const testing::TestPki& pki = testing::TestPki::Get();
  Parts parts;
  parts.request = pki.Sign(pki.SupplierFields());
  auto xml = XmlPeer::Open(pki.Certificate("supplier-xml")->der());
  if (!xml) return std::move(xml).error();
  parts.xml = *std::move(xml);
  const auto device = hsm::SoftwareKey::Generate();
  if (!device) return device.error();
  parts.device = device->point();
  const auto place = TokenPlaceOf(*config);
  if (!place) return place.error();
  auto token = RawToken::Open(*place);
  if (!token) return std::move(token).error();
  parts.token = *std::move(token);
  for (std::size_t i = 0; i < wish.in_flight; ++i) {
    auto session = parts.token->OpenSession();
    if (!session) return std::move(session).error();
    parts.sessions.push_back(*std::move(session));
  }
  return parts;
}

Status HandOver(PostgresPeer& peer, const Parts& parts, std::size_t thread) {
  if (Status good = parts.xml->Verify(parts.request); !good) return good;
  const auto made = peer.Reserve(thread, Sha256(AsBytes(parts.request)));
  if (!made) return made.error();
  const auto signature = parts.sessions[thread]->Sign(Sha256(parts.command));
  if (!signature) return signature.error();
  const auto secret = parts.sessions[thread]->Derive(parts.device);
  if (!secret) return secret.error();
  return peer.Record(thread, *made, AsBytes(parts.request), parts.command);
}

Result<Rate> PostgresHandovers(const Wish& wish) {
  const auto parts = OpenParts(wish);
  if (!parts) return parts.error();
  const auto peer = PostgresPeer::Open(wish.connection, wish.devices, wish.in_flight);
  if (!peer) return peer.error();
  return RunInFlight(wish.in_flight, wish.seconds,
                     [&](std::size_t thread) { return HandOver(**peer, *parts, thread); });
}

Result<Rate> EtcdPuts(const Wish& wish) {
  return PutCounters({.port = wish.port,
                      .devices = wish.devices,
                      .connections = wish.connections,
                      .in_flight = wish.in_flight,
                      .seconds = wish.seconds});
}

Result<Rate> LmdbCommits(const Wish& wish) {
  const ScratchDirectory scratch(wish.directory);
  const auto lmdb = RawLmdb::Create(scratch.path() / "lmdb", wish.devices);
  if (!lmdb) return lmdb.error();
  return (*lmdb)->RaiseCounters(wish.seconds);
}

using Measurement = Result<Rate> (*)(const Wish&);

int Main(int argc, char** argv) {
  CLI::App app("What else a team could have built, at the same durability; per second, as JSON");
  Wish wish;
  Measurement measure = nullptr;
  const auto add = [&](const char* name, const char* what, Measurement how) {
    CLI::App* command = app.add_subcommand(name, what);
    command->add_option("--devices", wish.devices)
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{10'000'000}));
    command->add_option("--in-flight", wish.in_flight)
        ->check(CLI::Range(std::size_t{1}, kMaxInFlight));
    command->add_option("--seconds", wish.seconds)->check(CLI::Range(0.01, 3600.0));
    command->callback([&measure, how] { measure = how; });
    return command;
  };
  add("postgres-reserve", "PostgreSQL: lock, read, check, insert, commit", PostgresReservations)
      ->add_option("--connection", wish.connection, "For libpq")
      ->required();
  CLI::App* whole = add("postgres-handover",
                        "xmlsec1 verify; that transaction; PKCS#11 sign and derive; the record",
                        PostgresHandovers);
  whole->add_option("--connection", wish.connection, "For libpq")->required();
  whole->add_option("--config", wish.config, "acbd.toml of the box whose token is used")
      ->required();
  CLI::App* etcd = add("etcd", "One etcd node: a put a counter, by gRPC", EtcdPuts);
  etcd->add_option("--port", wish.port, "On 127.0.0.1")->required();
  etcd->add_option("--connections", wish.connections, "They share what is in flight");
  add("lmdb", "LMDB: a commit a counter, one writer, no grouping", LmdbCommits)
      ->add_option("--directory", wish.directory, "A scratch store is made below it")
      ->required();
  app.require_subcommand(1);
  app.footer(
      "Exit code: 0 measured, 1 failed, 2 usage.\nExample:\n  acb-peer etcd --port 2379 --seconds "
      "2");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kGood : kUsage;
  }
  const auto rate = measure(wish);
  if (!rate) {
    std::cerr << "acb-peer: " << Explain(rate.error()) << "\n";
    return kFailed;
  }
  std::cout << boost::json::serialize(boost::json::object{{"per_s", rate->per_s},
                                                          {"median_ms", rate->median_ms},
                                                          {"p99_ms", rate->p99_ms}})
            << "\n";
  return kGood;
}

}  // namespace
}  // namespace acb::bench

int main(int argc, char** argv) { return acb::bench::Main(argc, argv); }
