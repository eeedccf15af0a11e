// Comma-separated values with a header row (RFC 4180), read in one pass over the octets of a file.
#pragma once

#include <cstdint>
#include <forward_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/base/result.h"

namespace acb::feeds {

inline constexpr std::size_t kMaxFieldOctets = 8192;  // a certificate in base64 takes some 600

// One row: its line in the file (from 1, the header's is 1) and its fields by column name. One
// thread.
class CsvRow {
 public:
  std::uint64_t line() const { return line_; }
  // The file must have the column; asking for another is a bug.
  std::string_view Get(std::string_view column) const;
  // Whether the file has it: to be asked first of an optional one.
  bool Has(std::string_view column) const;

 private:
  friend class CsvReader;
  const std::vector<std::string>* columns_ = nullptr;
  std::vector<std::string_view> fields_;   // into the text, or into quoted_
  std::forward_list<std::string> quoted_;  // stay where they are when the row is moved
  mutable std::size_t next_ = 0;           // behind the column that was asked for last
  std::uint64_t line_ = 0;
};

// Rows end with LF or CR LF. A field may be quoted; a quote inside is doubled. The header must name
// exactly the wanted columns, in any order; an optional one may be left out. Octets of value 0 are
// refused. Not thread-safe. `text` and the reader must outlive the rows.
class CsvReader {
 public:
  // kFeedRejected when the header is missing or names other columns.
  static Result<CsvReader> Open(std::string_view text, const std::vector<std::string>& columns,
                                const std::vector<std::string>& optional = {});

  // The next row; nothing at the end. kFeedRejected: the row is not CSV or has another number of
  // fields; the explanation does not name the line, line() does. Reading may go on after it.
  Result<std::optional<CsvRow>> Next();
  // Whether the file has that column.
  bool Has(std::string_view column) const;
  // Of the row that Next() looked at last.
  std::uint64_t line() const { return row_line_; }

  // What was not read yet, and the line of the file that it begins with.
  std::string_view rest() const { return rest_; }
  std::uint64_t next_line() const { return next_line_; }
  // A reader of a part of the rest, which begins at the start of a row and at that line of the
  // file.
  CsvReader Part(std::string_view part, std::uint64_t line) const;

 private:
  explicit CsvReader(std::string_view text) : rest_(text) {}
  struct Fields {
    std::vector<std::string_view> all;
    std::forward_list<std::string> quoted;
  };
  Result<Fields> ReadFields();
  bool TakePlainRow(Fields& fields);
  Status ReadField(Fields& fields, bool& end_of_row);
  Result<std::string> ReadQuoted();
  std::string_view TakePlain();
  void SkipLine();

  std::string_view rest_;
  std::vector<std::string> columns_;  // as the file orders them
  std::uint64_t next_line_ = 1;
  std::uint64_t row_line_ = 0;
};

}  // namespace acb::feeds
