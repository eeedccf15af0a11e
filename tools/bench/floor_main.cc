// acb-floor: what a handover cannot be faster than. The crypto floor F(T) of a box's own token and
// keys with the time of one look at its anchors, and the disk floor D(B) of a file system.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdlib>
#include <iostream>

#include "hsm/hsm.h"
#include "platform/config.h"
#include "tools/bench/floor.h"
#include "tools/bench/raw_lmdb.h"
#include "tools/bench/scratch.h"

namespace acb::bench {
namespace {

constexpr int kGood = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;

struct Wish {
  std::filesystem::path config;
  std::vector<std::size_t> threads = {1, 2};
  double seconds = 1;
  std::filesystem::path disk;
  std::vector<std::size_t> batches = {1, 8, 64};
  std::uint64_t devices = 100'000;
};

// How long the look at the anchors takes that comes before anybody is released (design.md section
// 4, the writer's step 3): as hsm/ does it, in the process that lists.
Status MeasureListing(const Wish& wish, const platform::Config& config,
                      boost::json::object& figures) {
  auto pin = platform::ReadPin(config);
  if (!pin) return std::move(pin).error();
  hsm::HsmSettings settings{.module_path = config.hsm_module,
                            .token_label = config.hsm_token_label,
                            .pin = *std::move(pin),
                            .lock_file = config.hsm_lock_file};
  auto lister = hsm::Lister::Start(settings);
  if (!lister) return std::move(lister).error();
  settings.lister = *std::move(lister);
  const auto hsm = hsm::Hsm::Open(std::move(settings));
  if (!hsm) return hsm.error();
  const auto rate = RunInFlight(1, wish.seconds, [&hsm](std::size_t) -> Status {
    const auto objects = (*hsm)->anchors().ListAnew();
    return objects ? Status(Done{}) : Status(objects.error());
  });
  if (!rate) return rate.error();
  figures["anchor_listing_ms"] = rate->median_ms;
  return Done{};
}

Status MeasureCrypto(const Wish& wish, boost::json::object& figures) {
  const auto config = platform::LoadConfig(wish.config);
  if (!config) return config.error();
  for (const auto& [name, value] : config->hsm_environment) setenv(name.c_str(), value.c_str(), 1);
  if (Status listing = MeasureListing(wish, *config, figures); !listing) return listing;
  const auto place = TokenPlaceOf(*config);
  if (!place) return place.error();
  const auto floor = CryptoFloor::Open(*place);
  if (!floor) return floor.error();
  for (const std::size_t count : wish.threads) {
    const auto rate = (*floor)->Run(count, wish.seconds);
    if (!rate) return rate.error();
    figures["floor" + std::to_string(count) + "_per_s"] = *rate;
  }
  return Done{};
}

Status MeasureDisk(const Wish& wish, boost::json::object& figures) {
  const ScratchDirectory scratch(wish.disk);
  const auto flush = MeasureFlush(scratch.path(), wish.seconds);
  if (!flush) return flush.error();
  figures["fdatasync_overwrite_ms"] = flush->overwrite_ms;
  figures["fdatasync_append_ms"] = flush->append_ms;
  const auto lmdb = RawLmdb::Create(scratch.path() / "lmdb", wish.devices);
  if (!lmdb) return lmdb.error();
  for (const std::size_t batch : wish.batches) {
    const auto random = (*lmdb)->Overwrite(batch, wish.seconds);
    if (!random) return random.error();
    const auto append = (*lmdb)->Append(batch, wish.seconds);
    if (!append) return append.error();
    figures["disk" + std::to_string(batch) + "_commits_per_s"] = random->per_s;
    figures["disk" + std::to_string(batch) + "_append_commits_per_s"] = append->per_s;
  }
  return Done{};
}

Status Measure(const Wish& wish) {
  boost::json::object figures;
  if (!wish.config.empty()) {
    if (Status crypto = MeasureCrypto(wish, figures); !crypto) return crypto;
  }
  if (!wish.disk.empty()) {
    if (Status disk = MeasureDisk(wish, figures); !disk) return disk;
  }
  std::cout << boost::json::serialize(figures) << "\n";
  return Done{};
}

int Main(int argc, char** argv) {
  CLI::App app(
      "What a handover cannot be faster than: crypto floor, anchor listing, disk floor, as JSON");
  Wish wish;
  app.add_option("--config", wish.config, "acbd.toml of the box whose token and keys are used");
  app.add_option("--threads", wish.threads, "Crypto: numbers of threads")->delimiter(',');
  app.add_option("--disk", wish.disk, "A directory of the file system to measure");
  app.add_option("--batches", wish.batches, "Disk: records a commit")->delimiter(',');
  app.add_option("--devices", wish.devices, "Disk: records that are there")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{10'000'000}));
  app.add_option("--seconds", wish.seconds, "For each figure")->check(CLI::Range(0.01, 3600.0));
  app.footer(
      "Exit code: 0 measured, 1 failed, 2 usage.\nExample:\n  acb-floor --config "
      "/srv/acb-test/acbd.toml --threads 1,2 --disk /srv/acb-test --seconds 2");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kGood : kUsage;
  }
  if (wish.config.empty() && wish.disk.empty()) {
    std::cerr << "acb-floor: give --config, --disk or both\n";
    return kUsage;
  }
  if (Status measured = Measure(wish); !measured) {
    std::cerr << "acb-floor: " << Explain(measured.error()) << "\n";
    return kFailed;
  }
  return kGood;
}

}  // namespace
}  // namespace acb::bench

int main(int argc, char** argv) { return acb::bench::Main(argc, argv); }
