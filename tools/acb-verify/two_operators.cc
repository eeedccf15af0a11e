#include "tools/acb-verify/two_operators.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tools/acb-verify/members.h"

namespace acb::verify {
namespace {

constexpr std::array<std::string_view, 6> kActsOfTwo = {
    "lift",          "quarantine-release", "quarantine-delete",
    "counter-raise", "counters-import",    "recover"};

bool IsFalse(const audit::Object& entry, std::string_view name) {
  const auto found = entry.find(std::string(name));
  const auto* value = found == entry.end() ? nullptr : std::get_if<bool>(&found->second.get());
  return value != nullptr && !*value;
}

// An identity is a dNSName: the same in any spelling.
std::vector<std::string> NamesOf(const audit::Object& entry) {
  std::vector<std::string> names = TextsOf(entry, "operators");
  for (std::string& name : names) {
    std::ranges::transform(name, name.begin(), [](unsigned char octet) {
      return static_cast<char>(std::tolower(octet));
    });
  }
  return names;
}

}  // namespace

bool TwoOperators::TakesTwo(const audit::Object& entry) {
  const std::string_view kind = TextOf(entry, "kind");
  const std::string_view act = TextOf(entry, "act");
  if (kind == "released") return true;
  if (IsFalse(entry, "complete")) return false;
  if (kind == "ceremony") return true;
  if (kind == "operator") return std::ranges::find(kActsOfTwo, act) != kActsOfTwo.end();
  if (kind != "export" || act != "counters-export" || !IsTrue(entry, "fenced")) return false;
  return whole_ && !fenced_;
}

Status TwoOperators::See(const audit::Object& entry) {
  if (!TakesTwo(entry)) return Done{};
  // A recovery says that the copy it began with was fenced, or the log that it took in.
  fenced_ = fenced_ || TextOf(entry, "kind") == "export" || IsTrue(entry, "fenced");
  const std::vector<std::string> names = NamesOf(entry);
  if (names.size() == 2 && names[0] != names[1] && !names[0].empty() && !names[1].empty()) {
    ++acts_;
    return Done{};
  }
  ++wrong_;
  std::string act(TextOf(entry, "act"));
  if (act.empty()) act = TextOf(entry, "kind");
  std::string who = "none";
  if (!names.empty()) {
    who = names[0];
    for (std::size_t i = 1; i < names.size(); ++i) who += ", " + names[i];
  }
  return Failure(Reason::kOtherOperator,
                 "'" + act + "' takes two different operators, and it names " + who);
}

}  // namespace acb::verify
