// One row of a feed, parsed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "firmware/feeds/csv.h"

namespace acb::feeds {

template <class T>
Result<T> One(const std::function<Result<T>(const CsvRow&)>& parse,
              const std::vector<std::string>& columns, const std::string& line) {
  std::string header;
  for (const std::string& column : columns) header += (header.empty() ? "" : ",") + column;
  const std::string text = header + "\n" + line + "\n";
  auto reader = CsvReader::Open(text, columns);
  auto row = reader->Next();
  return parse(**row);
}

template <class T>
Result<T> One(Result<T> (*parse)(const CsvRow&), const std::vector<std::string>& columns,
              const std::string& line) {
  return One<T>(std::function<Result<T>(const CsvRow&)>(parse), columns, line);
}

}  // namespace acb::feeds
