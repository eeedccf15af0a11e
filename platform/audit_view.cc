#include "platform/audit_view.h"

#include <string>
#include <utility>

namespace acb::platform {

void AddAuditView(Router& router, Box& box, const Log& log, std::string_view pattern,
                  Handler handler) {
  const std::string route(pattern);
  router.Add("GET", route, {Role::kAuditor}, 0,
             [&box, &log, route, handler = std::move(handler)](const HttpRequest& request) {
               HttpResponse response = handler(request);
               box.metrics().CountAuditView();
               log.Notice("audit-view", {{"client", request.client.name},
                                         {"peer", request.peer},
                                         {"route", route},
                                         {"path", request.path},
                                         {"query", request.query},
                                         {"status", response.status}});
               return response;
             });
}

}  // namespace acb::platform
