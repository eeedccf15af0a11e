// Finds entries of the log for the review page: a bounded part of the log in each request.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/review/charts.h"
#include "store/store.h"

namespace acb::review {

// Entries that one request looks at, and that it shows: some tenths of a second.
inline constexpr std::uint64_t kEntriesLookedAt = 50'000;
inline constexpr std::size_t kEntriesShown = 100;
// Of evidence, octets shown of each piece.
inline constexpr std::size_t kEvidenceShown = 32 * 1024;

// Octets that an entry names by SHA-256.
struct Evidence {
  std::string name;  // "request", "command", "response", "service_request"
  std::uint64_t size = 0;
  Bytes octets;  // at most kEvidenceShown
};

struct FoundEntry {
  std::uint64_t index = 0;
  std::string octets;
  std::vector<Evidence> evidence;
  // What was sealed as `explanation`; empty: nothing. The meter point stays sealed here: who has to
  // know it makes an export (R-SEC3-69).
  std::string explanation;
};

// Which entries were looked at: [from, to) of `size`.
struct Looked {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::uint64_t size = 0;
};

struct FoundRequest {
  RequestId id{Eui64(0), Eui64(0), 0};
  std::optional<StoredRequest> stored;
  // In order of the log, with their evidence.
  std::vector<FoundEntry> entries;
  Looked looked;
};

struct FoundDevice {
  Eui64 id{0};
  std::optional<Device> device;
  // Newest first, without evidence.
  std::vector<FoundEntry> entries;
  Looked looked;
};

struct FoundList {
  std::vector<FoundEntry> entries;    // in order of the log, without evidence
  std::optional<std::uint64_t> next;  // where to go on
};

// What became of the RequestID, from its record; and the entries that belong to it: around the
// entry of its answer, or before `before`, or from `after` on. Every call fails as the store's
// reading does.
Result<FoundRequest> FindRequest(const store::Store& store, const RequestId& id,
                                 std::optional<std::uint64_t> before,
                                 std::optional<std::uint64_t> after = {});
// The entries that name the device, before `before` or from the newest back.
Result<FoundDevice> FindDevice(const store::Store& store, Eui64 device,
                               std::optional<std::uint64_t> before);
// Nothing when the log has no such entry.
Result<std::optional<FoundEntry>> FindEntry(const store::Store& store, std::uint64_t index);
// The entries behind a figure (R-063-12).
Result<FoundList> ListEntries(const store::Store& store, const EntryFilter& filter,
                              std::uint64_t first, std::uint64_t last);

}  // namespace acb::review
