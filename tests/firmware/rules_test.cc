// R-074-6.
#include "firmware/rules.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <regex>
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

TEST(Rules, EachNameDocumentClauseAndVersion) {
  std::set<std::string_view> names;
  for (const Rule& rule : AllRules()) {
    SCOPED_TRACE(rule.name);
    EXPECT_TRUE(names.insert(rule.name).second);
    EXPECT_TRUE(std::regex_match(std::string(rule.name), std::regex("[a-z]+(-[a-z]+)*")));
    EXPECT_TRUE(rule.demand.ends_with('.'));
    EXPECT_FALSE(rule.document.empty());
    EXPECT_FALSE(rule.clause.empty());
    EXPECT_FALSE(rule.version.empty());
    EXPECT_FALSE(Name(rule.force).empty());
    EXPECT_NE(rule.requirements.size(), 0u);
    for (const std::string_view requirement : rule.requirements) {
      EXPECT_TRUE(std::regex_match(std::string(requirement), std::regex("R-[A-Z0-9]+-[0-9]+")))
          << requirement;
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

// Read from the source, so that a check with a new reason needs a rule.
TEST(Rules, NameEveryReasonThatAChecksSourceNames) {
  const std::set<Reason> covered = ReasonsOfAllRules();
  // Not of a handover: the import of a file, and the start of the libraries.
  const std::set<Reason> elsewhere = {Reason::kFeedRejected, Reason::kConfiguration};
  const std::regex reason_pattern("Reason::(k[A-Z][A-Za-z0-9]*)");
  const std::filesystem::path source = std::getenv("ACB_SOURCE_DIR");
  std::set<Reason> found;
  for (const char* folder : {"checks", "duis", "smki"}) {
    for (const auto& file : std::filesystem::directory_iterator(source / "firmware" / folder)) {
      if (file.path().extension() != ".cc" && file.path().extension() != ".h") continue;
      const std::string text = testing::ReadText(file.path());
      for (std::sregex_iterator at(text.begin(), text.end(), reason_pattern), end; at != end;
           ++at) {
        const ReasonInfo* info = FindEnumerator((*at)[1]);
        ASSERT_NE(info, nullptr) << (*at)[1];
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
  EXPECT_NE(json.find("\"version\":\"1\""), std::string::npos);
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
