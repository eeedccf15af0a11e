// acbd-load: how many handovers a second acbd makes, and how long each takes, as its clients see
// it.
#include <sched.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <fstream>
#include <iostream>
#include <random>
#include <thread>

#include "tools/bench/load/acbd_process.h"
#include "tools/bench/load/load.h"
#include "tools/bench/load/report.h"

namespace acb::bench {
namespace {

constexpr int kGood = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;
// Closed loop: so many requests are signed for each second, unless told. No box answers more.
constexpr double kRequestsASecond = 8000;
constexpr double kSpare = 1.1;
constexpr std::size_t kSignedAtOnce = 1024;
constexpr std::chrono::milliseconds kShownEvery{200};

struct Order {
  std::filesystem::path world;
  LoadPlan plan;
  double seconds = 10;
  double warm_up = 2;
  double rate = 0;
  std::size_t requests = 0;
  bool closed = false;
  int pin = -1;
  std::uint64_t seed = 1;
  std::filesystem::path json;
  std::filesystem::path spawn;
  pid_t process = 0;
};

// On all processors, since nothing else runs yet. The devices are uniformly random.
std::vector<SignedRequest> SignAll(const RequestMaker& maker, std::size_t count,
                                   std::uint64_t seed) {
  // Other numbers than any run before: a RequestID that comes again is a retry.
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto first = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(now).count());
  std::vector<SignedRequest> requests(count);
  std::mt19937_64 random(seed);
  std::uniform_int_distribution<std::size_t> any(0, maker.world().devices - 1);
  for (SignedRequest& request : requests) request.device = any(random);
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t begin = next.fetch_add(kSignedAtOnce); begin < count;
         begin = next.fetch_add(kSignedAtOnce)) {
      const std::size_t end = std::min(begin + kSignedAtOnce, count);
      for (std::size_t i = begin; i < end; ++i) {
        requests[i] = maker.Sign(requests[i].device, first + i);
      }
    }
  };
  std::vector<std::thread> workers;
  for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i) {
    workers.emplace_back(work);
  }
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  while (terminal && next < count) {
    std::cerr << "\rsigning " << std::min(next.load(), count) * 100 / count << " % of " << count
              << " requests" << std::flush;
    std::this_thread::sleep_for(kShownEvery);
  }
  for (std::thread& worker : workers) worker.join();
  if (terminal) std::cerr << "\r\033[K" << std::flush;
  return requests;
}

bool Pin(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(core), &set);
  return ::sched_setaffinity(0, sizeof set, &set) == 0;
}

int Fail(const std::string& why) {
  std::cerr << "acbd-load: " << why << "\n";
  return kFailed;
}

std::size_t HowMany(const Order& order) {
  if (order.requests != 0) return order.requests;
  const double rate = order.rate != 0 ? order.rate : kRequestsASecond;
  return static_cast<std::size_t>(rate * (order.seconds + order.warm_up) * kSpare) + 1;
}

// The processor time of a process between two calls.
struct Measured {
  Usage before;
  Usage after;
  double cpu_seconds() const { return after.cpu_seconds - before.cpu_seconds; }
};

int Run(const Order& order) {
  const auto maker = RequestMaker::Open(order.world);
  if (!maker) return Fail(maker.error().explanation);
  const auto requests = SignAll(*maker, HowMany(order), order.seed);
  std::cerr << requests.size() << " requests signed, of " << maker->world().devices << " devices\n";
  std::optional<AcbdProcess> acbd;
  if (!order.spawn.empty()) {
    auto started = AcbdProcess::Start(order.spawn, maker->world());
    if (!started) return Fail(started.error().explanation);
    acbd.emplace(*std::move(started));
  }
  if (order.pin >= 0 && !Pin(order.pin)) return Fail("cannot be pinned to that core");

  const pid_t server = acbd ? acbd->id() : order.process;
  Measured ours;
  Measured theirs;
  LoadHooks hooks;
  hooks.begin = [&] { ours.before = UsageOf(::getpid()), theirs.before = UsageOf(server); };
  hooks.end = [&] { ours.after = UsageOf(::getpid()), theirs.after = UsageOf(server); };
  const auto result = RunLoad(*maker, requests, order.plan, hooks);
  if (!result) return Fail(result.error().explanation);
  Status stopped = Done{};
  if (acbd) stopped = acbd->Stop();

  const Report report{order.plan,
                      *result,
                      maker->world().devices,
                      ours.cpu_seconds(),
                      server != 0 ? std::optional(theirs.cpu_seconds()) : std::nullopt,
                      theirs.after.anonymous_octets};
  std::cout << AsText(report) << std::flush;
  if (!order.json.empty()) {
    std::ofstream out(order.json);
    out << AsJson(report) << std::flush;
    if (!out) return Fail(order.json.string() + ": cannot be written");
  }
  if (!stopped) return Fail(stopped.error().explanation);
  return result->good() && result->signed_latency.count() != 0 ? kGood : kFailed;
}

int Main(int argc, char** argv) {
  Order order;
  CLI::App app(
      "Sends signed handover requests to acbd over mTLS and says how many were answered, and "
      "when.\n"
      "The requests are signed before the run.\n"
      "Example: tools/bench/world /var/tmp/bench --devices 10000\n"
      "         acbd-load /var/tmp/bench --spawn build/release/platform/acbd --connections 64",
      "acbd-load");
  app.footer(
      "Exit code: 0 every answer was as it should be, 1 some was wrong, lost, or none was good, "
      "2 usage.");
  app.add_option("world", order.world, "the folder that tools/bench/world made")->required();
  app.add_option("--connections", order.plan.connections, "kept alive, one request at a time each")
      ->check(CLI::Range(1, 20'000))
      ->capture_default_str();
  app.add_option("--seconds", order.seconds, "measured")
      ->check(CLI::Range(0.1, 86'400.0))
      ->capture_default_str();
  app.add_option("--warm-up", order.warm_up, "seconds before, not measured")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  auto* closed =
      app.add_flag("--closed", order.closed,
                   "closed loop, the default: a connection sends when it has its answer");
  app.add_option("--rate", order.rate,
                 "open loop: requests a second, evenly spaced; a latency counts from when the "
                 "request was due")
      ->check(CLI::Range(0.1, 1e6))
      ->excludes(closed);
  app.add_option("--requests", order.requests, "to sign; when they are used up the run ends")
      ->check(CLI::Range(1, 100'000'000));
  app.add_flag("--retry", order.plan.retry,
               "after 503 waits as Retry-After says, then sends the same request again");
  app.add_flag("--reconnect", order.plan.drops_refused,
               "after 503 closes the connection and opens another");
  app.add_option("--seed", order.seed, "of the choice of devices")->capture_default_str();
  app.add_option("--pin", order.pin, "the core that the client runs on")
      ->check(CLI::Range(0, 1023));
  app.add_option("--spawn", order.spawn, "acbd to start before and to stop afterwards")
      ->check(CLI::ExistingFile);
  app.add_option("--pid", order.process, "of an acbd that runs already, to tell its CPU time");
  app.add_option("--json", order.json, "file for the figures");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kGood : kUsage;
  }
  order.plan.seconds = std::chrono::duration<double>(order.seconds);
  order.plan.warm_up = std::chrono::duration<double>(order.warm_up);
  if (order.rate != 0) order.plan.rate = order.rate;
  return Run(order);
}

}  // namespace
}  // namespace acb::bench

int main(int argc, char** argv) { return acb::bench::Main(argc, argv); }
