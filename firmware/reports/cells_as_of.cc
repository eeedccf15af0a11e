#include "firmware/reports/cells_as_of.h"

#include <algorithm>

namespace acb::reports {
namespace {

std::string_view MemberOf(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                : std::string_view();
}

}  // namespace

bool CellHistory::Wants(const EntryHead& head, Where where) const {
  if (head.kind == "observed") return true;
  if (head.kind == "feed") return where == Where::kAfter && !devices_feed_;
  return where != Where::kAfter && (head.kind == "signed" || head.kind == "refused");
}

void CellHistory::Take(const LogEntry& entry, Where where) {
  if (entry.kind() == "feed") {
    if (entry.Text("feed") == Name(Feed::kDevices)) devices_feed_ = entry.index();
    return;
  }
  if (entry.kind() == "observed") return TakeObserved(entry, where);
  if (entry.Text("role") != Name(RemotePartyRole::kNetworkOperator)) return;
  std::string device(entry.Text("device"));
  if (attempts_.size() >= kMaxTracked && !attempts_.contains(device)) {
    too_many_ = true;
    return;
  }
  attempts_[std::move(device)].Add(entry.index(), listing_);
}

void CellHistory::TakeObserved(const LogEntry& entry, Where where) {
  const boost::json::value* cells = entry.Find("cells");
  if (cells == nullptr || !cells->is_array()) return;
  for (const boost::json::value& each : cells->get_array()) {
    if (!each.is_object()) continue;
    const boost::json::object& cell = each.get_object();
    if (MemberOf(cell, "before") == MemberOf(cell, "after")) continue;
    Key key(entry.Text("device"), MemberOf(cell, "role"));
    if (changes_.size() + kept_ >= kMaxTracked) {
      too_many_ = true;
      continue;
    }
    if (since_ < entry.time()) {
      before_[key].push_back({entry.time(), std::string(MemberOf(cell, "before"))});
      ++kept_;
    }
    if (where != Where::kAfter) {
      changes_.insert_or_assign(std::move(key), Change{entry.time(), entry.index()});
    }
  }
}

CellState CellHistory::HolderAt(Eui64 device, RemotePartyRole role, const CellState& now,
                                UtcTime at) const {
  const auto found = before_.find({device.Hyphenated(), std::string(Name(role))});
  if (found == before_.end()) return now;
  const auto next =
      std::ranges::find_if(found->second, [at](const Before& each) { return at < each.until; });
  if (next == found->second.end()) return now;
  CellState then;
  if (next->holder == "acb") then.holder = CellState::Holder::kAcb;
  if (const auto party = Eui64::FromText(next->holder)) {
    then.holder = CellState::Holder::kParty;
    then.party = *party;
  }
  return then;
}

const Count* CellHistory::Attempts(Eui64 device) const {
  const auto found = attempts_.find(device.Hyphenated());
  return found == attempts_.end() ? nullptr : &found->second;
}

std::optional<CellHistory::Change> CellHistory::LastChange(Eui64 device,
                                                           RemotePartyRole role) const {
  const auto found = changes_.find({device.Hyphenated(), std::string(Name(role))});
  return found == changes_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::string> CellHistory::notices() const {
  std::vector<std::string> notices = {
      "Type, status and meter point of a device are those of now: the store keeps no history of "
      "them. Registrations, parties and rules are those of the end of the period."};
  if (devices_feed_) {
    notices.push_back("Feed devices was imported after the period (audit entry " +
                      std::to_string(*devices_feed_) +
                      "): what it said of cells is taken for the period too.");
  }
  if (too_many_) {
    notices.push_back("The log names more than " + std::to_string(kMaxTracked) +
                      " devices: attempts and changes of the others are not counted.");
  }
  return notices;
}

}  // namespace acb::reports
