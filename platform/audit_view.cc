#include "platform/audit_view.h"

#include <algorithm>
#include <string>
#include <thread>
#include <utility>

namespace acb::platform {
namespace {

Handler Logged(Box& box, const Log& log, std::string_view pattern, Handler handler) {
  return [&box, &log, route = std::string(pattern),
          handler = std::move(handler)](const HttpRequest& request) {
    HttpResponse response = handler(request);
    if (request.client.role != Role::kAuditor) return response;
    box.metrics().CountAuditView();
    log.Notice("audit-view", {{"client", request.client.name},
                              {"peer", request.peer},
                              {"route", route},
                              {"path", request.path},
                              {"query", request.query},
                              {"status", response.status}});
    return response;
  };
}

}  // namespace

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
