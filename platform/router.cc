#include "platform/router.h"

#include <algorithm>

namespace acb::platform {
namespace {

bool IsParameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

bool TakesTheRest(std::string_view segment) {
  return IsParameter(segment) && segment.ends_with("...}");
}

// "/v1/reasons" gives "v1", "reasons".
std::vector<std::string> Segments(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::size_t end = path.find('/');
    segments.emplace_back(path.substr(0, end));
    path = end == std::string_view::npos ? std::string_view{} : path.substr(end);
  }
  return segments;
}

// The segments from number `first` on, with the slashes between them.
std::string Rest(const std::vector<std::string>& path, std::size_t first) {
  std::string rest = path[first];
  for (std::size_t i = first + 1; i < path.size(); ++i) rest += "/" + path[i];
  return rest;
}

bool Fits(const std::vector<std::string>& pattern, const std::vector<std::string>& path,
          std::map<std::string, std::string, std::less<>>& parameters) {
  const bool open = !pattern.empty() && TakesTheRest(pattern.back());
  if (open ? path.size() < pattern.size() : path.size() != pattern.size()) return false;
  parameters.clear();
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (open && i + 1 == pattern.size()) {
      constexpr std::size_t kAround = std::string_view("{...}").size();
      parameters[pattern[i].substr(1, pattern[i].size() - kAround)] = Rest(path, i);
      return !path[i].empty();
    }
    if (IsParameter(pattern[i]) && !path[i].empty()) {
      parameters[pattern[i].substr(1, pattern[i].size() - 2)] = path[i];
    } else if (pattern[i] != path[i]) {
      return false;
    }
  }
  return true;
}

}  // namespace

void Router::Add(Route route) {
  auto segments = Segments(route.pattern);
  entries_.push_back({std::move(route), std::move(segments)});
}

void Router::AddToAnswers(std::string_view method, const std::function<void(HttpResponse&)>& add) {
  for (Entry& entry : entries_) {
    if (entry.route.method != method) continue;
    entry.route.handler = [handler = std::move(entry.route.handler),
                           add](const HttpRequest& request) {
      HttpResponse response = handler(request);
      add(response);
      return response;
    };
  }
}

void Router::Wrap(std::string_view method, std::string_view pattern,
                  const std::function<Handler(Handler)>& around) {
  for (Entry& entry : entries_) {
    if (entry.route.method != method || entry.route.pattern != pattern) continue;
    entry.route.handler = around(std::move(entry.route.handler));
  }
}

bool Router::Govern(std::span<const EndpointRule> table,
                    const std::function<Handler(const EndpointRule&, Handler)>& around) {
  std::size_t found = 0;
  bool all = true;
  for (Entry& entry : entries_) {
    const auto row = std::ranges::find_if(table, [&](const EndpointRule& rule) {
      return rule.method == entry.route.method && rule.pattern == entry.route.pattern;
    });
    if (row == table.end()) {
      entry.route.roles = RoleSet{};
      all = false;
      continue;
    }
    ++found;
    entry.route.roles = row->roles;
    entry.route.handler = around(*row, std::move(entry.route.handler));
  }
  return all && found == table.size();
}

bool Router::Has(std::string_view endpoint) const {
  return std::ranges::any_of(entries_, [&](const Entry& entry) {
    return entry.route.method + " " + entry.route.pattern == endpoint;
  });
}

bool Router::Has(std::string_view endpoint, Role role) const {
  return std::ranges::any_of(entries_, [&](const Entry& entry) {
    return entry.route.method + " " + entry.route.pattern == endpoint &&
           entry.route.roles.Has(role);
  });
}

std::variant<Router::Match, HttpResponse> Router::Find(std::string_view method,
                                                       std::string_view path,
                                                       const ClientIdentity& client) const {
  const auto segments = Segments(path);
  std::map<std::string, std::string, std::less<>> parameters;
  std::string allowed;
  for (const Entry& entry : entries_) {
    if (!Fits(entry.segments, segments, parameters)) continue;
    if (entry.route.method == method) {
      if (!entry.route.roles.Has(client.role)) {
        return Problem({Reason::kForbidden, "The role " + std::string(Name(client.role)) +
                                                " may not use this resource."});
      }
      if (!client.MayUse(entry.route.method, entry.route.pattern)) {
        return Problem({Reason::kForbidden, "This client may not use this resource."});
      }
      return Match{&entry.route, std::move(parameters)};
    }
    if (!allowed.empty()) allowed += ", ";
    allowed += entry.route.method;
  }
  if (allowed.empty()) return Problem(Reason::kNotFound);
  HttpResponse refusal = Problem({Reason::kMethodNotAllowed, "It takes " + allowed + "."});
  refusal.headers.push_back({"Allow", allowed});
  return refusal;
}

}  // namespace acb::platform
