#include "platform/review/assets.h"

#include <map>
#include <string>

namespace acb::review {
namespace {

std::map<std::string_view, std::string> PathsOf(std::span<const Asset> assets) {
  std::map<std::string_view, std::string> paths;
  for (const Asset& asset : assets) paths[asset.file] = "/assets/" + std::string(asset.name);
  return paths;
}

}  // namespace

std::string_view PathOf(std::string_view file) {
  static const std::map<std::string_view, std::string> paths = PathsOf(Assets());
  return paths.at(file);
}

}  // namespace acb::review
