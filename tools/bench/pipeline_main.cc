// acb-pipeline: whole handovers in one process, from the octets of a request to the octets of its
// answer with both flushes, beside the crypto floor of the same token and keys.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <chrono>
#include <iostream>
#include <map>
#include <random>

#include "firmware/duis/signature.h"
#include "platform/answers.h"
#include "platform/box.h"
#include "platform/config.h"
#include "platform/log.h"
#include "platform/system_clock.h"
#include "tools/bench/floor.h"
#include "tools/bench/in_flight.h"
#include "tools/bench/requests.h"

namespace acb::bench {
namespace {

constexpr int kGood = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr std::size_t kMaxRequests = 5'000'000;
constexpr int kAnswered = 200;
constexpr std::chrono::minutes kPatientDeadline{5};

struct Wish {
  std::filesystem::path world;
  std::size_t in_flight = 64;
  std::size_t rounds = 5;
  double seconds = 2;
  std::size_t requests = 20'000;  // signed for each round
  std::size_t handovers = 0;      // so many and no rounds, unless 0
  bool floor = true;
};

// Requests signed before the clock runs, for devices in no order, none under way twice.
class Supply {
 public:
  Supply(const RequestMaker& maker, std::uint64_t first_counter)
      : maker_(maker), counter_(first_counter), order_(maker.world().devices) {
    for (std::size_t i = 0; i < order_.size(); ++i) order_[i] = i;
    std::shuffle(order_.begin(), order_.end(), std::mt19937_64(std::random_device()()));
  }

  void Sign(std::size_t count) {
    signed_.clear();
    next_ = 0;
    for (std::size_t i = 0; i < count; ++i, ++counter_) {
      signed_.push_back(maker_.Sign(order_[counter_ % order_.size()], counter_));
    }
  }
  // Into `document`; false when all are used up.
  bool Take(std::string& document) {
    const std::size_t i = next_++;
    if (i >= signed_.size()) return false;
    document.clear();
    maker_.Append(signed_[i], document);
    return true;
  }

 private:
  const RequestMaker& maker_;
  std::uint64_t counter_;
  std::vector<std::size_t> order_;
  std::vector<SignedRequest> signed_;
  std::atomic<std::size_t> next_ = 0;
};

double CpuSeconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

struct Round {
  double per_s = 0;
  double cpu_us = 0;
  double median_ms = 0;
  double p99_ms = 0;
};

// One handover, to the octets of its answer.
Status HandOver(platform::Box& box, const platform::Config& config, BytesView document) {
  const HandoverAnswer answer = box.handover().Handle(
      {.octets = document, .client = "bench", .channel = std::string(platform::kUsualChannel)});
  const platform::HttpResponse response =
      platform::ToResponse(answer, config.answers, box.environment());
  if (response.status == kAnswered) return Done{};
  return answer.failure ? *answer.failure : Failure(Reason::kMalformed, "no answer");
}

// Until the time is over.
Result<Round> RunRound(platform::Box& box, const platform::Config& config, Supply& supply,
                       const Wish& wish) {
  std::vector<std::string> documents(wish.in_flight);
  std::atomic<std::uint64_t> done = 0;
  const double cpu = CpuSeconds();
  const auto once = [&](std::size_t thread) -> Status {
    std::string& document = documents[thread];
    if (!supply.Take(document)) {
      return Failure(Reason::kConfiguration, "the requests are used up: --requests more");
    }
    Status handed = HandOver(box, config, AsBytes(document));
    if (handed) ++done;
    return handed;
  };
  auto rate = RunInFlight(wish.in_flight, wish.seconds, once);
  if (!rate) return std::move(rate).error();
  return Round{rate->per_s, (CpuSeconds() - cpu) * 1e6 / static_cast<double>(done), rate->median_ms,
               rate->p99_ms};
}

// One after the other, for a tool that counts instructions.
Status RunCounted(platform::Box& box, const platform::Config& config, Supply& supply,
                  std::size_t count) {
  supply.Sign(count);
  std::string document;
  while (supply.Take(document)) {
    if (Status handed = HandOver(box, config, AsBytes(document)); !handed) return handed;
  }
  std::cout << boost::json::serialize(boost::json::object{{"handovers", count}}) << "\n";
  return Done{};
}

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// What the rounds gave, by the name of the figure.
class Figures {
 public:
  void Add(const std::string& name, double value) { values_[name].push_back(value); }
  void PutMedians(boost::json::object& into) const {
    for (const auto& [name, values] : values_) into[name] = Median(values);
  }

