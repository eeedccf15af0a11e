#include "firmware/feeds/csv.h"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace acb::feeds {
namespace {

Failure Rejected(std::string why) { return Failure(Reason::kFeedRejected, std::move(why)); }

// Octets that decide something in a field without quotes.
constexpr std::array<bool, 256> kSpecial = [] {
  std::array<bool, 256> special{};
  for (const char c : {',', '\n', '\r', '"', '\0'}) special[static_cast<std::uint8_t>(c)] = true;
  return special;
}();

std::string Joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

}  // namespace

std::string_view CsvRow::Get(std::string_view column) const {
  const auto found = std::ranges::find(*columns_, column);
  if (found == columns_->end()) std::abort();
  return fields_[static_cast<std::size_t>(found - columns_->begin())];
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
  std::vector<std::string> named = *header;
  std::vector<std::string> wanted = columns;
  for (const std::string& column : optional) {
    if (std::ranges::find(named, column) != named.end()) wanted.push_back(column);
  }
  std::ranges::sort(named);
  std::ranges::sort(wanted);
  if (named != wanted) {
    const std::string may = optional.empty() ? "" : " and may name " + Joined(optional);
    return Rejected("the header must name the columns " + Joined(columns) + may + "; it names " +
                    Joined(*header).substr(0, 300));
  }
  reader.columns_ = *std::move(header);
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
  if (fields->size() != columns_.size()) {
    return Rejected("the row has " + std::to_string(fields->size()) + " fields, the header " +
                    std::to_string(columns_.size()));
  }
  CsvRow row;
  row.columns_ = &columns_;
  row.fields_ = *std::move(fields);
  row.line_ = row_line_;
  return std::optional<CsvRow>(std::move(row));
}

Result<std::vector<std::string>> CsvReader::ReadFields() {
  row_line_ = next_line_;
  std::vector<std::string> fields;
  for (bool end_of_row = false; !end_of_row;) {
    auto field = ReadField(end_of_row);
    if (!field) {
      SkipLine();
      return std::move(field).error();
    }
    fields.push_back(*std::move(field));
    constexpr std::size_t kMaxFields = 64;
    if (fields.size() > kMaxFields) {
      SkipLine();
      return Rejected("the row has more than " + std::to_string(kMaxFields) + " fields");
    }
  }
  return fields;
}

void CsvReader::SkipLine() {
  const std::size_t end = rest_.find('\n');
  rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
  ++next_line_;
}

// What of an unquoted field is neither its end nor wrong, at one go: most of a file is that.
void CsvReader::TakePlain(std::string& field) {
  std::size_t plain = 0;
  const std::size_t most = std::min(rest_.size(), kMaxFieldOctets);
  while (plain < most && !kSpecial[static_cast<std::uint8_t>(rest_[plain])]) ++plain;
  field = rest_.substr(0, plain);
  rest_.remove_prefix(plain);
}

Result<std::string> CsvReader::ReadField(bool& end_of_row) {
  std::string field;
  const bool quoted = rest_.starts_with('"');
  if (quoted) rest_.remove_prefix(1);
  bool open = quoted;
  if (!quoted) TakePlain(field);
  while (!rest_.empty()) {
    const char c = rest_.front();
    if (c == '\0') return Rejected("the row has an octet of value 0");
    if (field.size() > kMaxFieldOctets) return Rejected("a field is longer than 8192 octets");
    if (open) {
      rest_.remove_prefix(1);
      if (c == '\n') ++next_line_;
      if (c != '"') {
        field.push_back(c);
      } else if (rest_.starts_with('"')) {
        field.push_back('"');
        rest_.remove_prefix(1);
      } else {
        open = false;
      }
      continue;
    }
    if (c == ',') {
      rest_.remove_prefix(1);
      return field;
    }
    if (c == '\n' || rest_.starts_with("\r\n")) {
      rest_.remove_prefix(c == '\n' ? 1 : 2);
      ++next_line_;
      end_of_row = true;
      return field;
    }
    if (quoted || c == '"') return Rejected("a quote stands where none may");
    field.push_back(c);
    rest_.remove_prefix(1);
  }
  if (open) return Rejected("a quoted field does not end");
  end_of_row = true;
  return field;
}

}  // namespace acb::feeds
