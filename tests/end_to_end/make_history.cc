// Fills the store of a provisioned box, which must not run, with a history: handovers, refusals,
// observations, as the service would have written them, at a clock of its own. For
// test_review_page.py.
//
//   make_history --config acbd.toml --until 2026-11-21T12:00:00Z [--days 365] [--a-day 10]
//
// The commands are no GBCS: nothing of it may be verified by its signature. The same arguments give
// the same history. Exit status: 0 made, 1 failed, 2 usage.
#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <random>

#include "firmware/duis/signature.h"
#include "platform/box.h"
#include "platform/config.h"
#include "platform/log.h"

namespace acb::platform {
namespace {

constexpr std::int64_t kDaySeconds = 24 * 60 * 60;
constexpr std::uint64_t kDevices = 200;
constexpr Eui64 kFirstDevice{0x00DB1234567C0000};
constexpr Eui64 kUser{0x90B3D51F30010000};
constexpr const char* kSuppliers[] = {"SUPP", "SUPB", "SUPC", "BRIGHTLY & SONS"};
constexpr Reason kReasons[] = {Reason::kNoNotRegistered, Reason::kCertRevoked,
                               Reason::kDeviceStatus, Reason::kChain, Reason::kCertExpired};

class SetClock final : public Clock {
 public:
  explicit SetClock(UtcTime at) : milliseconds_(at.milliseconds()) {}
  UtcTime Now() const override { return UtcTime(milliseconds_); }
  void Set(UtcTime at) { milliseconds_ = at.milliseconds(); }

 private:
  std::atomic<std::int64_t> milliseconds_;
};

class History {
 public:
  History(Box& box, SetClock& clock) : store_(box.store()), clock_(clock) {}

  Status Import() {
    std::uint64_t number = 0;
    const auto next = [&number]() -> Result<std::optional<Device>> {
      if (number == kDevices) return std::optional<Device>();
      Device device;
      device.id = DeviceOf(number++);
      device.type = DeviceType::kEsme;
      device.smets = SmetsGeneration::kSmets2;
      device.model = "model";
      device.smi_status = SmiStatus::kCommissioned;
      device.commissioned = UtcTime::FromIso("2024-01-01T00:00:00Z");
      for (CellState* cell : {&device.supplier, &device.network_operator}) {
        cell->holder = CellState::Holder::kAcb;
        cell->floor = FloorSeqNumber::From(0);
      }
      return std::optional(device);
    };
    const auto done = store_.ImportDevices(next, audit::Entry("feed", clock_.Now()));
    if (!done) return done.error();
    return Done{};
  }

  // One request and what becomes of it.
  Status Add() {
    const std::uint64_t device = random_() % kDevices;
    const RequestId request{kUser, DeviceOf(device), ++last_request_};
    const std::uint64_t fate = random_() % 100;
    if (fate < 78) return Sign(request, fate);
    if (fate < 94) return Refuse(request);
    if (fate < 95) {
      return Append(Begin("refused", request, "SUPP")
                        .Set("reason", Describe(Reason::kReplay).name)
                        .Set("final", false));
    }
    if (fate < 97)
      return Append(Begin("refused", request, "SUPP")
                        .Set("reason", Describe(Reason::kHsmUnavailable).name)
                        .Set("final", false));
    if (fate < 99) return Quarantine(request);
    return Append(audit::Entry("alarm", clock_.Now())
                      .Set("alarm", "CELL_MIXED")
                      .Set("device", request.target.Hyphenated()));
  }

 private:
  static Eui64 DeviceOf(std::uint64_t number) { return Eui64(kFirstDevice.value() + number); }

  std::string_view Supplier() { return kSuppliers[random_() % std::size(kSuppliers)]; }

  audit::Entry Begin(std::string_view kind, const RequestId& request,
                     std::string_view party) const {
    audit::Entry entry(kind, clock_.Now());
    entry.Set("client", "dsp.test")
        .Set("request_sha256", ToHex(BodyOf(request)))
        .Set("request_id", request.Text())
        .Set("user", request.originator.Hyphenated())
        .Set("device", request.target.Hyphenated())
        .Set("role", Name(RoleOf(request)))
        .Set("party", party);
    return entry;
  }

  static std::string TextOf(const RequestId& request) {
    return "<Request><RequestID>" + request.Text() + "</RequestID></Request>";
  }
  static Sha256Digest BodyOf(const RequestId& request) { return Sha256(AsBytes(TextOf(request))); }
  static RemotePartyRole RoleOf(const RequestId& request) {
    return request.counter % 3 == 0 ? RemotePartyRole::kSupplier
                                    : RemotePartyRole::kNetworkOperator;
  }

