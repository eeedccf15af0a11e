// A store in a directory of its own, with the rows that the tests use.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "store/store.h"
#include "tests/fakes/fake_anchor_objects.h"

namespace acb::store {

inline constexpr Eui64 kUser{0x90B3D51F30010000};
inline constexpr Eui64 kAcb{0x90B3D51F30000002};
inline constexpr Eui64 kDevice{0x00DB1234567890A0};
inline constexpr Eui64 kOtherDevice{0x00DB1234567890A3};
inline constexpr auto kSupplierRole = RemotePartyRole::kSupplier;
inline constexpr auto kNetworkRole = RemotePartyRole::kNetworkOperator;
inline constexpr std::uint64_t kSupplierFloor = 1200;
inline constexpr std::uint64_t kNetworkFloor = 5000;
inline constexpr std::uint64_t kTestMap = std::uint64_t{256} << 20;

inline UtcTime At(std::string_view iso) { return *UtcTime::FromIso(iso); }
inline const UtcTime kNow = At("2026-11-21T12:00:00Z");

inline RequestId Id(std::uint64_t counter, Eui64 device = kDevice) {
  return RequestId{kUser, device, counter};
}
inline std::string BodyOf(const RequestId& request) { return "<Request>" + request.Text(); }

inline CellState Cell(CellState::Holder holder, std::optional<std::uint64_t> floor) {
  CellState cell;
  cell.holder = holder;
  if (holder == CellState::Holder::kParty) cell.party = kUser;
  if (floor) cell.floor = FloorSeqNumber::From(*floor);
  return cell;
}
inline CellState OfAcb(std::optional<std::uint64_t> floor) {
  return Cell(CellState::Holder::kAcb, floor);
}

inline Device TestDevice(Eui64 id = kDevice) {
  Device device;
  device.id = id;
  device.type = DeviceType::kEsme;
  device.smets = SmetsGeneration::kSmets2;
  device.model = "Model-7";
  device.smi_status = SmiStatus::kCommissioned;
  device.commissioned = At("2024-02-03T04:05:06Z");
  device.mpxn = "1312345678111";
  device.key_agreement.emplace();
  device.key_agreement->fill(0x5A);
  device.key_agreement->front() = 0x04;
  device.key_agreement_certificate.fill(0xC7);
  device.supplier = OfAcb(kSupplierFloor);
  device.network_operator = OfAcb(kNetworkFloor);
  return device;
}

inline DeviceSource SourceOf(std::vector<Device> devices) {
  return [devices = std::move(devices),
          i = std::size_t{0}]() mutable -> Result<std::optional<Device>> {
    if (i == devices.size()) return std::optional<Device>();
    return std::optional(devices[i++]);
  };
}

inline audit::Entry FeedEntry() { return audit::Entry("feed", kNow); }
inline StartOrder OrderToStart() { return {audit::Entry("start", kNow)}; }

// The `signed` entry's fields that the store itself reads.
inline audit::Entry SignedEntry(const ReservedCounter& counter) {
  audit::Entry entry("signed", kNow);
  entry.Set("device", counter.request().target.Hyphenated())
      .Set("originator_counter", std::to_string(counter.counter().value()));
  return entry;
}

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    std::string name = (std::filesystem::temp_directory_path() / "acb-store-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
    settings_.directory = root_ / "store";
    settings_.map_size = kTestMap;
  }
  ~StoreTest() override {
    store_.reset();
    std::filesystem::remove_all(root_);
  }

  // The token that the store is provisioned and started with.
  virtual AnchorObjects& objects() { return objects_; }

