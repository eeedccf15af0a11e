// Which handler answers which method and path, for whom, and with how large a body.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "platform/endpoint_table.h"
#include "platform/http_message.h"

namespace acb::platform {

// Called by many threads at once. An exception that leaves it is a bug and ends the process.
using Handler = std::function<HttpResponse(const HttpRequest&)>;

struct Route {
  std::string method;
  // "/v1/devices/{device}": a segment in braces takes any one non-empty segment, "{path...}" as the
  // last one takes all the rest, one segment or more, with its slashes. Where a fixed
  // segment and a parameter both fit, the route that was added first wins.
  std::string pattern;
  RoleSet roles;  // empty: nobody
  // 0: the route takes no body.
  std::uint64_t body_limit = 0;
  Handler handler;
  // "application/xml": media types the route takes, without parameters; empty: any.
  std::vector<std::string> content_types = {};
  // A body over kSpoolThreshold goes to an unlinked file and is mapped; without it the body is held
  // in memory. Its deadline grows with what has arrived: kSpoolOctetsPerSecond must be kept up.
  bool spool = false;
  // Asked once route, role, size and type are accepted, on the connection's thread: what it gives
  // takes the body in place of memory and file, at the pace of `spool`. Nothing: as without it.
  std::function<std::shared_ptr<BodyIntake>()> intake = {};
};

inline constexpr std::uint64_t kSpoolThreshold = 1024 * 1024;
inline constexpr std::uint64_t kSpoolOctetsPerSecond = 1024 * 1024;

// Filled before the server starts, then only read: thread-safe from there.
class Router {
 public:
  void Add(Route route);
  void Add(std::string method, std::string pattern, RoleSet roles, std::uint64_t body_limit,
           Handler handler) {
    Add(Route{std::move(method), std::move(pattern), roles, body_limit, std::move(handler)});
  }

  // Without roles: nobody may use it until Govern says who.
  void Add(std::string method, std::string pattern, std::uint64_t body_limit, Handler handler) {
    Add(std::move(method), std::move(pattern), RoleSet{}, body_limit, std::move(handler));
  }

  // Gives each route the roles of its row in the table, and what `around` makes of its handler in
  // that one's place. False: a route has no row, so nobody may use it, or a row has no route.
  bool Govern(std::span<const EndpointRule> table,
              const std::function<Handler(const EndpointRule&, Handler)>& around);

  // From now on `add` sees each answer of the routes that were added with this method; called by
  // many threads at once.
  void AddToAnswers(std::string_view method, const std::function<void(HttpResponse&)>& add);

  // Puts what `around` makes of its handler in the place of each route's that was added with this
  // method and pattern.
  void Wrap(std::string_view method, std::string_view pattern,
            const std::function<Handler(Handler)>& around);

  struct Match {
    const Route* route;
    std::map<std::string, std::string, std::less<>> parameters;
  };
  // The route for the method and percent-decoded path if the role may use it; otherwise the problem
  // document: 404, 405 with Allow, 403, in that order of precedence.
  std::variant<Match, HttpResponse> Find(std::string_view method, std::string_view path,
                                         const ClientIdentity& client) const;

  // Whether there is a route "POST /v1/handovers", spelled as it was added; and the role may use
  // it.
  bool Has(std::string_view endpoint) const;
  bool Has(std::string_view endpoint, Role role) const;

 private:
  struct Entry {
    Route route;
    std::vector<std::string> segments;
  };
  std::vector<Entry> entries_;
};

}  // namespace acb::platform
