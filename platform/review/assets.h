// Files of the page that are compiled into the program (assets.cmake writes the table).
#pragma once

#include <span>
#include <string_view>

namespace acb::review {

struct Asset {
  std::string_view name;  // with the first digits of its SHA-256: "review-0123456789ab.js"
  std::string_view file;  // "review.js"
  std::string_view content_type;
  std::string_view octets;
};

std::span<const Asset> Assets();
// The path that `file`, which must be one of them, is served under:
// "/assets/review-0123456789ab.js".
std::string_view PathOf(std::string_view file);

}  // namespace acb::review
