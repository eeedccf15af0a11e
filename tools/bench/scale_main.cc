// Makes a world of tools/bench/world as large as an estate, by the store's own import path: 100
// million devices in minutes, which as files would be 70 GB to write and to upload.
//
//   acb-scale WORLD --devices 100000000 --meter-points 30000000
//
// The box must not run. Devices go on in a row from those that the world has, each with both cells
// the ACB's, a key on the curve, and a meter point, which is registered; world.json names their
// number after. Exit status: 0 made, 1 failed, 2 usage.
#include <openssl/ec.h>
#include <openssl/evp.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <future>
#include <iostream>
#include <regex>

#include "firmware/base/handle.h"
#include "firmware/base/p256.h"
#include "firmware/duis/signature.h"
#include "platform/box.h"
#include "platform/config.h"
#include "platform/log.h"
#include "platform/system_clock.h"
#include "store/packed_device.h"
#include "tools/acbctl/progress.h"
#include "tools/bench/in_flight.h"
#include "tools/bench/world_file.h"

namespace acb::bench {
namespace {

constexpr int kGood = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;

constexpr std::uint64_t kMostDevices = 1'000'000'000;
constexpr std::uint64_t kMostMeterPoints = 200'000'000;
constexpr std::uint64_t kUsualMeterPoints = 30'000'000;
// As in tests/end_to_end/bulk_devices.py.
constexpr std::uint64_t kFirstMpxn = 1'300'000'000'000;
constexpr std::uint64_t kFloor = 1000;
constexpr std::size_t kKeys = 256;
constexpr std::uint64_t kModels = 10;
// Rows of one import: some 200 MB of changed pages, which LMDB holds in memory until the commit.
constexpr std::uint64_t kDevicesAnImport = 1'000'000;
constexpr std::uint64_t kRegistrationsAnImport = 500'000;
// Rows that one thread packs while the store's writer takes those before.
constexpr std::uint64_t kBatch = 20'000;

struct Wish {
  std::filesystem::path world;
  std::uint64_t devices = 0;
  std::uint64_t meter_points = 0;
};

using EvpKey = Handle<EVP_PKEY, EVP_PKEY_free>;

// The public halves of fresh keys, whose private halves nobody has.
Result<std::vector<PublicPoint>> MakeKeys() {
  std::vector<PublicPoint> points;
  while (points.size() < kKeys) {
    const EvpKey key(EVP_EC_gen("prime256v1"));
    PublicPoint point;
    std::size_t size = 0;
    const bool read =
        key && EVP_PKEY_get_octet_string_param(key.get(), "encoded-pub-key", point.data(),
                                               point.size(), &size) == 1;
    if (!read || !IsOnP256(BytesView(point).first(size))) {
      return Failure(Reason::kConfiguration, "OpenSSL makes no key");
    }
    points.push_back(point);
  }
  return points;
}

class Estate {
 public:
  Estate(Eui64 first, std::uint64_t meter_points, std::vector<PublicPoint> keys)
      : first_(first), meter_points_(meter_points), keys_(std::move(keys)) {}

  Device At(std::uint64_t number) const {
    Device device;
    device.id = Eui64(first_.value() + number);
    device.type = DeviceType::kEsme;
    device.smets = SmetsGeneration::kSmets2;
    device.model = "Model-" + std::to_string(number % kModels);
    device.smi_status = SmiStatus::kCommissioned;
    device.commissioned = UtcTime::FromIso("2024-02-03T04:05:06Z");
    device.mpxn = Mpxn(number % meter_points_);
    device.key_agreement = keys_[number % keys_.size()];
    device.key_agreement_certificate = Sha256(device.id.Octets());  // of no certificate
    for (CellState* cell : {&device.supplier, &device.network_operator}) {
      cell->holder = CellState::Holder::kAcb;
      cell->floor = FloorSeqNumber::From(kFloor);
    }
    return device;
  }

  // Packed, one after the other.
  std::vector<Bytes> Batch(std::uint64_t begin, std::uint64_t end) const {
    std::vector<Bytes> rows;
    rows.reserve(end - begin);
    for (; begin < end; ++begin) rows.push_back(store::PackDevice(At(begin)));
    return rows;
  }

  Registration RegistrationAt(std::uint64_t number) const {
    Registration row;
    row.mpxn = Mpxn(number);
    row.supplier = "SUPP";
    row.network_operator = "NETO";
    row.from = *UtcTime::FromIso("2016-01-01T00:00:00Z");
    return row;
  }

 private:
  static std::string Mpxn(std::uint64_t number) { return std::to_string(kFirstMpxn + number); }

  Eui64 first_;
  std::uint64_t meter_points_;
  std::vector<PublicPoint> keys_;
};

// The packed devices of a range, of which a second thread makes the next batch ready.
class PackedRange {
 public:
  PackedRange(const Estate& estate, std::uint64_t begin, std::uint64_t end)
      : estate_(estate), next_(begin), end_(end) {
    Begin();
  }

  Result<std::optional<BytesView>> Next() {
    if (given_ == batch_.size()) {
      if (!coming_.valid()) return std::optional<BytesView>();
      batch_ = coming_.get();
      given_ = 0;
      Begin();
    }
    return std::optional<BytesView>(batch_[given_++]);
  }

 private:
  void Begin() {
    if (next_ == end_) return;
    const std::uint64_t begin = next_;
    next_ = std::min(begin + kBatch, end_);
    coming_ = std::async(std::launch::async,
                         [this, begin, end = next_] { return estate_.Batch(begin, end); });
  }

