// Records held in memory, and the usual rows of the tests: a supplier, two network operators, an
// ESME and a GPF with their meter points.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "firmware/ports.h"
#include "tests/support/public_parties.h"

namespace acb::testing {

inline constexpr Eui64 kSupplierUser{0x90B3D51F30010000};
inline constexpr Eui64 kOtherSupplierUser{0x90B3D51F30030000};
inline constexpr Eui64 kNetworkOperatorUser{0x90B3D51F30020000};
inline constexpr Eui64 kOtherNetworkOperatorUser{0x90B3D51F30040000};
inline constexpr Eui64 kEsme{0x00DB1234567890A0};
inline constexpr Eui64 kGsme{0x00DB1234567890A1};
inline constexpr const char* kMpan = "1312345678111";
inline constexpr const char* kMprn = "1234567890";

inline UtcTime At(std::string_view iso) { return *UtcTime::FromIso(iso); }

inline PartyRecord Party(Eui64 user, std::string party, UserRole role) {
  PartyRecord row;
  row.user_id = user;
  row.party = std::move(party);
  row.role = role;
  row.status = PartyStatus::kActive;
  row.from = At("2020-01-01T00:00:00Z");
  row.uept = true;
  return row;
}

inline Device AcbDevice(Eui64 id, DeviceType type, std::string mpxn) {
  Device device;
  device.id = id;
  device.type = type;
  device.smets = SmetsGeneration::kSmets2;
  device.smi_status = SmiStatus::kCommissioned;
  device.mpxn = std::move(mpxn);
  device.key_agreement.emplace();
  device.supplier = {CellState::Holder::kAcb, Eui64(0), FloorSeqNumber::From(0)};
  device.network_operator = device.supplier;
  return device;
}

struct FakeRecordsData {
  std::map<Eui64, Device> devices;
  std::vector<PartyRecord> parties;
  std::vector<Registration> registrations;
  std::map<RequestId, StoredRequest> requests;
  std::vector<MpanPrefix> prefixes;
  std::vector<CertifiedProduct> products;
  std::map<Sha256Digest, RepositoryEntry> repository;
  std::set<Sha256Digest> held;
  std::vector<ProxyCertificate> proxies;
  std::map<Feed, LastImport> imports;
  std::vector<Suspension> suspensions;

  static FakeRecordsData Usual() {
    FakeRecordsData data;
    data.devices.emplace(kEsme, AcbDevice(kEsme, DeviceType::kEsme, kMpan));
    data.devices.emplace(kGsme, AcbDevice(kGsme, DeviceType::kGsme, kMprn));
    data.devices.emplace(kGpf, AcbDevice(kGpf, DeviceType::kGpf, kMprn));
    data.parties = {Party(kSupplierUser, "SUPA", UserRole::kImportSupplier),
                    Party(kSupplierUser, "SUPA", UserRole::kGasSupplier),
                    Party(kOtherSupplierUser, "SUPB", UserRole::kImportSupplier),
                    Party(kNetworkOperatorUser, "NOA", UserRole::kElectricityDistributor),
                    Party(kNetworkOperatorUser, "NOA", UserRole::kGasTransporter),
                    Party(kOtherNetworkOperatorUser, "NOB", UserRole::kElectricityDistributor),
                    Party(kOtherNetworkOperatorUser, "NOB", UserRole::kGasTransporter)};
    for (const char* mpxn : {kMpan, kMprn}) {
      Registration row;
      row.mpxn = mpxn;
      row.supplier = "SUPA";
      row.network_operator = "NOA";
      row.from = At("2020-01-01T00:00:00Z");
      data.registrations.push_back(row);
    }
    return data;
  }
};

class FakeRecords final : public Records {
 public:
  explicit FakeRecords(const FakeRecordsData& data) : data_(data) {}

  Result<std::optional<Device>> FindDevice(Eui64 device) const override {
    const auto found = data_.devices.find(device);
    return found == data_.devices.end() ? std::nullopt : std::optional(found->second);
  }
  Result<std::vector<PartyRecord>> FindUser(Eui64 user_id) const override {
    std::vector<PartyRecord> rows;
    for (const PartyRecord& row : data_.parties) {
      if (row.user_id == user_id) rows.push_back(row);
    }
    return rows;
  }
  Result<std::vector<PartyRecord>> FindRowsAgainst(std::string_view party) const override {
    std::vector<PartyRecord> rows;
    for (const PartyRecord& row : data_.parties) {
      const bool against = row.status == PartyStatus::kSuspended ||
                           row.status == PartyStatus::kExpelled || row.notice_to_cease.has_value();
      if (row.party == party && against) rows.push_back(row);
    }
    return rows;
  }
  Result<std::vector<Registration>> FindRegistrations(std::string_view mpxn) const override {
    std::vector<Registration> rows;
    for (const Registration& row : data_.registrations) {
      if (row.mpxn == mpxn) rows.push_back(row);
    }
    return rows;
  }
  Result<std::optional<StoredRequest>> FindRequest(const RequestId& request) const override {
    const auto found = data_.requests.find(request);
    return found == data_.requests.end() ? std::nullopt : std::optional(found->second);
  }
  Result<std::optional<MpanPrefix>> FindMpanPrefix(std::string_view prefix) const override {
    for (const MpanPrefix& row : data_.prefixes) {
      if (row.prefix == prefix) return std::optional(row);
    }
    return std::optional<MpanPrefix>();
  }
  Result<std::vector<CertifiedProduct>> FindProducts(std::string_view model) const override {
    std::vector<CertifiedProduct> rows;
    for (const CertifiedProduct& row : data_.products) {
      if (row.model == model) rows.push_back(row);
    }
    return rows;
  }
  Result<std::optional<RepositoryEntry>> FindRepositoryEntry(
      const Sha256Digest& certificate) const override {
    const auto found = data_.repository.find(certificate);
    return found == data_.repository.end() ? std::nullopt : std::optional(found->second);
  }
  Result<bool> HoldsCertificate(const Sha256Digest& certificate) const override {
    return data_.held.contains(certificate);
  }
  Result<std::vector<ProxyCertificate>> FindProxyCertificates(Eui64 device) const override {
    std::vector<ProxyCertificate> rows;
    for (const ProxyCertificate& row : data_.proxies) {
      if (row.device == device) rows.push_back(row);
    }
    return rows;
  }
  Result<std::optional<LastImport>> FindLastImport(Feed feed) const override {
    const auto found = data_.imports.find(feed);
    return found == data_.imports.end() ? std::nullopt : std::optional(found->second);
  }
  Result<std::optional<Suspension>> FindSuspension(SuspensionScope scope,
                                                   std::string_view subject) const override {
    for (const Suspension& row : data_.suspensions) {
      if (row.scope == scope && row.subject == subject) return std::optional(row);
    }
    return std::optional<Suspension>();
  }

 private:
  const FakeRecordsData& data_;
};

}  // namespace acb::testing
