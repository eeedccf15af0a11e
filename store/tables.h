// The tables of the store. FORMAT.md gives every octet of their records.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace acb::store {

// Stored in every check value: never reused.
enum class Table : std::uint8_t {
  kSettings = 1,
  kDevices = 2,
  kCounters = 3,
  kParties = 4,
  kRegistrations = 5,
  kCertificates = 6,
  kRevocationLists = 7,
  kRequests = 8,
  kUnanswered = 9,
  kEvidence = 10,
  kAuditEntries = 11,
  kAuditLeaves = 12,
  kFeeds = 13,
  kMpanPrefixes = 14,
  kCalendar = 15,
  kProducts = 16,
  kProxyCertificates = 17,
  kDeviceAuthorities = 18,
  kRepositoryStatus = 19,
  kSuspensions = 20,
  kQuarantine = 21,
  kVolume = 22,
  kAuditNodes = 23,
  kDeviceSigningKeys = 24,
  kObserved = 25,
  kPending = 26,
  kElsewhere = 27,
  kAgreements = 28,
  kHeld = 29,
  kAuditDisclosures = 30,
  kCheckpoints = 31,
};

struct TableInfo {
  Table table;
  const char* name;  // LMDB's name for it, and the one in messages
};

inline constexpr std::array<TableInfo, 31> kTables = {{
    {Table::kSettings, "settings"},
    {Table::kDevices, "devices"},
    {Table::kCounters, "counters"},
    {Table::kParties, "parties"},
    {Table::kRegistrations, "registrations"},
    {Table::kCertificates, "certificates"},
    {Table::kRevocationLists, "revocation-lists"},
    {Table::kRequests, "requests"},
    {Table::kUnanswered, "unanswered"},
    {Table::kEvidence, "evidence"},
    {Table::kAuditEntries, "audit-entries"},
    {Table::kAuditLeaves, "audit-leaves"},
    {Table::kFeeds, "feeds"},
    {Table::kMpanPrefixes, "mpan-prefixes"},
    {Table::kCalendar, "calendar"},
    {Table::kProducts, "products"},
    {Table::kProxyCertificates, "proxy-certificates"},
    {Table::kDeviceAuthorities, "device-authorities"},
    {Table::kRepositoryStatus, "repository-status"},
    {Table::kSuspensions, "suspensions"},
    {Table::kQuarantine, "quarantine"},
    {Table::kVolume, "volume"},
    {Table::kAuditNodes, "audit-nodes"},
    {Table::kDeviceSigningKeys, "device-signing-keys"},
    {Table::kObserved, "observed"},
    {Table::kPending, "pending"},
    {Table::kElsewhere, "elsewhere"},
    {Table::kAgreements, "agreements"},
    {Table::kHeld, "held"},
    {Table::kAuditDisclosures, "audit-disclosures"},
    {Table::kCheckpoints, "checkpoints"},
}};

// Place of a table in kTables.
constexpr std::size_t IndexOf(Table table) { return static_cast<std::size_t>(table) - 1; }
constexpr std::string_view Name(Table table) { return kTables[IndexOf(table)].name; }

static_assert([] {
  for (std::size_t i = 0; i < kTables.size(); ++i) {
    if (IndexOf(kTables[i].table) != i) return false;
  }
  return true;
}());

}  // namespace acb::store