  // A store with its first anchor.
  void Create() {
    const auto made =
        Store::Create(settings_.directory, {Environment::kTest, StoreId{1, 2, 3}, kNow});
    ASSERT_TRUE(made) << made.error().detail;
    Open();
    const auto provisioned =
        store_->Provision(objects(), audit::Entry("provision", kNow), settings_.anchor_every);
    ASSERT_TRUE(provisioned) << provisioned.error().explanation << provisioned.error().detail;
    store_.reset();
  }
  // Opens and does not start.
  void Open(Seams seams = {}) {
    store_.reset();
    auto opened = Store::Open(settings_, std::move(seams));
    ASSERT_TRUE(opened) << opened.error().explanation << opened.error().detail;
    store_ = *std::move(opened);
  }
  // After a clean stop where the store still serves; after store_.reset() it was killed.
  void Reopen(Seams seams = {}) {
    if (store_) (void)store_->Stop(audit::Entry("stop", kNow));
    Open(std::move(seams));
    const auto started = store_->Start(objects(), OrderToStart());
    ASSERT_TRUE(started) << started.error().explanation << started.error().detail;
  }
  void Import(std::vector<Device> devices) {
    const auto imported = store_->ImportDevices(SourceOf(std::move(devices)), FeedEntry());
    ASSERT_TRUE(imported) << imported.error().explanation << imported.error().detail;
  }
  // With two devices.
  void CreateFilled(Seams seams = {}) {
    Create();
    Reopen();
    Import({TestDevice(), TestDevice(kOtherDevice)});
    if (seams.commit) Reopen(std::move(seams));
  }

  UtcTime at_ = kNow;
  ReservationWish Wish(const RequestId& request, RemotePartyRole role = kSupplierRole,
                       std::optional<std::uint64_t> proposed = {}) const {
    const auto generation = store_->TrustGeneration();
    return {request,
            Sha256(AsBytes(BodyOf(request))),
            role,
            proposed ? OriginatorCounter::From(*proposed) : std::nullopt,
            generation ? *generation : 0,
            at_};
  }
  Result<ReservedCounter> Reserve(const RequestId& request, RemotePartyRole role = kSupplierRole,
                                  std::optional<std::uint64_t> proposed = {}) {
    return store_->Reserve(Wish(request, role, proposed));
  }
  Result<audit::Receipt> Sign(const ReservedCounter& counter, const Bytes& command = {1, 2, 3}) {
    return store_->AppendSigned(counter, SignedEntry(counter), kAcb, {command},
                                AsBytes(BodyOf(counter.request())));
  }
  // Reserves and signs: the counter, 0 when that failed.
  std::uint64_t Spend(const RequestId& request, RemotePartyRole role = kSupplierRole) {
    const auto counter = Reserve(request, role);
    EXPECT_TRUE(counter) << (counter ? "" : counter.error().explanation);
    if (!counter) return 0;
    EXPECT_TRUE(Sign(*counter));
    return counter->counter().value();
  }

  std::optional<StoredRequest> Find(const RequestId& request) {
    const auto records = store_->Open();
    EXPECT_TRUE(records);
    auto found = (*records)->FindRequest(request);
    EXPECT_TRUE(found) << (found ? "" : found.error().detail);
    return found ? *std::move(found) : std::nullopt;
  }
  std::optional<Device> FindDevice(Eui64 device = kDevice) {
    const auto records = store_->Open();
    EXPECT_TRUE(records);
    auto found = (*records)->FindDevice(device);
    EXPECT_TRUE(found) << (found ? "" : found.error().detail);
    return found ? *std::move(found) : std::nullopt;
  }
  std::uint64_t AuditSize() {
    const auto size = store_->AuditSize();
    EXPECT_TRUE(size);
    return size ? *size : 0;
  }
  // The newest but the `anchor` of what was anchored at once.
  std::string LastEntry() {
    const auto entries = store_->ReadAudit(0, Store::kMaxAuditRead);
    EXPECT_TRUE(entries);
    for (std::size_t i = entries ? entries->size() : 0; i-- > 0;) {
      if ((*entries)[i].find("\"kind\":\"anchor\"") == std::string::npos) return (*entries)[i];
    }
    return "";
  }

  std::filesystem::path root_;
  OpenSettings settings_;
  FakeToken token_;
  FakeAnchorObjects objects_{token_};
  std::unique_ptr<Store> store_;
};

// EXPECT_THAT(result, FailsWith(Reason::kBusy))
MATCHER_P(FailsWith, reason, "fails with " + std::string(Describe(reason).name)) {
  if (arg) {
    *result_listener << "it succeeded";
    return false;
  }
  *result_listener << Describe(arg.error().reason).name << ": " << arg.error().explanation << " "
                   << arg.error().detail;
  return arg.error().reason == reason;
}

}  // namespace acb::store