  const Estate& estate_;
  std::uint64_t next_;
  std::uint64_t end_;
  std::vector<Bytes> batch_;
  std::size_t given_ = 0;
  std::future<std::vector<Bytes>> coming_;
};

Status AddDevices(store::Store& store, const Clock& clock, const Estate& estate, std::uint64_t from,
                  std::uint64_t to) {
  acbctl::Progress progress("devices", acbctl::Progress::Unit::kRows);
  for (std::uint64_t begin = from; begin < to; begin += kDevicesAnImport) {
    PackedRange range(estate, begin, std::min(begin + kDevicesAnImport, to));
    const auto done = store.ImportPackedDevices([&range] { return range.Next(); },
                                                audit::Entry("feed", clock.Now()));
    if (!done) return done.error();
    progress.Show(std::min(begin + kDevicesAnImport, to) - from, to - from);
  }
  return Done{};
}

Status AddRegistrations(store::Store& store, const Clock& clock, const Estate& estate,
                        std::uint64_t from, std::uint64_t to) {
  acbctl::Progress progress("meter points", acbctl::Progress::Unit::kRows);
  std::vector<Registration> rows;
  for (std::uint64_t begin = from; begin < to; begin += kRegistrationsAnImport) {
    const std::uint64_t end = std::min(begin + kRegistrationsAnImport, to);
    rows.clear();
    for (std::uint64_t number = begin; number < end; ++number) {
      rows.push_back(estate.RegistrationAt(number));
    }
    const auto done = store.ImportRegistrations(rows, audit::Entry("feed", clock.Now()));
    if (!done) return done.error();
    progress.Show(end - from, to - from);
  }
  return Done{};
}

// world.json names the devices that there are now; all else of it stays.
Status NameDevices(const std::filesystem::path& place, std::uint64_t devices) {
  const auto file = std::filesystem::is_directory(place) ? place / "world.json" : place;
  const auto text = ReadWhole(file);
  if (!text) return text.error();
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << std::regex_replace(*text, std::regex("\"devices\": *[0-9]+"),
                            "\"devices\": " + std::to_string(devices));
  out.close();
  if (out) return Done{};
  return Failure(Reason::kConfiguration, "cannot write " + file.string());
}

Status Make(const Wish& wish) {
  const auto world = ReadWorld(wish.world);
  if (!world) return world.error();
  if (wish.devices < world->devices) {
    return Failure(Reason::kConfiguration, "the world has " + std::to_string(world->devices) +
                                               " devices already: name more");
  }
  const auto config = platform::LoadConfig(world->config);
  if (!config) return config.error();
  for (const auto& [name, value] : config->hsm_environment)
    ::setenv(name.c_str(), value.c_str(), 1);
  if (Status xml = duis::InitialiseXml(); !xml) return xml;
  auto keys = MakeKeys();
  if (!keys) return std::move(keys).error();
  const platform::SystemClock clock;
  const platform::Log log = platform::Log::ToStderr(clock);
  const auto box = platform::Box::Open(*config, clock, log);
  if (!box) return box.error();

  // The world's own devices have a meter point each already.
  const Estate estate(world->first_device, std::max(wish.meter_points, std::uint64_t{1}),
                      *std::move(keys));
  const auto began = std::chrono::steady_clock::now();
  const std::uint64_t registered = std::min<std::uint64_t>(world->devices, wish.meter_points);
  auto added = AddRegistrations((*box)->store(), clock, estate, registered, wish.meter_points);
  if (!added) return added;
  const auto registrations_done = std::chrono::steady_clock::now();
  added = AddDevices((*box)->store(), clock, estate, world->devices, wish.devices);
  if (!added) return added;
  const auto done = std::chrono::steady_clock::now();
  if (Status stopped = (*box)->Stop(); !stopped) return stopped;
  if (Status named = NameDevices(wish.world, wish.devices); !named) return named;

  const auto seconds = [](auto from, auto to) {
    return std::to_string(std::chrono::duration<double>(to - from).count());
  };
  std::cout << "{\"devices_added\": " << wish.devices - world->devices
            << ", \"device_seconds\": " << seconds(registrations_done, done)
            << ", \"meter_points_added\": " << wish.meter_points - registered
            << ", \"meter_point_seconds\": " << seconds(began, registrations_done) << "}\n";
  return Done{};
}

int Main(int argc, char** argv) {
  CLI::App app("Makes a world of tools/bench/world as large as an estate; prints JSON");
  Wish wish;
  app.add_option("world", wish.world, "What tools/bench/world made; its box must not run")
      ->required()
      ->check(CLI::ExistingPath);
  app.add_option("--devices", wish.devices, "Devices that there are to be")
      ->required()
      ->check(CLI::Range(std::uint64_t{1}, kMostDevices));
  auto* points = app.add_option("--meter-points", wish.meter_points,
                                "Registered meter points; default: one a device, 30 million at "
                                "most")
                     ->check(CLI::Range(std::uint64_t{1}, kMostMeterPoints));
  app.footer(
      "Exit code: 0 made, 1 failed, 2 usage.\nExample:\n  acb-scale /var/tmp/bench --devices "
      "100000000 --meter-points 30000000");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kGood : kUsage;
  }
  if (points->count() == 0) wish.meter_points = std::min(wish.devices, kUsualMeterPoints);
  if (const Status made = Make(wish); !made) {
    std::cerr << "acb-scale: " << Explain(made.error()) << "\n";
    return kFailed;
  }
  return kGood;
}

}  // namespace
}  // namespace acb::bench

int main(int argc, char** argv) { return acb::bench::Main(argc, argv); }
