#include "firmware/feeds/csv.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "firmware/base/utf8.h"

namespace acb::feeds {
namespace {

Failure Rejected(std::string_view why) { return Failure(Reason::kFeedRejected, std::string(why)); }

// Octets that decide something in a field without quotes.
constexpr std::array<bool, 256> kSpecial = [] {
  std::array<bool, 256> special{};
  for (const char c : {',', '\n', '\r', '"', '\0'}) special[static_cast<std::uint8_t>(c)] = true;
  return special;
}();

constexpr std::size_t kMaxFields = 64;
constexpr std::string_view kZeroOctet = "the row has an octet of value 0";
constexpr std::string_view kTooLong = "a field is longer than 8192 octets";

std::string Joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

}  // namespace

std::string_view CsvRow::Get(std::string_view column) const {
  const std::vector<std::string>& columns = *columns_;
  // Rows are mostly read in the order of their columns.
  for (std::size_t i = 0; i < columns.size(); ++i, ++next_) {
    if (next_ >= columns.size()) next_ = 0;
    if (columns[next_] == column) return fields_[next_];
  }
  std::abort();
}

bool CsvRow::Has(std::string_view column) const {
  return std::ranges::find(*columns_, column) != columns_->end();
}

bool CsvReader::Has(std::string_view column) const {
  return std::ranges::find(columns_, column) != columns_.end();
}

Result<CsvReader> CsvReader::Open(std::string_view text, const std::vector<std::string>& columns,
                                  const std::vector<std::string>& optional) {
  constexpr std::string_view kUtf8ByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kUtf8ByteOrderMark)) text.remove_prefix(kUtf8ByteOrderMark.size());
  CsvReader reader(text);
  if (text.empty()) return Rejected("the file is empty: it needs the header " + Joined(columns));
  auto header = reader.ReadFields();
  if (!header) return std::move(header).error();
  const std::vector<std::string> columns_named(header->all.begin(), header->all.end());
  std::vector<std::string> named = columns_named;
  std::vector<std::string> wanted = columns;
  for (const std::string& column : optional) {
    if (std::ranges::find(named, column) != named.end()) wanted.push_back(column);
  }
  std::ranges::sort(named);
  std::ranges::sort(wanted);
  if (named != wanted) {
    const std::string may = optional.empty() ? "" : " and may name " + Joined(optional);
    return Rejected("the header must name the columns " + Joined(columns) + may + "; it names " +
                    std::string(Utf8Prefix(Joined(columns_named), 300)));
  }
  reader.columns_ = columns_named;
  return reader;
}

CsvReader CsvReader::Part(std::string_view part, std::uint64_t line) const {
  CsvReader reader(part);
  reader.columns_ = columns_;
  reader.next_line_ = line;
  return reader;
}

Result<std::optional<CsvRow>> CsvReader::Next() {
  // An empty line, the usual one at the end of a file, is no row.
  while (rest_.starts_with('\n') || rest_.starts_with("\r\n")) SkipLine();
  if (rest_.empty()) return std::optional<CsvRow>();
  auto fields = ReadFields();
  if (!fields) return std::move(fields).error();
  if (fields->all.size() != columns_.size()) {
    return Rejected("the row has " + std::to_string(fields->all.size()) + " fields, the header " +
                    std::to_string(columns_.size()));
  }
  CsvRow row;
  row.columns_ = &columns_;
  row.fields_ = std::move(fields->all);
  row.quoted_ = std::move(fields->quoted);
  row.line_ = row_line_;
  return std::optional<CsvRow>(std::move(row));
}

Result<CsvReader::Fields> CsvReader::ReadFields() {
  constexpr std::size_t kUsualFields = 16;
  row_line_ = next_line_;
  Fields fields;
  fields.all.reserve(kUsualFields);
  if (TakePlainRow(fields)) return fields;
  for (bool end_of_row = false; !end_of_row;) {
    if (auto read = ReadField(fields, end_of_row); !read) {
      SkipLine();
      return std::move(read).error();
    }
    if (fields.all.size() > kMaxFields) {
      if (!end_of_row) SkipLine();
      return Rejected("the row has more than " + std::to_string(kMaxFields) + " fields");
    }
  }
  return fields;
}

// A row that a comma and a line end say all about, as nearly every one: no quote, no octet 0, no
// field or row beyond its limit. Any other is left to be read, or refused, field by field.
bool CsvReader::TakePlainRow(Fields& fields) {
  const std::size_t end = rest_.find('\n');
  if (end == std::string_view::npos) return false;
  std::string_view row = rest_.substr(0, end);
  if (row.find('"') != std::string_view::npos || row.find('\0') != std::string_view::npos) {
    return false;
  }
  if (row.ends_with('\r')) row.remove_suffix(1);
  for (std::size_t comma = row.find(','); comma != std::string_view::npos; comma = row.find(',')) {
    fields.all.push_back(row.substr(0, comma));
    row.remove_prefix(comma + 1);
  }
  fields.all.push_back(row);
  const bool fits = fields.all.size() <= kMaxFields &&
                    std::ranges::all_of(fields.all, [](std::string_view field) {
                      return field.size() <= kMaxFieldOctets;
                    });
  if (!fits) {
    fields.all.clear();
    return false;
  }
  rest_.remove_prefix(end + 1);
  ++next_line_;
  return true;
}

void CsvReader::SkipLine() {
  const std::size_t end = rest_.find('\n');
  rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
  ++next_line_;
}

// An unquoted field, up to what is its end or wrong, at one go: most of a file is that.
std::string_view CsvReader::TakePlain() {
  std::size_t plain = 0;
  const std::size_t most = std::min(rest_.size(), kMaxFieldOctets + 1);
  for (; plain < most; ++plain) {
    if (!kSpecial[static_cast<std::uint8_t>(rest_[plain])]) continue;
    const bool lone_return = rest_[plain] == '\r' && !rest_.substr(plain).starts_with("\r\n");
    if (!lone_return) break;
  }
  const std::string_view field = rest_.substr(0, plain);
  rest_.remove_prefix(plain);
  return field;
}

// The text between the quotes, which go with it.
Result<std::string> CsvReader::ReadQuoted() {
  std::string field;
  rest_.remove_prefix(1);
  while (!rest_.empty()) {
    const char c = rest_.front();
    if (c == '\0') return Rejected(kZeroOctet);
    if (field.size() > kMaxFieldOctets) return Rejected(kTooLong);
    rest_.remove_prefix(1);
    if (c == '\n') ++next_line_;
    if (c == '"') {
      if (!rest_.starts_with('"')) return field;
      rest_.remove_prefix(1);
    }
    field.push_back(c);
  }
  return Rejected("a quoted field does not end");
}

Status CsvReader::ReadField(Fields& fields, bool& end_of_row) {
  if (rest_.starts_with('"')) {
    auto text = ReadQuoted();
    if (!text) return std::move(text).error();
    fields.quoted.push_front(*std::move(text));
    fields.all.push_back(fields.quoted.front());
  } else {
    fields.all.push_back(TakePlain());
  }
  end_of_row = true;
  if (rest_.empty()) return Done{};
  const char c = rest_.front();
  if (c == '\0') return Rejected(kZeroOctet);
  if (fields.all.back().size() > kMaxFieldOctets) return Rejected(kTooLong);
  if (c == '\n' || rest_.starts_with("\r\n")) {
    rest_.remove_prefix(c == '\n' ? 1 : 2);
    ++next_line_;
    return Done{};
  }
  if (c != ',') return Rejected("a quote stands where none may");
  rest_.remove_prefix(1);
  end_of_row = false;
  return Done{};
}

}  // namespace acb::feeds
