// R-NOW-11, R-SEC3-44, R-SEC3-50, R-SEC3-56.
#include "tools/acb-verify/two_operators.h"

#include <gtest/gtest.h>

namespace acb::verify {
namespace {

audit::Object Entry(std::string_view kind, std::string_view act, audit::List operators) {
  return {{"kind", kind}, {"act", act}, {"operators", std::move(operators)}, {"complete", true}};
}
audit::Object With(audit::Object entry, const std::string& name, audit::Value value) {
  entry.insert_or_assign(name, std::move(value));
  return entry;
}

constexpr std::pair<const char*, const char*> kActsOfTwo[] = {{"released", "quarantine-release"},
                                                              {"operator", "quarantine-delete"},
                                                              {"operator", "quarantine-release"},
                                                              {"operator", "lift"},
                                                              {"operator", "counter-raise"},
                                                              {"operator", "counters-import"},
                                                              {"operator", "recover"},
                                                              {"ceremony", "activate"}};

TEST(TwoOperators, AreNamedByWhatTakesTwo) {
  for (const auto& [kind, act] : kActsOfTwo) {
    TwoOperators two(true);
    EXPECT_TRUE(two.See(Entry(kind, act, {"a", "b"}))) << act;
    for (const audit::List& names :
         {audit::List{}, {"a"}, {"a", "a"}, {"a", "A"}, {"a", ""}, {"a", "b", "c"}}) {
      const Status found = two.See(Entry(kind, act, names));
      ASSERT_FALSE(found) << act;
      EXPECT_EQ(found.error().reason, Reason::kOtherOperator);
      EXPECT_NE(found.error().explanation.find(act), std::string::npos);
    }
    EXPECT_FALSE(two.See({{"kind", kind}, {"act", act}, {"complete", true}}));
    EXPECT_FALSE(two.See({{"kind", kind}, {"act", act}, {"operators", "a"}}));
    EXPECT_EQ(two.acts(), 1u);
    EXPECT_EQ(two.wrong(), 8u);
  }
}

TEST(TwoOperators, AreNotAskedOfAFirstWordOrOfWhatOneMayDo) {
  TwoOperators two(true);
  for (const auto& [kind, act] : kActsOfTwo) {
    if (std::string_view(kind) == "released") continue;
    EXPECT_TRUE(two.See(With(Entry(kind, act, {"a"}), "complete", false))) << act;
  }
  // A release is no first word, whatever it says.
  EXPECT_FALSE(two.See(With(Entry("released", "quarantine-release", {"a"}), "complete", false)));
  EXPECT_TRUE(two.See(Entry("operator", "suspend", {"a"})));
  EXPECT_TRUE(two.See(Entry("export", "backup", {"a"})));
  EXPECT_TRUE(two.See(Entry("export", "counters-export", {"a"})));
  EXPECT_TRUE(two.See({{"kind", "signed"}}));
  EXPECT_EQ(two.acts(), 0u);
}

TEST(TwoOperators, AreAskedOnceForAFence) {
  const auto fenced = [](audit::List names) {
    return With(Entry("export", "counters-export", std::move(names)), "fenced", true);
  };
  TwoOperators two(true);
  EXPECT_TRUE(two.See(With(fenced({"a"}), "complete", false)));
  EXPECT_FALSE(TwoOperators(true).See(fenced({"a"})));
  EXPECT_TRUE(two.See(fenced({"a", "b"})));
  EXPECT_TRUE(two.See(fenced({"c"})));                  // it is fenced
  EXPECT_TRUE(TwoOperators(false).See(fenced({"c"})));  // perhaps before the range
  // The copy that a recovery began with was.
  TwoOperators recovered(true);
  EXPECT_TRUE(recovered.See(With(Entry("operator", "recover", {"a", "b"}), "fenced", true)));
  EXPECT_TRUE(recovered.See(fenced({"c"})));
}

}  // namespace
}  // namespace acb::verify
