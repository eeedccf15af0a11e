#include "platform/review/search.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <functional>
#include <iterator>

#include "platform/review/entry_view.h"

namespace acb::review {
namespace {

constexpr std::uint64_t kPiece = 1'000;
static_assert(kPiece <= store::Store::kMaxAuditRead);

using Wanted = std::function<bool(const std::string& octets)>;

// The wanted entries of [from, to), oldest first, at most `most` of them: then the first that was
// not looked at.
struct Walk {
  std::vector<FoundEntry> entries;
  std::uint64_t end = 0;
};
Result<Walk> WalkForward(const store::Store& store, std::uint64_t from, std::uint64_t to,
                         std::size_t most, const Wanted& wanted) {
  Walk walk;
  walk.end = from;
  while (walk.end < to && walk.entries.size() < most) {
    auto piece = store.ReadAudit(walk.end, std::min(kPiece, to - walk.end));
    if (!piece) return std::move(piece).error();
    if (piece->empty()) break;
    for (std::string& octets : *piece) {
      if (walk.entries.size() == most) break;
      if (wanted(octets)) walk.entries.push_back({walk.end, std::move(octets), {}, {}});
      ++walk.end;
    }
  }
  return walk;
}

// Likewise from `to` back: newest first; `end` is the last that was looked at.
Result<Walk> WalkBack(const store::Store& store, std::uint64_t to, const Wanted& wanted) {
  const std::uint64_t stop = to - std::min(to, kEntriesLookedAt);
  Walk walk;
  walk.end = to;
  while (walk.end > stop && walk.entries.size() < kEntriesShown) {
    const std::uint64_t from = walk.end - std::min(kPiece, walk.end - stop);
    auto piece = store.ReadAudit(from, walk.end - from);
    if (!piece) return std::move(piece).error();
    for (std::size_t i = piece->size(); i-- > 0 && walk.entries.size() < kEntriesShown;) {
      std::string& octets = (*piece)[i];
      walk.end = from + i;
      if (wanted(octets)) walk.entries.push_back({walk.end, std::move(octets), {}, {}});
    }
    if (walk.entries.size() < kEntriesShown) walk.end = from;
  }
  return walk;
}

Status AddEvidence(const store::Store& store, FoundEntry& entry) {
  constexpr std::array<std::string_view, 4> kNames = {"service_request", "request", "command",
                                                      "response"};
  boost::json::error_code error;
  const boost::json::value parsed = boost::json::parse(entry.octets, error);
  if (error || !parsed.is_object()) return Done{};  // shown as it is
  for (const std::string_view name : kNames) {
    const std::string_view hex = TextOf(parsed.get_object(), std::string(name) + "_sha256");
    const auto octets = FromHex(hex);
    Sha256Digest digest{};
    if (!octets || octets->size() != digest.size()) continue;
    std::ranges::copy(*octets, digest.begin());
    auto found = store.FindEvidence(digest);
    if (!found) return found.error();
    if (!found->has_value()) continue;
    Bytes& all = **found;
    const std::size_t shown = std::min(all.size(), kEvidenceShown);
    entry.evidence.push_back(
        {std::string(name), all.size(),
         Bytes(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(shown))});
  }
  return Done{};
}

Status AddExplanation(const store::Store& store, FoundEntry& entry) {
  const auto disclosures = store.ReadDisclosures(entry.index, 1);
  if (!disclosures) return disclosures.error();
  if (disclosures->empty()) return Done{};
  boost::json::error_code error;
  const boost::json::value parsed = boost::json::parse(disclosures->front(), error);
  if (error) return Done{};
  const auto found = parsed.find_pointer("/sealed/explanation/value", error);
  if (found != nullptr && found->is_string()) entry.explanation = found->get_string();
  return Done{};
}

Status AddEvidence(const store::Store& store, std::vector<FoundEntry>& entries) {
  for (FoundEntry& entry : entries) {
    if (Status added = AddExplanation(store, entry); !added) return added;
    if (Status added = AddEvidence(store, entry); !added) return added;
  }
  return Done{};
}

std::string Member(std::string_view name, std::string_view value) {
  return "\"" + std::string(name) + "\":\"" + std::string(value) + "\"";
}

bool Names(const std::string& octets, const std::string& member) {
  return octets.find(member) != std::string::npos;
}

// Entries that name the RequestID, and what was observed of its command: by the device, the counter
// and who sent it. Each is a member whole, since RequestID 7 is the beginning of 70.
Result<Wanted> OfRequest(const store::Store& store, const RequestId& id,
                         const std::optional<StoredRequest>& stored) {
  const std::string name = Member("request_id", id.Text());
  const std::string claimed = Member("claimed_request_id", id.Text());
  std::vector<std::string> command;
  if (stored && stored->counter) {
    const auto answer = store.ReadAudit(stored->audit.index, 1);
    if (!answer) return answer.error();
    boost::json::error_code error;
    const boost::json::value parsed =
        answer->empty() ? boost::json::value() : boost::json::parse(answer->front(), error);
    const std::string originator(
        !error && parsed.is_object() ? TextOf(parsed.get_object(), "originator") : "");
    command = {Member("originator_counter", std::to_string(stored->counter->value())),
               Member("device", id.target.Hyphenated())};
    if (!originator.empty()) command.push_back(Member("originator", originator));
  }
  return Wanted([name, claimed, command](const std::string& octets) {
    if (Names(octets, name) || Names(octets, claimed)) return true;
    return !command.empty() && std::ranges::all_of(command, [&](const std::string& member) {
      return Names(octets, member);
    });
  });
}

// Adds those of [from, to) that `wanted` names, at most as many as are looked at.
Status LookForward(const store::Store& store, std::uint64_t from, const Wanted& wanted,
                   FoundRequest& found) {
  const std::uint64_t size = found.looked.size;
  const std::uint64_t begin = std::min(from, size);
  auto walk = WalkForward(store, begin, begin + std::min(kEntriesLookedAt, size - begin),
                          kEntriesShown, wanted);
  if (!walk) return std::move(walk).error();
  std::ranges::move(walk->entries, std::back_inserter(found.entries));
  found.looked.to = walk->end;
  return Done{};
}

Status LookBack(const store::Store& store, std::uint64_t to, const Wanted& wanted,
                FoundRequest& found) {
  auto walk = WalkBack(store, std::min(to, found.looked.size), wanted);
  if (!walk) return std::move(walk).error();
  std::ranges::reverse(walk->entries);
  found.entries = std::move(walk->entries);
  found.looked.from = walk->end;
  return Done{};
}

bool Fits(const EntryFilter& filter, const std::string& octets) {
  boost::json::error_code error;
  const boost::json::value parsed = boost::json::parse(octets, error);
  if (error || !parsed.is_object()) return false;
  const boost::json::object& entry = parsed.get_object();
  if (!filter.outcome.empty() && OutcomeOf(entry) != filter.outcome) return false;
  if (filter.party && SupplierOf(entry) != *filter.party) return false;
  if (!filter.reason.empty() && TextOf(entry, "reason") != filter.reason) return false;
  const auto at = UtcTime::FromIso(TextOf(entry, "time"));
  if (filter.from && (!at || *at < *filter.from)) return false;
  return !filter.to || (at && *at < *filter.to);
}

}  // namespace

Result<FoundRequest> FindRequest(const store::Store& store, const RequestId& id,
                                 std::optional<std::uint64_t> before,
                                 std::optional<std::uint64_t> after) {
  FoundRequest found;
  found.id = id;
  const auto records = store.Open();
  if (!records) return records.error();
  auto stored = (*records)->FindRequest(id);
  if (!stored) return std::move(stored).error();
  found.stored = *std::move(stored);
  const auto size = store.AuditSize();
  if (!size) return size.error();
  found.looked.size = *size;
  const auto wanted = OfRequest(store, id, found.stored);
  if (!wanted) return wanted.error();
  const bool answered = found.stored && found.stored->state != StoredRequest::State::kReserved &&
                        found.stored->state != StoredRequest::State::kAbandoned;
  const bool around = answered && !before && !after;
  // What came before the answer: quarantine and its release, faults that left the RequestID open.
  if (!after) {
    const std::uint64_t to = around ? found.stored->audit.index : before.value_or(*size);
    if (Status looked = LookBack(store, to, *wanted, found); !looked) {
      return std::move(looked).error();
    }
    found.looked.to = std::min(to, *size);
  }
  if (after) found.looked.from = std::min(*after, *size);
  if (after || around) {
    const std::uint64_t from = around ? found.stored->audit.index : *after;
    if (Status looked = LookForward(store, from, *wanted, found); !looked) {
      return std::move(looked).error();
    }
  }
  if (Status added = AddEvidence(store, found.entries); !added) return std::move(added).error();
  return found;
}

Result<FoundDevice> FindDevice(const store::Store& store, Eui64 device,
                               std::optional<std::uint64_t> before) {
  FoundDevice found;
  found.id = device;
  const auto records = store.Open();
  if (!records) return records.error();
  auto known = (*records)->FindDevice(device);
  if (!known) return std::move(known).error();
  found.device = *std::move(known);
  const auto size = store.AuditSize();
  if (!size) return size.error();
  found.looked.size = *size;
  found.looked.to = std::min(before.value_or(*size), *size);
  auto walk =
      WalkBack(store, found.looked.to, [name = device.Hyphenated()](const std::string& octets) {
        return octets.find(name) != std::string::npos;
      });
  if (!walk) return std::move(walk).error();
  found.entries = std::move(walk->entries);
  found.looked.from = walk->end;
  return found;
}

Result<std::optional<FoundEntry>> FindEntry(const store::Store& store, std::uint64_t index) {
  const auto size = store.AuditSize();
  if (!size) return size.error();
  if (index >= *size) return std::optional<FoundEntry>();
  auto entries = store.ReadAudit(index, 1);
  if (!entries) return std::move(entries).error();
  if (entries->empty()) return std::optional<FoundEntry>();
  FoundEntry entry{index, std::move(entries->front()), {}, {}};
  if (Status added = AddExplanation(store, entry); !added) return std::move(added).error();
  if (Status added = AddEvidence(store, entry); !added) return std::move(added).error();
  return std::optional(std::move(entry));
}

Result<FoundList> ListEntries(const store::Store& store, const EntryFilter& filter,
                              std::uint64_t first, std::uint64_t last) {
  const auto size = store.AuditSize();
  if (!size) return size.error();
  FoundList found;
  if (first >= *size || last < first) return found;
  const std::uint64_t end = std::min(last, *size - 1) + 1;
  const std::uint64_t to = first + std::min(end - first, kEntriesLookedAt);
  auto walk = WalkForward(store, first, to, kEntriesShown,
                          [&filter](const std::string& octets) { return Fits(filter, octets); });
  if (!walk) return std::move(walk).error();
  found.entries = std::move(walk->entries);
  if (walk->end < end) found.next = walk->end;
  return found;
}

}  // namespace acb::review
