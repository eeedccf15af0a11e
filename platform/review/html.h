// HTML text: what the program writes as markup, and what is data, which is always escaped.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace acb::review {

// Not thread-safe.
class Html {
 public:
  // Markup can only be a literal of the program: data cannot become one by mistake.
  struct Literal {
    consteval Literal(const char* markup) : text(markup) {}
    std::string_view text;
  };

  Html& Raw(Literal markup) {
    text_.append(markup.text);
    return *this;
  }
  // For element content and for attribute values in double quotes.
  Html& Text(std::string_view data);
  // "1,234,567"
  Html& Number(std::uint64_t number);
  // What another Html holds.
  Html& Add(const Html& other) {
    text_.append(other.text_);
    return *this;
  }

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// The value of a query parameter in a link: all but unreserved octets as %XX (RFC 3986).
std::string PercentEncoded(std::string_view value);

}  // namespace acb::review
