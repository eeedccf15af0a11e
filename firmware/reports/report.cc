#include "firmware/reports/report.h"

#include <algorithm>

namespace acb::reports {

void Count::Add(std::uint64_t index, const Listing& listing) {
  ++number_;
  if (index < listing.first) return;
  if (entries_.empty() || entries_.back() <= index) {  // nearly always
    if (entries_.size() < listing.most) entries_.push_back(index);
    return;
  }
  entries_.insert(std::ranges::upper_bound(entries_, index), index);
  if (entries_.size() > listing.most) entries_.pop_back();
}

Cell TextOrNothing(std::string_view text) {
  return text.empty() ? Cell() : Cell(std::string(text));
}

std::string PlainText(const Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* truth = std::get_if<bool>(&cell)) return *truth ? "true" : "false";
  if (const auto* figure = std::get_if<Figure>(&cell))
    return std::to_string(figure->count.number());
  std::string joined;
  if (const auto* texts = std::get_if<std::vector<std::string>>(&cell)) {
    for (const std::string& text : *texts) joined += (joined.empty() ? "" : ", ") + text;
  }
  if (const auto* members = std::get_if<Members>(&cell)) {
    for (const auto& [name, text] : *members) joined += (joined.empty() ? "" : " ") + text;
  }
  return joined;
}

Status LogPass::Take(std::uint64_t index, std::string_view octets) {
  const auto damaged = [index] {
    return Failure(Reason::kRecordDamaged, {},
                   "audit entry " + std::to_string(index) + " is not of the log's form");
  };
  const auto head = ReadHead(octets);
  if (!head) return damaged();
  const Where where = period_.Has(head->time)     ? Where::kWithin
                      : head->time < period_.from ? Where::kBefore
                                                  : Where::kAfter;
  if (where == Where::kWithin && !head->rules.empty()) rule_sets_.emplace(head->rules);
  report_.Glance(index, *head);
  if (!report_.Wants(*head, where)) return Done{};
  boost::json::monotonic_resource memory(buffer_.data(), buffer_.size());
  const auto entry = LogEntry::Parse(index, *head, octets, &memory);
  if (!entry) return damaged();
  report_.Take(*entry, where);
  return Done{};
}

}  // namespace acb::reports
