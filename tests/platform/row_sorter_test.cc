#include "platform/row_sorter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/platform/test_pki.h"

namespace acb::platform {
namespace {

using acb::testing::TemporaryDirectory;

class Sorting : public ::testing::Test {
 protected:
  // The rows as they come out, each as (id, line, text).
  struct Row {
    std::uint64_t id;
    std::uint64_t line;
    std::string text;
    friend auto operator<=>(const Row&, const Row&) = default;
  };
  std::vector<Row> Merged() {
    for (RowSorter& sorter : sorters_) EXPECT_TRUE(sorter.Finish());
    RowMerger merger(sorters_);
    std::vector<Row> rows;
    while (true) {
      const auto row = merger.Next();
      EXPECT_TRUE(row);
      if (!row || !row->has_value()) return rows;
      rows.push_back({(*row)->key.id, (*row)->key.line, std::string(AsText((*row)->octets))});
    }
  }
  void Add(std::size_t sorter, const Row& row) {
    EXPECT_TRUE(sorters_[sorter].Add({row.id, row.line}, AsBytes(row.text)));
  }

  TemporaryDirectory directory_;
  std::vector<RowSorter> sorters_;
};

TEST_F(Sorting, MergesManyRunsOfSeveralSortersInOrderOfKeyAndLine) {
  constexpr std::size_t kSmallRun = 64 * 1024;
  for (int i = 0; i < 2; ++i) sorters_.emplace_back(directory_.path(), kSmallRun);
  std::mt19937 random(1);
  std::vector<Row> rows;
  for (std::uint64_t line = 2; line < 20'000; ++line) {
    rows.push_back(
        {random() % 15'000, line, std::string(random() % 60, 'r') + std::to_string(line)});
    Add(line % 2, rows.back());
  }
  std::ranges::sort(rows);
  EXPECT_EQ(Merged(), rows);
}

TEST_F(Sorting, GivesTheLargestRowWholeAndRefusesALargerOne) {
  sorters_.emplace_back(directory_.path());
  const Bytes row(kMaxSortedRow + 1, 7);
  EXPECT_FALSE(sorters_[0].Add({1, 2}, row));
  for (std::uint64_t line = 0; line < 500; ++line) {
    EXPECT_TRUE(sorters_[0].Add({1, line}, BytesView(row).first(kMaxSortedRow)));
  }
  const auto rows = Merged();
  ASSERT_EQ(rows.size(), 500u);
  EXPECT_EQ(rows[499].text, std::string(kMaxSortedRow, 7));
}

TEST_F(Sorting, OfNothingGivesNothing) {
  sorters_.emplace_back(directory_.path());
  sorters_.emplace_back(directory_.path());
  EXPECT_TRUE(Merged().empty());
}

TEST_F(Sorting, LeavesNoNameInTheDirectoryAndNeedsIt) {
  sorters_.emplace_back(directory_.path());
  Add(0, {1, 2, "x"});
  EXPECT_EQ(Merged().size(), 1u);
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
  RowSorter nowhere(directory_.path() / "missing");
  EXPECT_TRUE(nowhere.Add({1, 2}, AsBytes("x")));
  const auto finished = nowhere.Finish();
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().reason, Reason::kStoreUnavailable);
}

}  // namespace
}  // namespace acb::platform
