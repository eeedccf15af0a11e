#include "firmware/records.h"

#include <algorithm>
#include <array>
#include <utility>

namespace acb {
namespace {

template <class T, std::size_t N>
using NameTable = std::array<std::pair<T, std::string_view>, N>;

constexpr NameTable<DeviceType, 8> kDeviceTypes = {{{DeviceType::kEsme, "ESME"},
                                                    {DeviceType::kGsme, "GSME"},
                                                    {DeviceType::kGpf, "GPF"},
                                                    {DeviceType::kChf, "CHF"},
                                                    {DeviceType::kHcalcs, "HCALCS"},
                                                    {DeviceType::kPpmid, "PPMID"},
                                                    {DeviceType::kIhd, "IHD"},
                                                    {DeviceType::kCad, "CAD"}}};

constexpr NameTable<SmiStatus, 9> kSmiStatuses = {
    {{SmiStatus::kPending, "Pending"},
     {SmiStatus::kWhitelisted, "Whitelisted"},
     {SmiStatus::kInstalledNotCommissioned, "InstalledNotCommissioned"},
     {SmiStatus::kCommissioned, "Commissioned"},
     {SmiStatus::kDecommissioned, "Decommissioned"},
     {SmiStatus::kWithdrawn, "Withdrawn"},
     {SmiStatus::kSuspended, "Suspended"},
     {SmiStatus::kRecovery, "Recovery"},
     {SmiStatus::kRecovered, "Recovered"}}};

constexpr NameTable<UserRole, 7> kUserRoles = {{{UserRole::kImportSupplier, "IS"},
                                                {UserRole::kExportSupplier, "ES"},
                                                {UserRole::kGasSupplier, "GS"},
                                                {UserRole::kRegisteredSupplierAgent, "RSA"},
                                                {UserRole::kElectricityDistributor, "ED"},
                                                {UserRole::kGasTransporter, "GT"},
                                                {UserRole::kOtherUser, "OU"}}};

constexpr NameTable<PartyStatus, 4> kPartyStatuses = {{{PartyStatus::kActive, "active"},
                                                       {PartyStatus::kSuspended, "suspended"},
                                                       {PartyStatus::kExpelled, "expelled"},
                                                       {PartyStatus::kCeased, "ceased"}}};

constexpr NameTable<RepositoryStatus, 4> kRepositoryStatuses = {
    {{RepositoryStatus::kInUse, "in-use"},
     {RepositoryStatus::kNotInUse, "not-in-use"},
     {RepositoryStatus::kRevoked, "revoked"},
     {RepositoryStatus::kExpired, "expired"}}};

constexpr NameTable<ProxySource, 2> kProxySources = {
    {{ProxySource::kDsp, "DSP"}, {ProxySource::kS1sp, "S1SP"}}};

constexpr NameTable<Feed, kFeeds.size()> kFeedNames = {
    {{Feed::kParties, "parties"},
     {Feed::kRegistrations, "registrations"},
     {Feed::kDevices, "devices"},
     {Feed::kOrganisationCertificates, "organisation-certificates"},
     {Feed::kRevocationLists, "revocation-lists"},
     {Feed::kMpanPrefixes, "mpan-prefixes"},
     {Feed::kWorkingDays, "working-days"},
     {Feed::kCertifiedProducts, "certified-products"},
     {Feed::kProxyCertificates, "proxy-certificates"},
     {Feed::kDeviceCertificates, "device-certificates"},
     {Feed::kRepositoryStatus, "repository-status"}}};

constexpr NameTable<SuspensionScope, 5> kSuspensionScopes = {
    {{SuspensionScope::kAll, "all"},
     {SuspensionScope::kParty, "party"},
     {SuspensionScope::kDevice, "device"},
     {SuspensionScope::kSubject, "subject"},
     {SuspensionScope::kIssuer, "issuer"}}};

template <class T, std::size_t N>
std::string_view NameOf(const NameTable<T, N>& table, T value) {
  for (const auto& [entry, name] : table) {
    if (entry == value) return name;
  }
  return {};
}

template <class T, std::size_t N>
std::optional<T> FromName(const NameTable<T, N>& table, std::string_view wanted) {
  for (const auto& [entry, name] : table) {
    if (name == wanted) return entry;
  }
  return std::nullopt;
}

}  // namespace

std::string_view Name(DeviceType type) { return NameOf(kDeviceTypes, type); }
std::optional<DeviceType> DeviceTypeFromName(std::string_view name) {
  return FromName(kDeviceTypes, name);
}
std::string_view Name(SmiStatus status) { return NameOf(kSmiStatuses, status); }
std::optional<SmiStatus> SmiStatusFromName(std::string_view name) {
  return FromName(kSmiStatuses, name);
}
std::string_view Name(UserRole role) { return NameOf(kUserRoles, role); }
std::optional<UserRole> UserRoleFromName(std::string_view name) {
  return FromName(kUserRoles, name);
}
std::string_view Name(PartyStatus status) { return NameOf(kPartyStatuses, status); }
std::optional<PartyStatus> PartyStatusFromName(std::string_view name) {
  return FromName(kPartyStatuses, name);
}
std::string_view Name(RepositoryStatus status) { return NameOf(kRepositoryStatuses, status); }
std::optional<RepositoryStatus> RepositoryStatusFromName(std::string_view name) {
  return FromName(kRepositoryStatuses, name);
}
std::string_view Name(ProxySource source) { return NameOf(kProxySources, source); }
std::optional<ProxySource> ProxySourceFromName(std::string_view name) {
  return FromName(kProxySources, name);
}
std::string_view Name(Feed feed) { return NameOf(kFeedNames, feed); }
std::optional<Feed> FeedFromName(std::string_view name) { return FromName(kFeedNames, name); }
std::string_view Name(SuspensionScope scope) { return NameOf(kSuspensionScopes, scope); }
std::optional<SuspensionScope> SuspensionScopeFromName(std::string_view name) {
  return FromName(kSuspensionScopes, name);
}

}  // namespace acb
