#include "firmware/duis/markup.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

namespace acb::duis {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kCdata = "<![CDATA[";

Failure Malformed(std::string explanation) {
  return Failure{Reason::kMalformed, std::move(explanation)};
}

std::string AtOctet(std::size_t at) { return " (octet " + std::to_string(at) + ")"; }

bool SameButForCase(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

// The octets of the UTF-8 sequence at the front, 0 when it is none: Unicode 15 table 3-7, which
// leaves out overlong forms, surrogates and what is above U+10FFFF. NUL is no XML character.
std::size_t SequenceLength(BytesView at) {
  const auto in = [&](std::size_t i, int low, int high) {
    return i < at.size() && at[i] >= low && at[i] <= high;
  };
  const std::uint8_t first = at[0];
  if (first == 0) return 0;
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return in(1, 0x80, 0xBF) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const int low = first == 0xE0 ? 0xA0 : 0x80;
    const int high = first == 0xED ? 0x9F : 0xBF;
    return in(1, low, high) && in(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const int low = first == 0xF0 ? 0x90 : 0x80;
    const int high = first == 0xF4 ? 0x8F : 0xBF;
    return in(1, low, high) && in(2, 0x80, 0xBF) && in(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

// At the front, of octets that are ASCII and not NUL, in steps of a word: most of what is read is.
std::size_t PlainAscii(BytesView octets) {
  constexpr std::uint64_t kHigh = 0x8080808080808080;
  constexpr std::uint64_t kLow = 0x0101010101010101;
  std::size_t at = 0;
  std::uint64_t word = 0;
  for (; octets.size() - at >= sizeof word; at += sizeof word) {
    std::memcpy(&word, octets.data() + at, sizeof word);
    // An octet below 0x80 has its high bit after the subtraction only when it was NUL.
    if (((word | (word - kLow)) & kHigh) != 0) break;
  }
  return at;
}

Status CheckUtf8(BytesView octets) {
  for (std::size_t at = PlainAscii(octets); at < octets.size();) {
    const std::size_t length = SequenceLength(octets.subspan(at));
    if (length == 0) return Malformed("the document is not UTF-8 without NUL" + AtOctet(at));
    at += length;
  }
  return Done{};
}

class Scan {
 public:
  Scan(std::string_view text, const ParseLimits& limits) : text_(text), limits_(limits) {}

  Status Run() {
    if (text_.starts_with(kByteOrderMark)) at_ = kByteOrderMark.size();
    if (auto declared = Declaration(); !declared) return declared.error();
    while (at_ < text_.size()) {
      const std::size_t next = std::min(text_.find('<', at_), text_.size());
      if (auto fits = AddText(next - at_); !fits) return fits.error();
      at_ = next;
      if (at_ == text_.size()) break;
      if (auto good = Markup(); !good) return good.error();
    }
    if (elements_ == 0) return Malformed("the document has no element");
    return Done{};
  }

 private:
  bool At(std::string_view what) const { return text_.substr(at_).starts_with(what); }

  Status AddText(std::size_t octets) {
    run_ += octets;
    if (run_ <= limits_.text) return Done{};
    return Malformed("an element has more text than " + std::to_string(limits_.text) + " octets" +
                     AtOctet(at_));
  }

  // <?xml version="1.0" encoding="UTF-8" standalone="yes"?>, each but the first optional. libxml2
  // checks their order.
  Status Declaration() {
    if (!At("<?xml") || at_ + 5 >= text_.size() ||
        kBlanks.find(text_[at_ + 5]) == std::string_view::npos)
      return Done{};
    at_ += 5;
    while (!At("?>")) {
      const std::size_t begin = std::min(text_.find_first_not_of(kBlanks, at_), text_.size());
      at_ = begin;
      if (At("?>")) break;
      const std::size_t open = text_.find_first_of("\"'", begin);
      if (open == std::string_view::npos) return Malformed("the XML declaration has no end");
      const std::size_t close = text_.find(text_[open], open + 1);
      if (close == std::string_view::npos) return Malformed("the XML declaration has no end");
      const std::string_view name =
          text_.substr(begin, text_.find_first_of(" \t\r\n=", begin) - begin);
      const std::string_view value = text_.substr(open + 1, close - open - 1);
      if (name == "version" && value != "1.0") return Malformed("only XML 1.0 is accepted");
      // The signature is over UTF-8, and one encoding leaves nothing to interpret.
      if (name == "encoding" && !SameButForCase(value, "UTF-8")) {
        return Malformed("only the encoding UTF-8 is accepted");
      }
      at_ = close + 1;
    }
    at_ += 2;
    return Done{};
  }

  Status Markup() {
    if (At(kCdata)) return Cdata();
    // Comments are not signed and split text in two (duis-6.21.md 4.1, trap 3).
    if (At("<!--")) return Malformed("comments are not accepted" + AtOctet(at_));
    // duis-6.21.md 4.1, trap 4.
    if (At("<!DOCTYPE")) return Malformed("a DOCTYPE is not accepted" + AtOctet(at_));
    if (At("<!")) return Malformed("declarations are not accepted" + AtOctet(at_));
    if (At("<?")) return Malformed("processing instructions are not accepted" + AtOctet(at_));
    run_ = 0;
    return Tag();
  }

  Status Cdata() {
    const std::size_t end = text_.find("]]>", at_);
    if (end == std::string_view::npos)
      return Malformed("a CDATA section has no end" + AtOctet(at_));
    const std::size_t length = end - at_;
    at_ = end + 3;
    return AddText(length);
  }

  Status Tag() {
    const std::size_t begin = at_;
    char quote = 0;
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (at_ - begin > limits_.tag) {
        return Malformed("a tag is longer than " + std::to_string(limits_.tag) + " octets" +
                         AtOctet(begin));
      }
      if (c == '<') return Malformed("'<' inside a tag" + AtOctet(at_));
      if (quote != 0) {
        if (c == quote) quote = 0;
      } else if (c == '"' || c == '\'') {
        quote = c;
        ++attributes_;
      } else if (c == '>') {
        return EndOfTag(text_.substr(begin, at_++ - begin), begin);
      }
    }
    return Malformed("the document ends inside a tag" + AtOctet(begin));
  }

  Status EndOfTag(std::string_view tag, std::size_t begin) {
    if (attributes_ > limits_.attributes) {
      return Malformed("more than " + std::to_string(limits_.attributes) + " attributes" +
                       AtOctet(begin));
    }
    if (tag.starts_with("</")) {
      if (depth_ == 0) return Malformed("an end tag without start" + AtOctet(begin));
      --depth_;
      return Done{};
    }
    if (++elements_ > limits_.elements) {
      return Malformed("more than " + std::to_string(limits_.elements) + " elements" +
                       AtOctet(begin));
    }
    if (depth_ + 1 > limits_.depth) {
      return Malformed("elements nested deeper than " + std::to_string(limits_.depth) +
                       AtOctet(begin));
    }
    if (!tag.ends_with('/')) ++depth_;
    return Done{};
  }

  std::string_view text_;
  const ParseLimits& limits_;
  std::size_t at_ = 0;
  std::size_t run_ = 0;  // octets of text since the last tag
  std::size_t depth_ = 0;
  std::size_t elements_ = 0;
  std::size_t attributes_ = 0;
};

}  // namespace

Status CheckMarkup(BytesView octets, const ParseLimits& limits) {
  if (octets.size() > limits.octets) {
    return Failure{Reason::kTooLarge, "the document has " + std::to_string(octets.size()) +
                                          " octets, the limit is " + std::to_string(limits.octets)};
  }
  if (auto utf8 = CheckUtf8(octets); !utf8) return utf8.error();
  return Scan(AsText(octets), limits).Run();
}

}  // namespace acb::duis
