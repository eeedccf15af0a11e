#include "tools/acbctl/rules.h"

#include <algorithm>
#include <array>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

#include "firmware/rules.h"
#include "tools/acbctl/remote.h"

namespace acb::acbctl {
namespace {

constexpr std::size_t kColumns = 4;
using Cells = std::array<std::string, kColumns>;
using Widths = std::array<std::size_t, kColumns>;

std::string Requirements(const Rule& rule) {
  std::string text;
  for (const std::string_view id : rule.requirements) {
    text.append(text.empty() ? "" : " ").append(id);
  }
  return text;
}

std::string Reasons(const Rule& rule) {
  std::string text;
  for (const Reason reason : rule.reasons) {
    text.append(text.empty() ? "" : " ").append(Describe(reason).name);
  }
  return text;
}

Cells CellsOf(const Rule& rule) {
  const std::string source = std::string(rule.document) + " (" + std::string(rule.version) + "), " +
                             std::string(rule.clause);
  return {std::string(rule.name), std::string(Name(rule.force)), Requirements(rule), source};
}

// The last column is as long as it is.
void PrintCells(const Cells& cells, const Widths& widths) {
  constexpr std::size_t kGap = 2;
  for (std::size_t i = 0; i + 1 < kColumns; ++i) {
    std::cout << std::left << std::setw(static_cast<int>(widths[i] + kGap)) << cells[i];
  }
  std::cout << cells.back() << "\n";
}

void PrintTable() {
  const Cells header = {"RULE", "FORCE", "REQUIREMENTS", "SOURCE"};
  Widths widths{};
  const auto widen = [&widths](const Cells& cells) {
    for (std::size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], cells[i].size());
  };
  widen(header);
  for (const Rule& rule : AllRules()) widen(CellsOf(rule));

  std::cout << "rule set " << kRuleSetVersion << ", in the order in which a request meets them\n\n";
  PrintCells(header, widths);
  for (const Rule& rule : AllRules()) {
    PrintCells(CellsOf(rule), widths);
    std::cout << "    " << rule.demand << "\n    else " << Reasons(rule) << "\n";
  }
}

}  // namespace

int ShowRules(bool json) {
  if (json) {
    std::cout << audit::CanonicalJson(RuleListing()) << "\n";
  } else {
    PrintTable();
  }
  return kGood;
}

}  // namespace acb::acbctl
