// A feed that is a table of rows, and the good rows of a file of it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "firmware/feeds/csv.h"
#include "firmware/records.h"
#include "platform/feed_answers.h"
#include "store/store.h"

namespace acb::platform {

template <class Row>
struct TableFeed {
  Feed feed;
  const std::vector<std::string>& (*columns)();
  Result<Row> (*parse)(const feeds::CsvRow&);
  Result<store::ImportOutcome> (store::Store::*import)(const std::vector<Row>&,
                                                       const audit::Entry&);
  std::size_t most;  // rows in a file: they are held in memory
  // What a row is known by: nobody could say which of two rows of a file is meant.
  std::string (*key)(const Row&);
  // Where two rows of one key may stand in a file when they say the same: whether they do.
  bool (*same)(const Row&, const Row&) = nullptr;
  bool replaces = false;  // the table becomes what the file says
};

// One thread. Beside a row itself 16 octets are held, whatever its key is: files have up to 200
// million rows.
template <class Row>
class TableRows {
 public:
  explicit TableRows(const TableFeed<Row>& feed) : feed_(feed) {}

  // `line`: of the file. kFeedRejected: it is one row too many.
  Status Take(Row row, std::uint64_t line) {
    if (rows_.size() == std::min<std::size_t>(feed_.most, kMostPlaces)) {
      return Failure(Reason::kFeedRejected,
                     "the file has more than " + std::to_string(feed_.most) + " rows");
    }
    const auto hash = static_cast<std::uint32_t>(std::hash<std::string>()(feed_.key(row)));
    places_.push_back({line, static_cast<std::uint32_t>(rows_.size()), hash});
    rows_.push_back(std::move(row));
    return Done{};
  }

  // After the last: the rows whose key an earlier one has are rejects, and no rows any more.
  void RejectTwins(Rejects& rejects) {
    std::ranges::sort(places_, [](const Place& a, const Place& b) {
      return a.hash != b.hash ? a.hash < b.hash : a.row < b.row;
    });
    std::vector<std::uint32_t> twins;
    for (auto run = places_.begin(); run != places_.end();) {
      const auto end = std::find_if(run, places_.end(),
                                    [&](const Place& place) { return place.hash != run->hash; });
      if (end - run > 1) RejectTwinsOf({run, end}, rejects, twins);
      run = end;
    }
    places_ = {};
    Drop(std::move(twins));
  }

  const std::vector<Row>& rows() const { return rows_; }

 private:
  struct Place {
    std::uint64_t line = 0;
    std::uint32_t row = 0;   // in rows_
    std::uint32_t hash = 0;  // of its key
  };
  static constexpr std::size_t kMostPlaces = std::numeric_limits<std::uint32_t>::max();

  // `run`: of one hash, in the order of the file. The keys themselves decide.
  void RejectTwinsOf(std::span<const Place> run, Rejects& rejects,
                     std::vector<std::uint32_t>& twins) const {
    std::map<std::string, std::uint32_t> first;
    for (const Place& place : run) {
      const auto [earlier, none] = first.try_emplace(feed_.key(rows_[place.row]), place.row);
      if (none || (feed_.same && feed_.same(rows_[earlier->second], rows_[place.row]))) continue;
      rejects.Add(place.line, "an earlier row is for the same: " + earlier->first);
      twins.push_back(place.row);
    }
  }

  void Drop(std::vector<std::uint32_t> twins) {
    std::ranges::sort(twins);
    auto twin = twins.begin();
    std::size_t kept = 0;
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      if (twin != twins.end() && *twin == row) {
        ++twin;
      } else {
        if (kept != row) rows_[kept] = std::move(rows_[row]);
        ++kept;
      }
    }
    rows_.erase(rows_.begin() + static_cast<std::ptrdiff_t>(kept), rows_.end());
  }

  const TableFeed<Row>& feed_;
  std::vector<Place> places_;
  std::vector<Row> rows_;
};

}  // namespace acb::platform
