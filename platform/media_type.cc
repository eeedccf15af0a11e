#include "platform/media_type.h"

#include <algorithm>
#include <string>
#include <vector>

#include "firmware/base/ascii.h"

namespace acb::platform {
namespace {

constexpr std::size_t kMaxRanges = 32;
constexpr int kWholeQuality = 1000;  // q in thousandths

struct Range {
  std::string type;  // "application/xml", "application/*", "*/*", lower case
  int quality = kWholeQuality;
};

std::string_view Trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// What stands before `separator`; `text` moves on behind it.
std::string_view TakeUntil(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return Trim(part);
}

// RFC 9110 section 12.4.2: "0", "0.5", "1.000"; at most three decimals.
std::optional<int> Quality(std::string_view text) {
  constexpr std::size_t kLongest = 5;
  if (text.empty() || text.size() > kLongest || (text.front() != '0' && text.front() != '1')) {
    return std::nullopt;
  }
  int value = (text.front() - '0') * kWholeQuality;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  int unit = kWholeQuality;
  for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (c < '0' || c > '9') return std::nullopt;
    unit /= 10;
    value += (c - '0') * unit;
  }
  if (value > kWholeQuality) return std::nullopt;
  return value;
}

std::optional<Range> ParseRange(std::string_view text) {
  Range range{LowerCase(TakeUntil(text, ';'))};
  if (range.type.find('/') == std::string::npos) return std::nullopt;
  while (!text.empty()) {
    // Other parameters (charset, version) do not tell our forms apart.
    std::string_view parameter = TakeUntil(text, ';');
    if (LowerCase(TakeUntil(parameter, '=')) != "q") continue;
    const auto quality = Quality(Trim(parameter));
    if (!quality) return std::nullopt;
    range.quality = *quality;
  }
  return range;
}

// Nothing when it is malformed.
std::vector<Range> ParseAccept(std::string_view text) {
  std::vector<Range> ranges;
  while (!text.empty()) {
    const std::string_view element = TakeUntil(text, ',');
    if (element.empty()) continue;  // RFC 9110 section 5.6.1.2: empty elements are passed over
    auto range = ParseRange(element);
    if (!range || ranges.size() == kMaxRanges) return {};
    ranges.push_back(*std::move(range));
  }
  return ranges;
}

// 3: the type by name; 2: "application/*"; 1: "*/*"; 0: not at all.
int Precision(const Range& range, std::string_view type) {
  if (range.type == type) return 3;
  if (range.type == "*/*") return 1;
  const std::string_view group = type.substr(0, type.find('/') + 1);
  return range.type == std::string(group) + "*" ? 2 : 0;
}

struct Rank {
  int quality = 0;
  int precision = 0;
  auto operator<=>(const Rank&) const = default;
};

// The most precise range counts, whatever the others say.
Rank RankOf(std::string_view type, const std::vector<Range>& ranges) {
  Rank rank;
  for (const Range& range : ranges) {
    const int precision = Precision(range, type);
    if (precision > rank.precision) rank = {range.quality, precision};
  }
  return rank;
}

// "utf-8" of "\"utf-8\"". What a quoted text may escape is in no charset's name.
std::string_view Unquoted(std::string_view text) {
  const bool quoted = text.size() > 1 && text.front() == '"' && text.back() == '"';
  return quoted ? text.substr(1, text.size() - 2) : text;
}

}  // namespace

std::string_view ChooseMediaType(std::optional<std::string_view> accept,
                                 std::span<const std::string_view> offered) {
  std::string_view chosen = offered.front();
  if (!accept) return chosen;
  const std::vector<Range> ranges = ParseAccept(*accept);
  Rank best = RankOf(chosen, ranges);
  for (const std::string_view type : offered.subspan(1)) {
    const Rank rank = RankOf(type, ranges);
    if (rank.quality == 0 || rank <= best) continue;
    best = rank;
    chosen = type;
  }
  return chosen;
}

std::optional<std::string> ListHeader(const std::vector<HttpHeader>& headers,
                                      std::string_view name) {
  std::optional<std::string> list;
  for (const HttpHeader& header : headers) {
    if (!SameIgnoringCase(header.name, name)) continue;
    list = list ? *list + ", " + header.value : header.value;
  }
  return list;
}

bool NamesAnotherCharset(std::string_view content_type) {
  const std::string type = LowerCase(TakeUntil(content_type, ';'));
  const bool csv = type.ends_with("csv");
  if (!csv && !type.ends_with("xml") && !type.ends_with("json")) return false;
  while (!content_type.empty()) {
    std::string_view parameter = TakeUntil(content_type, ';');
    if (LowerCase(TakeUntil(parameter, '=')) != "charset") continue;
    const std::string charset = LowerCase(Unquoted(Trim(parameter)));
    // RFC 4180 section 3 has US-ASCII as the usual one of CSV: each such text is UTF-8 too.
    if (charset != "utf-8" && !(csv && charset == "us-ascii")) return true;
  }
  return false;
}

}  // namespace acb::platform
