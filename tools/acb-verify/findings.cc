#include "tools/acb-verify/findings.h"

#include <algorithm>
#include <boost/json.hpp>

#include "firmware/base/utf8.h"

namespace acb::verify {
namespace {

// In the order of the lines.
constexpr const char* kFacts[] = {"origin", "environment", "redaction", "index",     "first",
                                  "end",    "tree_size",   "root",      "key_sha256"};

std::string InWords(const Finding& finding) {
  return finding.index ? "entry " + std::to_string(*finding.index) + ": " + finding.what
                       : finding.what;
}

boost::json::object InMembers(const Finding& finding) {
  boost::json::object members{{"what", finding.what}};
  if (finding.index) members["index"] = std::to_string(*finding.index);
  return members;
}

// \uXXXX of one UTF-16 code unit.
void AppendEscape(std::string& out, std::uint32_t unit) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += "\\u";
  for (const unsigned shift : {12U, 8U, 4U, 0U}) out += kDigits[(unit >> shift) & 0xFU];
}

// The code point of a well-formed sequence of `length` octets.
std::uint32_t CodePoint(std::string_view sequence) {
  const std::size_t length = sequence.size();
  const auto first = static_cast<unsigned char>(sequence.front());
  std::uint32_t point = length == 1 ? first : first & (0xFFU >> (length + 1));
  for (const char c : sequence.substr(1)) {
    point = (point << 6U) | (static_cast<unsigned char>(c) & 0x3FU);
  }
  return point;
}

std::string Verdict(const Findings& findings) {
  if (const Finding* first = findings.first()) {
    return "FAILED: " + std::to_string(findings.failures()) + " finding(s); the first " +
           (first->index ? "entry that fails: " : "one: ") + InWords(*first);
  }
  std::string verdict = "VERIFIED";
  for (const std::string& what : findings.provided()) {
    verdict.append(verdict.ends_with("VERIFIED") ? ", provided that " : ", and that ").append(what);
  }
  return verdict;
}

}  // namespace

std::string Printable(std::string_view text) {
  constexpr std::uint32_t kFirstPair = 0x10000;
  std::string out;
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(Utf8Length(text), 1);
    const std::uint32_t point = CodePoint(text.substr(0, length));
    text.remove_prefix(length);
    if (point >= ' ' && point <= '~') {
      out += static_cast<char>(point);
    } else if (point < kFirstPair) {
      AppendEscape(out, point);
    } else {
      AppendEscape(out, 0xD800 + ((point - kFirstPair) >> 10U));
      AppendEscape(out, 0xDC00 + ((point - kFirstPair) & 0x3FFU));
    }
  }
  return out;
}

void Findings::Add(Finding finding) {
  ++failures_;
  if (finding.index && (!least_ || *finding.index < *least_->index)) least_ = finding;
  if (kept_.size() < kMaxKept) kept_.push_back(std::move(finding));
}

const Finding* Findings::first() const {
  if (least_) return &*least_;
  return kept_.empty() ? nullptr : &kept_.front();
}

std::string AsJson(const Facts& facts, const Findings& findings) {
  boost::json::object report;
  for (const auto& [name, value] : facts) report[name] = value;
  report["result"] = findings.failed() ? "failed" : "verified";
  report["verified"] = boost::json::array(findings.verified().begin(), findings.verified().end());
  report["not_verified"] =
      boost::json::array(findings.not_verified().begin(), findings.not_verified().end());
  report["notes"] = boost::json::array(findings.notes().begin(), findings.notes().end());
  report["provided"] = boost::json::array(findings.provided().begin(), findings.provided().end());
  report["failure_count"] = std::to_string(findings.failures());
  boost::json::array failures;
  for (const Finding& finding : findings.kept()) failures.push_back(InMembers(finding));
  report["failures"] = std::move(failures);
  if (const Finding* first = findings.first()) report["first_failure"] = InMembers(*first);
  return Printable(boost::json::serialize(report)) + "\n";
}

std::string AsText(const Facts& facts, const Findings& findings) {
  std::string text;
  const auto line = [&text](std::string_view name, const std::string& what) {
    text.append(name).append(Printable(what)).append("\n");
  };
  line("", facts.at("file"));
  for (const char* name : kFacts) {
    const auto fact = facts.find(name);
    if (fact != facts.end()) line("  " + fact->first + " ", fact->second);
  }
  for (const std::string& what : findings.verified()) line("  verified      ", what);
  for (const std::string& what : findings.not_verified()) line("  not verified  ", what);
  for (const std::string& what : findings.notes()) line("  note          ", what);
  for (const Finding& finding : findings.kept()) line("  FAILS         ", InWords(finding));
  if (findings.failures() > findings.kept().size()) {
    line("  FAILS         ",
         std::to_string(findings.failures() - findings.kept().size()) + " more");
  }
  line("", Verdict(findings));
  return text;
}

}  // namespace acb::verify
