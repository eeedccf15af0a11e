// R-074-6.
#include "firmware/rules.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string>

#include "tests/support/shared.h"

namespace acb {
namespace {

std::set<Reason> ReasonsOfAllRules() {
  std::set<Reason> reasons;
  for (const Rule& rule : AllRules()) reasons.insert(rule.reasons.begin(), rule.reasons.end());
  return reasons;
}

bool OnlyOf(std::string_view text, std::string_view characters) {
  return !text.empty() && text.find_first_not_of(characters) == std::string_view::npos;
}

// "R-063-1": R-, upper-case letters and digits, a hyphen, digits.
bool IsRequirementId(std::string_view text) {
  const std::size_t hyphen = text.rfind('-');
  return text.starts_with("R-") && hyphen > 1 && hyphen != std::string_view::npos &&
         OnlyOf(text.substr(2, hyphen - 2), "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") &&
         OnlyOf(text.substr(hyphen + 1), "0123456789");
}

TEST(Rules, EachNameDocumentClauseAndVersion) {
  std::set<std::string_view> names;
  for (const Rule& rule : AllRules()) {
    SCOPED_TRACE(rule.name);
    EXPECT_TRUE(names.insert(rule.name).second);
    EXPECT_TRUE(OnlyOf(rule.name, "abcdefghijklmnopqrstuvwxyz-"));
    EXPECT_TRUE(rule.demand.ends_with('.'));
    EXPECT_FALSE(rule.document.empty());
    EXPECT_FALSE(rule.clause.empty());
    EXPECT_FALSE(rule.version.empty());
    EXPECT_FALSE(Name(rule.force).empty());
    EXPECT_NE(rule.requirements.size(), 0u);
    for (const std::string_view requirement : rule.requirements) {
      EXPECT_TRUE(IsRequirementId(requirement)) << requirement;
    }
    EXPECT_NE(rule.reasons.size(), 0u);
  }
  EXPECT_GT(names.size(), 30u);
}

TEST(Rules, CiteOnlyRequirementsOfTheCatalogue) {
  ACB_NEED_SHARED();
  const std::string catalogue =
      testing::ReadText(testing::SharedDir() / "reference" / "requirements.md");
  for (const Rule& rule : AllRules()) {
    for (const std::string_view requirement : rule.requirements) {
      const bool known = catalogue.find("| " + std::string(requirement) + " ") != std::string::npos;
      EXPECT_TRUE(known) << rule.name << ": " << requirement;
    }
  }
}

TEST(Rules, GiveRefusalsAndFaultsAndNoObservations) {
  for (const Reason reason : ReasonsOfAllRules()) {
    EXPECT_NE(Describe(reason).kind, ReasonKind::kObservation) << Describe(reason).name;
  }
}

// "kSmets1Proxy" -> SMETS1_PROXY.
const ReasonInfo* FindEnumerator(const std::string& enumerator) {
  std::string name;
  for (const char c : enumerator.substr(1)) {
    if (std::isupper(static_cast<unsigned char>(c)) != 0 && !name.empty()) name += '_';
    name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return FindReason(name);
}

// The enumerators that a source names, "Reason::kChain" as "kChain".
std::set<std::string> EnumeratorsIn(const std::string& text) {
  constexpr std::string_view kBefore = "Reason::";
  std::set<std::string> found;
  for (std::size_t at = text.find(kBefore); at != std::string::npos; at = text.find(kBefore, at)) {
    at += kBefore.size();
    std::size_t end = at;
    while (end < text.size() && std::isalnum(static_cast<unsigned char>(text[end])) != 0) ++end;
    if (text[at] == 'k') found.insert(text.substr(at, end - at));
  }
  return found;
}

// Read from the source, so that a check with a new reason needs a rule.
TEST(Rules, NameEveryReasonThatAChecksSourceNames) {
  const std::set<Reason> covered = ReasonsOfAllRules();
  // Not of a handover: the import of a file, and the start of the libraries.
  const std::set<Reason> elsewhere = {Reason::kFeedRejected, Reason::kConfiguration};
  const char* source = std::getenv("ACB_SOURCE_DIR");
  ASSERT_NE(source, nullptr) << "ctest sets it";
  std::set<Reason> found;
  for (const char* folder : {"checks", "duis", "smki"}) {
    const auto directory = std::filesystem::path(source) / "firmware" / folder;
    for (const auto& file : std::filesystem::directory_iterator(directory)) {
      if (file.path().extension() != ".cc" && file.path().extension() != ".h") continue;
      for (const std::string& enumerator : EnumeratorsIn(testing::ReadText(file.path()))) {
        const ReasonInfo* info = FindEnumerator(enumerator);
        ASSERT_NE(info, nullptr) << enumerator;
        if (info->kind == ReasonKind::kObservation || elsewhere.contains(info->reason)) continue;
        found.insert(info->reason);
        EXPECT_TRUE(covered.contains(info->reason))
            << info->name << " of " << file.path() << " is in no rule";
      }
    }
  }
  EXPECT_GT(found.size(), 30u);
}

TEST(Rules, AreListedAsJsonWithADigestThatChangesWithThem) {
  const std::string json = audit::CanonicalJson(RuleListing());
  EXPECT_NE(json.find("\"version\":\"6\""), std::string::npos);
  EXPECT_NE(
      json.find("{\"clause\":\"BR1; 2.1, lines 65-79; 2.2, lines 83-93\",\"demand\":\"Network "
                "operator certificates are"),
      std::string::npos);
  EXPECT_NE(json.find("\"force\":\"withdrawn, adopted here\",\"name\":\"registered-network-"
                      "operator\",\"reasons\":[\"NO_NOT_REGISTERED\",\"NO_UNMAPPED\"],"
                      "\"requirements\":[\"R-063-1\",\"R-063-13\",\"R-063-14\"]}"),
            std::string::npos);
  const std::size_t from = json.find("[{\"clause\"");
  const std::size_t to = json.find(",\"sha256\"");
  ASSERT_NE(to, std::string::npos);
  EXPECT_NE(json.find(ToHex(Sha256(AsBytes(json.substr(from, to - from))))), std::string::npos);
}

}  // namespace
}  // namespace acb
