// acb-reserve: the durable reservation alone, through the port that the rules use, so many in
// flight. What it is compared with does the same for one counter: lock, read, check, insert,
// commit.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <mutex>

#include "firmware/duis/signature.h"
#include "platform/box.h"
#include "platform/config.h"
#include "platform/log.h"
#include "platform/system_clock.h"
#include "tools/bench/in_flight.h"
#include "tools/bench/scratch_store.h"

namespace acb::bench {
namespace {

constexpr int kGood = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;

constexpr Eui64 kUser{0x90B3D51F30010000};
constexpr std::string_view kFirstDevice = "00DB1234560000A0";
// The n-th device to be used: all of them, in no order. Prime, so it walks through all.
constexpr std::uint64_t kStride = 2'654'435'761;

struct Wish {
  std::filesystem::path config;
  std::filesystem::path directory;
  std::uint64_t devices = 100'000;
  std::size_t in_flight = 64;
  double seconds = 2;
  // Of devices that the box holds already, in a row; else they are imported.
  std::string first_device;
};

class Reservations {
 public:
  Reservations(store::Store& store, const Clock& clock, const Wish& wish, Eui64 first)
      : store_(store),
        counters_(store),
        clock_(clock),
        wish_(wish),
        first_(first),
        kept_(wish.in_flight) {}

  Status Import() {
    std::uint64_t number = 0;
    const auto next = [this, &number]() -> Result<std::optional<Device>> {
      if (number == wish_.devices) return std::optional<Device>();
      const Eui64 id(first_.value() + number);
      return std::optional(ScratchDevice(id, number++));
    };
    const auto done = store_.ImportDevices(next, audit::Entry("feed", clock_.Now()));
    if (!done) return done.error();
    return Done{};
  }

  Result<Rate> Run() {
    const auto generation = store_.TrustGeneration();
    if (!generation) return generation.error();
    return RunInFlight(wish_.in_flight, wish_.seconds,
                       [this, generation = *generation](std::size_t thread) {
                         return Reserve(generation, kept_[thread]);
                       });
  }

  // Not timed: the devices are free for the next run.
  Status Abandon() {
    std::vector<std::jthread> threads;
    std::mutex mutex;
    Status all = Done{};
    for (std::vector<ReservedCounter>& kept : kept_) {
      threads.emplace_back([this, &kept, &mutex, &all] {
        for (ReservedCounter& counter : kept) {
          Status given_up =
              counters_.Abandon(std::move(counter), Failure(Reason::kHsmUnavailable), clock_.Now());
          const std::scoped_lock lock(mutex);
          if (!given_up) all = std::move(given_up);
        }
      });
    }
    threads.clear();
    return all;
  }

 private:
  Status Reserve(std::uint64_t generation, std::vector<ReservedCounter>& kept) {
    const std::uint64_t number = next_.fetch_add(1);
    // A device has one reservation at a time: more than there are devices would be refused.
    if (number >= wish_.devices) {
      return Failure(Reason::kConfiguration, "too few devices for that time: see --devices");
    }
    const Eui64 device(first_.value() + number * kStride % wish_.devices);
    const auto now = clock_.Now();
    const RequestId request{kUser, device, static_cast<std::uint64_t>(now.milliseconds())};
    auto counter = counters_.Reserve({.request = request,
                                      .body = Sha256(request.Key()),
                                      .role = RemotePartyRole::kSupplier,
                                      .proposed = {},
                                      .trust_generation = generation,
                                      .at = now});
    if (!counter) return std::move(counter).error();
    kept.push_back(*std::move(counter));
    return Done{};
  }

  store::Store& store_;
  CounterStore& counters_;
  const Clock& clock_;
  const Wish& wish_;
  const Eui64 first_;
  std::atomic<std::uint64_t> next_ = 0;
  std::vector<std::vector<ReservedCounter>> kept_;
};

Status Measure(store::Store& store, const Clock& clock, const Wish& wish) {
  const bool held = !wish.first_device.empty();
  const auto first = Eui64::FromText(held ? std::string_view(wish.first_device) : kFirstDevice);
  if (!first) return Failure(Reason::kConfiguration, "--first-device is no EUI-64");
  Reservations reservations(store, clock, wish, *first);
  if (!held) {
    if (Status imported = reservations.Import(); !imported) return imported;
  }
  const store::Statistics before = store.statistics();
  const auto rate = reservations.Run();
  if (!rate) return rate.error();
  const store::Statistics after = store.statistics();
  if (Status free = reservations.Abandon(); !free) return free;
  std::cout << boost::json::serialize(boost::json::object{
                   {"reservations_per_s", rate->per_s},
                   {"median_ms", rate->median_ms},
                   {"p99_ms", rate->p99_ms},
                   {"commits_per_s",
                    static_cast<double>(after.commits - before.commits) / wish.seconds}})
            << "\n";
  return Done{};
}

// The box as the service opens it: anchors in its HSM, listed anew before anybody is released.
Status WithBox(const Wish& wish, const Clock& clock) {
  const auto config = platform::LoadConfig(wish.config);
  if (!config) return config.error();
  for (const auto& [name, value] : config->hsm_environment) setenv(name.c_str(), value.c_str(), 1);
  if (Status xml = duis::InitialiseXml(); !xml) return xml;
  const platform::Log log = platform::Log::ToStderr(clock);
  const auto box = platform::Box::Open(*config, clock, log);
  if (!box) return box.error();
  if (Status measured = Measure((*box)->store(), clock, wish); !measured) return measured;
  return (*box)->Stop();
}

// The store alone, in a directory of its own; its anchors are in memory.
Status WithFakeAnchors(const Wish& wish, const Clock& clock) {
  const auto scratch = ScratchStore::Open(wish.directory, clock.Now());
  if (!scratch) return scratch.error();
  return Measure((*scratch)->store(), clock, wish);
}

int Main(int argc, char** argv) {
  CLI::App app("Durable reservations per second, many in flight, as JSON");
  Wish wish;
  auto* config = app.add_option("--config", wish.config,
                                "acbd.toml of a provisioned box, which must not run: real anchors");
  app.add_option("--directory", wish.directory,
                 "Or: a scratch store below this directory, with anchors in memory")
      ->excludes(config);
  app.add_option("--devices", wish.devices, "Devices of the store")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{10'000'000}));
  app.add_option("--first-device", wish.first_device,
                 "The box holds them, in a row from this EUI-64; else they are imported")
      ->needs(config);
  app.add_option("--in-flight", wish.in_flight, "Threads")
      ->check(CLI::Range(std::size_t{1}, kMaxInFlight));
  app.add_option("--seconds", wish.seconds, "How long")->check(CLI::Range(0.01, 3600.0));
  app.footer(
      "Exit code: 0 measured, 1 failed, 2 usage.\nExample:\n  acb-reserve --config "
      "/srv/acb-test/acbd.toml --devices 100000 --in-flight 64 --seconds 2");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kGood : kUsage;
  }
  if (wish.config.empty() == wish.directory.empty()) {
    std::cerr << "acb-reserve: give --config or --directory\n";
    return kUsage;
  }
  const platform::SystemClock clock;
  const Status measured =
      wish.directory.empty() ? WithBox(wish, clock) : WithFakeAnchors(wish, clock);
  if (!measured) {
    std::cerr << "acb-reserve: " << Explain(measured.error()) << "\n";
    return kFailed;
  }
  return kGood;
}

}  // namespace
}  // namespace acb::bench

int main(int argc, char** argv) { return acb::bench::Main(argc, argv); }
