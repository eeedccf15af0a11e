// acb-floor: the crypto floor of a box's own token and keys.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdlib>
#include <iostream>
#include <optional>

#include "platform/config.h"
#include "tools/bench/floor.h"

namespace acb::bench {
namespace {

constexpr int kGood = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;

int Fail(const Failure& failure) {
  std::cerr << "acb-floor: " << Describe(failure.reason).name << ": " << failure.explanation << " "
            << failure.detail << "\n";
  return kFailed;
}

int Measure(const std::filesystem::path& file, const std::vector<std::size_t>& threads,
            double seconds) {
  const auto config = platform::LoadConfig(file);
  if (!config) return Fail(config.error());
  for (const auto& [name, value] : config->hsm_environment) setenv(name.c_str(), value.c_str(), 1);
  const auto place = TokenPlaceOf(*config);
  if (!place) return Fail(place.error());
  const auto floor = CryptoFloor::Open(*place);
  if (!floor) return Fail(floor.error());
  boost::json::object figures;
  for (const std::size_t count : threads) {
    const auto rate = (*floor)->Run(count, seconds);
    if (!rate) return Fail(rate.error());
    figures["floor" + std::to_string(count) + "_per_s"] = *rate;
  }
  std::cout << boost::json::serialize(figures) << "\n";
  return kGood;
}

int Main(int argc, char** argv) {
  CLI::App app("The crypto floor F(T): raw calls of one handover per second, as JSON");
  std::filesystem::path file;
  std::vector<std::size_t> threads = {1, 2};
  double seconds = 1;
  app.add_option("config", file, "acbd.toml of the box whose token and keys are used")->required();
  app.add_option("--threads", threads, "Numbers of threads")->delimiter(',');
  app.add_option("--seconds", seconds, "For each of them");
  app.footer(
      "Exit code: 0 measured, 1 failed, 2 usage.\nExample:\n  acb-floor /srv/acb-test/acbd.toml "
      "--threads 1,2 --seconds 2");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kGood : kUsage;
  }
  return Measure(file, threads, seconds);
}

}  // namespace
}  // namespace acb::bench

int main(int argc, char** argv) { return acb::bench::Main(argc, argv); }
