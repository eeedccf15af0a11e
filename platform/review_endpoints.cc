#include "platform/review_endpoints.h"

#include <algorithm>
#include <boost/json.hpp>
#include <memory>

#include "firmware/base/request_id.h"
#include "platform/review/assets.h"
#include "platform/review/counting.h"
#include "platform/review/entry_view.h"
#include "platform/review/page.h"
#include "platform/review/search.h"
#include "platform/review/trail.h"

namespace acb::platform {
namespace {

constexpr std::uint64_t kQuarantineShown = 20;
constexpr std::size_t kMaxQuery = 100;
// Of the year 9999: what UtcTime can say.
constexpr std::uint64_t kLastSecond = 253'402'300'800;

review::BoxState StateOf(const Box& box, const Clock& clock) {
  return {.environment = box.environment(),
          .at = clock.Now(),
          .ready = box.Ready(),
          .attention = box.Attention()};
}

Result<review::Waiting> ReadWaiting(const store::Store& store, UtcTime now) {
  review::Waiting waiting;
  const auto unanswered = store.UnansweredCount();
  if (!unanswered) return unanswered.error();
  waiting.unanswered = *unanswered;
  auto quarantine = store.ListQuarantine(0, kQuarantineShown + 1, now);
  if (!quarantine) return std::move(quarantine).error();
  waiting.quarantine = *std::move(quarantine);
  waiting.more_in_quarantine = waiting.quarantine.size() > kQuarantineShown;
  if (waiting.more_in_quarantine) waiting.quarantine.pop_back();
  auto suspensions = store.ListSuspensions(now);
  if (!suspensions) return std::move(suspensions).error();
  waiting.suspensions = *std::move(suspensions);
  return waiting;
}

// A cosignature is the time, 8 octets big-endian, and the signature (C2SP tlog-cosignature).
constexpr std::size_t kCosignatureOctets = 8 + 64;

std::optional<review::CheckpointHead> HeadOf(const std::optional<SignedCheckpoint>& checkpoint) {
  if (!checkpoint) return std::nullopt;
  review::CheckpointHead head{checkpoint->content.size, checkpoint->content.root, {}};
  for (const audit::NoteSignature& line : checkpoint->note.signatures) {
    if (line.name == checkpoint->content.origin || line.signature.size() != kCosignatureOctets) {
      continue;
    }
    const std::uint64_t seconds = ByteReader(line.signature).U64();
    // Verified when it was taken: the time is the witness's.
    if (seconds < kLastSecond) {
      head.cosignatures.push_back(
          {line.name, UtcTime::FromSeconds(static_cast<std::int64_t>(seconds))});
    }
  }
  return head;
}

Result<review::LogHead> ReadLogHead(const store::Store& store) {
  review::LogHead head;
  const auto size = store.AuditSize();
  if (!size) return size.error();
  head.size = *size;
  head.anchored = store.anchored();
  if (head.size == 0) return head;
  const auto newest = store.ReadAudit(head.size - 1, 1);
  if (!newest) return newest.error();
  if (newest->empty()) return head;
  head.newest_leaf = audit::LeafHash(newest->front());
  boost::json::error_code error;
  const boost::json::value entry = boost::json::parse(newest->front(), error);
  if (error || !entry.is_object()) return head;
  head.newest_kind = review::TextOf(entry.get_object(), "kind");
  head.newest_time = review::TextOf(entry.get_object(), "time");
  return head;
}

HttpResponse GetReview(Box& box, const Clock& clock, review::Counting& counting,
                       const HttpRequest& request) {
  const store::Store& store = box.store();
  const review::BoxState state = StateOf(box, clock);
  const auto text = request.QueryParameter("month");
  const auto month = text ? review::Month::FromText(*text) : review::Month::Of(state.at);
  if (!month) {
    return review::RenderNothing(state, "", "A month is written as 2026-11.",
                                 Describe(Reason::kMalformed).http_status);
  }
  auto log = ReadLogHead(store);
  if (log) log->checkpoint = HeadOf(box.checkpoints().newest());
  return review::RenderReview({.box = state,
                               .figures = counting.Look(state.at, *month),
                               .waiting = ReadWaiting(store, clock.Now()),
                               .log = std::move(log)});
}

// What a browser sends for a form: "+" is a space there, and people paste spaces.
std::string Trimmed(std::string_view text) {
  std::string query(text.substr(0, std::min(text.size(), kMaxQuery)));
  std::ranges::replace(query, '+', ' ');
  const auto begin = query.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return "";
  return query.substr(begin, query.find_last_not_of(" \t\r\n") - begin + 1);
}

template <class T>
HttpResponse Rendered(const review::BoxState& state, const Result<T>& found,
                      HttpResponse (*render)(const review::BoxState&, const T&)) {
  return found ? render(state, *found) : review::RenderFailed(state, found.error());
}

HttpResponse ShowEntry(const store::Store& store, const review::BoxState& state,
                       std::uint64_t index) {
  const auto entry = review::FindEntry(store, index);
  if (!entry) return review::RenderFailed(state, entry.error());
  if (entry->has_value()) return review::RenderEntry(state, **entry);
  return review::RenderNothing(state, std::to_string(index), "The log has no such entry.",
                               Describe(Reason::kNotFound).http_status);
}

HttpResponse GetSearch(const Box& box, const store::Store& store, const Clock& clock,
                       const HttpRequest& request) {
  const review::BoxState state = StateOf(box, clock);
  const std::string query = Trimmed(request.QueryParameter("q").value_or(""));
  std::optional<std::uint64_t> before, after;
  if (const auto text = request.QueryParameter("before")) before = ParseDecimal(*text);
  if (const auto text = request.QueryParameter("after")) after = ParseDecimal(*text);
  // Sixteen digits are a device: an index of so many is none.
  if (const auto device = Eui64::FromText(query)) {
    return Rendered(state, review::FindDevice(store, *device, before), review::RenderDevice);
  }
  if (const auto id = RequestId::FromText(query)) {
    return Rendered(state, review::FindRequest(store, *id, before, after), review::RenderRequest);
  }
  if (const auto index = ParseDecimal(query)) return ShowEntry(store, state, *index);
  return review::RenderNothing(
      state, query, "That is no device (EUI-64), no RequestID and no number of an entry.",
      Describe(Reason::kMalformed).http_status);
}

HttpResponse GetEntry(const Box& box, const store::Store& store, const Clock& clock,
                      const HttpRequest& request) {
  const review::BoxState state = StateOf(box, clock);
  const std::string_view text = request.Parameter("index");
  const auto index = ParseDecimal(text);
  if (index) return ShowEntry(store, state, *index);
  return review::RenderNothing(state, text, "An entry is named by its number.",
                               Describe(Reason::kNotFound).http_status);
}

// Nothing: the parameter is there and is no instant.
bool ReadInstant(const HttpRequest& request, std::string_view name, std::optional<UtcTime>& at) {
  const auto text = request.QueryParameter(name);
  if (!text) return true;
  at = UtcTime::FromIso(*text);
  return at.has_value();
}

HttpResponse GetEntries(const Box& box, const store::Store& store, const Clock& clock,
                        const HttpRequest& request) {
  const review::BoxState state = StateOf(box, clock);
  review::EntryFilter filter;
  filter.outcome = request.QueryParameter("outcome").value_or("");
  filter.reason = request.QueryParameter("reason").value_or("");
  if (const auto party = request.QueryParameter("party")) filter.party = *party;
  const auto first = ParseDecimal(request.QueryParameter("first").value_or("0"));
  const auto last = ParseDecimal(request.QueryParameter("last").value_or(""));
  if (!first || !last || !ReadInstant(request, "from", filter.from) ||
      !ReadInstant(request, "to", filter.to)) {
    return review::RenderNothing(state, "", "This list is reached by the figures of the page.",
                                 Describe(Reason::kMalformed).http_status);
  }
  const auto found = review::ListEntries(store, filter, *first, *last);
  if (!found) return review::RenderFailed(state, found.error());
  return review::RenderList(state, filter, *last, *found);
}

HttpResponse GetExport(const Box& box, const Clock& clock, const HttpRequest& request) {
  return review::RenderExport(StateOf(box, clock),
                              {.from = Trimmed(request.QueryParameter("from").value_or("")),
                               .to = Trimmed(request.QueryParameter("to").value_or("")),
                               .panel = request.QueryParameter("redaction") == "panel"});
}

HttpResponse GetAsset(const HttpRequest& request) {
  const auto asset =
      std::ranges::find(review::Assets(), request.Parameter("name"), &review::Asset::name);
  if (asset == review::Assets().end()) return Problem(Failure(Reason::kNotFound, "no such file"));
  HttpResponse response;
  response.content_type = asset->content_type;
  response.body = asset->octets;
  response.headers.push_back({"Cross-Origin-Resource-Policy", "same-origin"});
  return response;
}

void AddAssets(Router& router) { router.Add("GET", "/assets/{name}", 0, GetAsset); }

}  // namespace

void AddReviewRoutes(Router& router, Box& box, const Clock& clock, const Log& log,
                     const std::shared_ptr<ReadingPlaces>& places) {
  const store::Store& store = box.store();
  const auto counting = std::make_shared<review::Counting>(
      [&store](std::uint64_t from, std::uint64_t count) { return store.ReadAudit(from, count); });
  const auto add = [&](std::string_view pattern, const Handler& handler) {
    AddAuditView(router, box, log, pattern, handler);
  };
  add("/", [&box, &clock, counting](const HttpRequest& request) {
    return GetReview(box, clock, *counting, request);
  });
  const auto add_reading = [&](std::string_view pattern, const Handler& handler) {
    AddAuditReading(router, box, log, places, pattern, handler);
  };
  add_reading("/review/search", [&box, &store, &clock](const HttpRequest& request) {
    return GetSearch(box, store, clock, request);
  });
  add("/review/entry/{index}", [&box, &store, &clock](const HttpRequest& request) {
    return GetEntry(box, store, clock, request);
  });
  add_reading("/review/entries", [&box, &store, &clock](const HttpRequest& request) {
    return GetEntries(box, store, clock, request);
  });
  add("/review/export",
      [&box, &clock](const HttpRequest& request) { return GetExport(box, clock, request); });
  AddAssets(router);
}

void AddClosedReviewRoutes(Router& router, const Failure& why, std::string environment,
                           const Clock& clock) {
  for (const char* pattern :
       {"/", "/review/search", "/review/entry/{index}", "/review/entries", "/review/export"}) {
    router.Add("GET", pattern, 0, [why, environment, &clock](const HttpRequest&) {
      return review::RenderClosed(
          {.environment = environment, .at = clock.Now(), .ready = false, .attention = {why}});
    });
  }
  AddAssets(router);
}

}  // namespace acb::platform
