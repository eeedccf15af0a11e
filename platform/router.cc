#include "platform/router.h"

#include <algorithm>

namespace acb::platform {
namespace {

bool IsParameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
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

bool Fits(const std::vector<std::string>& pattern, const std::vector<std::string>& path,
          std::map<std::string, std::string, std::less<>>& parameters) {
  if (pattern.size() != path.size()) return false;
  parameters.clear();
  for (std::size_t i = 0; i < path.size(); ++i) {
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

std::variant<Router::Match, HttpResponse> Router::Find(std::string_view method,
                                                       std::string_view path, Role role) const {
  const auto segments = Segments(path);
  std::map<std::string, std::string, std::less<>> parameters;
  std::string allowed;
  for (const Entry& entry : entries_) {
    if (!Fits(entry.segments, segments, parameters)) continue;
    if (entry.route.method == method) {
      if (entry.route.roles.Has(role)) return Match{&entry.route, std::move(parameters)};
      return Problem({Reason::kForbidden,
                      "The role " + std::string(Name(role)) + " may not use this resource."});
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