  Status Append(const audit::Entry& entry) {
    const auto receipt = store_.Append(entry);
    if (!receipt) return receipt.error();
    return Done{};
  }

  Status Sign(const RequestId& request, std::uint64_t fate) {
    const auto generation = store_.TrustGeneration();
    if (!generation) return generation.error();
    const auto counter = store_.Reserve({.request = request,
                                         .body = BodyOf(request),
                                         .role = RoleOf(request),
                                         .proposed = {},
                                         .trust_generation = *generation,
                                         .at = clock_.Now()});
    if (!counter) return counter.error();
    const Bytes command = {0xDD, 0x01};
    audit::Entry entry = Begin("signed", request, Supplier());
    const std::string number = std::to_string(counter->counter().value());
    entry.Set("originator", kUser.Hyphenated())
        .Set("originator_counter", number)
        .Set("command_sha256", ToHex(Sha256(command)));
    const auto receipt =
        store_.AppendSigned(*counter, entry, kUser, {command}, AsBytes(TextOf(request)));
    if (!receipt) return receipt.error();
    if (fate == 0) return Done{};  // nothing is heard of it
    clock_.Set(clock_.Now().PlusSeconds(20));
    audit::List seen;
    if (fate == 1) seen.emplace_back(Describe(Reason::kNotSuccessful).name);
    return Append(audit::Entry("observed", clock_.Now())
                      .Set("device", request.target.Hyphenated())
                      .Set("originator", kUser.Hyphenated())
                      .Set("originator_counter", number)
                      .Set("stage", "executed")
                      .Set("observations", std::move(seen)));
  }

  Status Refuse(const RequestId& request) {
    const Failure why(kReasons[random_() % std::size(kReasons)], "a made history");
    audit::Entry entry = Begin("refused", request, Supplier());
    entry.Set("reason", Describe(why.reason).name).Set("final", true);
    const auto receipt =
        store_.AppendRefused(request, BodyOf(request), entry, why, AsBytes(TextOf(request)));
    if (!receipt) return receipt.error();
    return Done{};
  }

  Status Quarantine(const RequestId& request) {
    const Failure why(Reason::kVolumeExceeded, "a made history");
    audit::Entry entry = Begin("quarantined", request, Supplier());
    entry.Set("reason", Describe(why.reason).name);
    const auto receipt = store_.AppendQuarantined(request, BodyOf(request), RoleOf(request), entry,
                                                  why, AsBytes(TextOf(request)));
    if (!receipt) return receipt.error();
    return Done{};
  }

  store::Store& store_;
  SetClock& clock_;
  std::mt19937_64 random_{20261121};  // the same history each time
  std::uint64_t last_request_ = 0;
};

struct Wish {
  std::filesystem::path config;
  std::string until;
  std::int64_t days = 365;
  std::int64_t a_day = 10;
};

Status Make(const Wish& wish, UtcTime until) {
  const auto config = LoadConfig(wish.config);
  if (!config) return config.error();
  for (const auto& [name, value] : config->hsm_environment) {
    ::setenv(name.c_str(), value.c_str(), 1);
  }
  if (Status xml = duis::InitialiseXml(); !xml) return xml;
  const UtcTime begin = until.PlusSeconds(-wish.days * kDaySeconds);
  SetClock clock(begin);
  const Log log = Log::ToStderr(clock);
  const auto box = Box::Open(*config, clock, log);
  if (!box) return box.error();
  History history(**box, clock);
  if (Status imported = history.Import(); !imported) return imported;
  const std::int64_t total = wish.days * wish.a_day;
  for (std::int64_t i = 0; i < total; ++i) {
    clock.Set(begin.PlusSeconds(i * wish.days * kDaySeconds / total));
    if (Status added = history.Add(); !added) return added;
  }
  clock.Set(until);
  return (*box)->Stop();
}

int Main(int argc, char** argv) {
  CLI::App app("Fills the store of a box with a history, for tests");
  Wish wish;
  app.add_option("--config", wish.config, "acbd.toml")->required();
  app.add_option("--until", wish.until, "The last instant of the history")->required();
  app.add_option("--days", wish.days)->check(CLI::Range(1, 4000));
  app.add_option("--a-day", wish.a_day)->check(CLI::Range(1, 1000));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const auto until = UtcTime::FromIso(wish.until);
  if (!until) return 2;
  const Status made = Make(wish, *until);
  if (made) return 0;
  std::cerr << Describe(made.error().reason).name << ": " << made.error().explanation << " "
            << made.error().detail << "\n";
  return 1;
}

}  // namespace
}  // namespace acb::platform

int main(int argc, char** argv) { return acb::platform::Main(argc, argv); }
