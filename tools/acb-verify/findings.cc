#include "tools/acb-verify/findings.h"

#include <boost/json.hpp>

namespace acb::verify {
namespace {

std::string InWords(const Finding& finding) {
  return finding.index ? "entry " + std::to_string(*finding.index) + ": " + finding.what
                       : finding.what;
}

boost::json::object InMembers(const Finding& finding) {
  boost::json::object members{{"what", finding.what}};
  if (finding.index) members["index"] = std::to_string(*finding.index);
  return members;
}

}  // namespace

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
  report["failure_count"] = std::to_string(findings.failures());
  boost::json::array failures;
  for (const Finding& finding : findings.kept()) failures.push_back(InMembers(finding));
  report["failures"] = std::move(failures);
  if (const Finding* first = findings.first()) report["first_failure"] = InMembers(*first);
  return boost::json::serialize(report) + "\n";
}

std::string AsText(const std::string& what, const Findings& findings) {
  std::string text = what + "\n";
  for (const std::string& line : findings.verified()) text += "  verified      " + line + "\n";
  for (const std::string& line : findings.not_verified()) text += "  not verified  " + line + "\n";
  for (const std::string& line : findings.notes()) text += "  note          " + line + "\n";
  for (const Finding& finding : findings.kept())
    text += "  FAILS         " + InWords(finding) + "\n";
  if (findings.failures() > findings.kept().size()) {
    text += "  FAILS         " + std::to_string(findings.failures() - findings.kept().size()) +
            " more\n";
  }
  const Finding* first = findings.first();
  if (first == nullptr) return text + "VERIFIED\n";
  return text + "FAILED: " + std::to_string(findings.failures()) + " finding(s); the first " +
         (first->index ? "entry that fails: " : "one: ") + InWords(*first) + "\n";
}

}  // namespace acb::verify
