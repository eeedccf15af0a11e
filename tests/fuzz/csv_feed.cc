// One CSV feed, as an import reads it. Compiled once for each feed (tests/fuzz/CMakeLists.txt),
// with ACB_FEED_HEADER its header, ACB_FEED_COLUMNS and ACB_FEED_PARSE its functions.
#include ACB_FEED_HEADER

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using acb::fuzz::Require;
  auto reader =
      acb::feeds::CsvReader::Open(acb::fuzz::Text({data, size}), acb::feeds::ACB_FEED_COLUMNS());
  if (!reader) {
    Require(reader.error().reason == acb::Reason::kFeedRejected, "refused as FEED_REJECTED");
    return 0;
  }
  // Each row, good or bad, takes octets: an import ends.
  for (std::size_t rows = 0;; ++rows) {
    Require(rows <= size, "no more rows than octets");
    const auto row = reader->Next();
    if (!row) {
      Require(row.error().reason == acb::Reason::kFeedRejected, "refused as FEED_REJECTED");
      continue;
    }
    if (!*row) return 0;
    const auto record = acb::feeds::ACB_FEED_PARSE(**row);
    if (record) continue;
    Require(
        record.error().reason == acb::Reason::kFeedRejected && !record.error().explanation.empty(),
        "a bad row is refused as FEED_REJECTED, with its column");
  }
}
