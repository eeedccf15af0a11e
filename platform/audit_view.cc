#include "platform/audit_view.h"

#include <algorithm>
#include <string>
#include <thread>
#include <utility>

namespace acb::platform {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsWordCharacter(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

Handler Logged(Box& box, const Log& log, std::string_view pattern, Handler handler) {
  return [&box, &log, route = std::string(pattern),
          handler = std::move(handler)](const HttpRequest& request) {
    HttpResponse response = handler(request);
    if (request.client.role != Role::kAuditor) return response;
    box.metrics().CountAuditView();
    const std::string path = WithoutMeterPoints(request.path);
    const std::string query = WithoutMeterPoints(request.query);
    log.Notice("audit-view", {{"request_id", request.id},
                              {"client", request.client.name},
                              {"peer", request.peer},
                              {"route", route},
                              {"path", path},
                              {"query", query},
                              {"status", response.status}});
    return response;
  };
}

}  // namespace

std::string WithoutMeterPoints(std::string_view text) {
  // An MPRN has 6 to 10 digits, but no index of the log has nine; an MPAN has 13 or 21. Sixteen are
  // an EUI-64 in one word.
  constexpr std::size_t kLeast = 9;
  constexpr std::size_t kEui = 16;
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto word_end = std::ranges::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(i),
                                                   text.end(), IsWordCharacter);
    const auto size = static_cast<std::size_t>(word_end - text.begin()) - i;
    const std::string_view word = text.substr(i, size);
    if (size >= kLeast && size != kEui && std::ranges::all_of(word, IsDigit)) {
      out += "(digits)";
    } else {
      out += word;
    }
    i += size;
    if (i < text.size()) out += text[i++];
  }
  return out;
}

ReadingPlaces::ReadingPlaces()
    : ReadingPlaces(static_cast<int>(std::thread::hardware_concurrency() / 2), kPatience) {}

ReadingPlaces::ReadingPlaces(int places, std::chrono::milliseconds patience)
    : patience_(patience), free_(std::clamp(places, 1, kMaxPlaces)) {}

HttpResponse ReadingPlaces::Serve(const Handler& handler, const HttpRequest& request) {
  if (!free_.try_acquire_for(patience_)) {
    return Problem(Failure(Reason::kBusy, "other reports or searches are being made: ask again"));
  }
  HttpResponse response = handler(request);
  free_.release();
  return response;
}

void AddAuditView(Router& router, Box& box, const Log& log, std::string_view pattern,
                  Handler handler) {
  router.Add("GET", std::string(pattern), 0, Logged(box, log, pattern, std::move(handler)));
}

void AddAuditReading(Router& router, Box& box, const Log& log,
                     const std::shared_ptr<ReadingPlaces>& places, std::string_view pattern,
                     Handler handler) {
  AddAuditView(router, box, log, pattern,
               [places, handler = std::move(handler)](const HttpRequest& request) {
                 return places->Serve(handler, request);
               });
}

void LogAuditorsViews(Router& router, Box& box, const Log& log, std::string_view pattern) {
  router.Wrap("GET", pattern,
              [&](Handler handler) { return Logged(box, log, pattern, std::move(handler)); });
}

}  // namespace acb::platform