 private:
  std::map<std::string, std::vector<double>> values_;
};

Status MeasureFloor(const CryptoFloor& floor, double seconds, Figures& figures, double& floor2) {
  const auto one = floor.Run(1, seconds);
  if (!one) return one.error();
  figures.Add("floor1_per_s", *one);
  const double cpu = CpuSeconds();
  const auto two = floor.Run(2, seconds);
  if (!two) return two.error();
  figures.Add("floor2_per_s", *two);
  figures.Add("floor2_cpu_us", (CpuSeconds() - cpu) * 1e6 / (*two * seconds));
  floor2 = *two;
  return Done{};
}

Status RunRounds(platform::Box& box, const platform::Config& config, const CryptoFloor* floor,
                 Supply& supply, const Wish& wish) {
  Figures figures;
  for (std::size_t i = 0; i < wish.rounds; ++i) {
    supply.Sign(wish.requests);
    double floor2 = 0;
    if (floor != nullptr) {
      Status measured = MeasureFloor(*floor, wish.seconds / 2, figures, floor2);
      if (!measured) return measured;
    }
    const auto round = RunRound(box, config, supply, wish);
    if (!round) return round.error();
    figures.Add("pipeline_per_s", round->per_s);
    figures.Add("pipeline_cpu_us", round->cpu_us);
    figures.Add("pipeline_median_ms", round->median_ms);
    figures.Add("pipeline_p99_ms", round->p99_ms);
    if (floor != nullptr) figures.Add("pipeline_to_floor2", round->per_s / floor2);
  }
  boost::json::object json{{"in_flight", wish.in_flight}, {"rounds", wish.rounds}};
  figures.PutMedians(json);
  std::cout << boost::json::serialize(json) << "\n";
  return Done{};
}

Status Measure(const Wish& wish) {
  auto maker = RequestMaker::Open(wish.world);
  if (!maker) return std::move(maker).error();
  auto config = platform::LoadConfig(maker->world().config);
  if (!config) return std::move(config).error();
  // A tool that counts makes everything slow, and no call hangs for it.
  if (wish.handovers > 0) config->hsm_deadline = kPatientDeadline;
  for (const auto& [name, value] : config->hsm_environment) setenv(name.c_str(), value.c_str(), 1);
  if (Status xml = duis::InitialiseXml(); !xml) return xml;
  const platform::SystemClock clock;
  const platform::Log log = platform::Log::ToStderr(clock);
  auto box = platform::Box::Open(*config, clock, log);
  if (!box) return std::move(box).error();
  std::unique_ptr<CryptoFloor> floor;
  if (wish.floor && wish.handovers == 0) {
    const auto place = TokenPlaceOf(*config);
    if (!place) return place.error();
    auto opened = CryptoFloor::Open(*place);
    if (!opened) return std::move(opened).error();
    floor = *std::move(opened);
  }
  Supply supply(*maker, static_cast<std::uint64_t>(clock.Now().milliseconds()) * 1000);
  Status run = wish.handovers == 0 ? RunRounds(**box, *config, floor.get(), supply, wish)
                                   : RunCounted(**box, *config, supply, wish.handovers);
  floor.reset();  // before the box, whose module it uses
  Status stopped = (*box)->Stop();
  return run ? stopped : run;
}

int Main(int argc, char** argv) {
  CLI::App app("Whole handovers in one process, beside the crypto floor, as JSON");
  Wish wish;
  app.add_option("world", wish.world, "A directory that tools/bench/world made")->required();
  app.add_option("--in-flight", wish.in_flight, "Handovers under way at a time")
      ->check(CLI::Range(std::size_t{1}, kMaxInFlight));
  app.add_option("--rounds", wish.rounds, "Floor and pipeline in turn; medians are printed")
      ->check(CLI::Range(1, 1000));
  app.add_option("--seconds", wish.seconds, "Of each round")->check(CLI::Range(0.01, 3600.0));
  app.add_option("--requests", wish.requests, "Signed for each round, before its clock runs")
      ->check(CLI::Range(std::size_t{1}, kMaxRequests));
  app.add_flag("!--no-floor", wish.floor, "The pipeline alone");
  app.add_option("--handovers", wish.handovers, "So many, one after the other, instead of rounds")
      ->check(CLI::Range(std::size_t{1}, kMaxRequests));
  app.footer(
      "Exit code: 0 measured, 1 failed, 2 usage.\nExample:\n  acb-pipeline /var/tmp/bench "
      "--in-flight 64 --rounds 5 --seconds 2");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kGood : kUsage;
  }
  if (Status measured = Measure(wish); !measured) {
    std::cerr << "acb-pipeline: " << Explain(measured.error()) << "\n";
    return kFailed;
  }
  return kGood;
}

}  // namespace
}  // namespace acb::bench

int main(int argc, char** argv) { return acb::bench::Main(argc, argv); }
