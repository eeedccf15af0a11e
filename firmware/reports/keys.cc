#include "firmware/reports/keys.h"

namespace acb::reports {
namespace {

constexpr std::string_view kSigning = "digital signing", kAgreement = "key agreement";

}  // namespace

bool KeyInventory::Wants(const EntryHead& head, Where where) const {
  if (where == Where::kAfter) return false;
  return head.kind == "start" || head.kind == "signed" ||
         (head.kind == "abandoned" && where == Where::kWithin);
}

void KeyInventory::Take(const LogEntry& entry, Where where) {
  if (entry.kind() == "abandoned") return abandoned_.Add(entry.index(), listing_);
  if (entry.kind() == "signed") {
    const auto key =
        keys_.find({std::string(kSigning), std::string(entry.Text("acb_certificate", "sha256"))});
    if (key == keys_.end()) return;
    ++key->second.in_all;
    if (where == Where::kWithin) key->second.in_period.Add(entry.index(), listing_);
    return;
  }
  newest_start_ = entry.index();
  const boost::json::value* hsm = entry.Find("hsm");
  for (const auto& [role, member] : {std::pair{kSigning, "acb_ds_certificate_sha256"},
                                     std::pair{kAgreement, "acb_ka_certificate_sha256"}}) {
    const std::pair name(std::string(role), std::string(entry.Text(member)));
    if (name.second.empty() || (keys_.size() >= kMaxKeys && !keys_.contains(name))) continue;
    const auto [place, added] = keys_.try_emplace(name);
    Key& key = place->second;
    if (added) {
      key.first_start = entry.index();
      key.since = entry.time();
    }
    key.last_start = entry.index();
    key.module = hsm == nullptr ? "" : Plainly(*hsm);
  }
}

Report KeyInventory::Finish() {
  Report report;
  report.columns = {"key",    "certificate_sha256", "state",
                    "since",  "first_start",        "last_start",
                    "module", "commands_in_period", "commands_in_all"};
  for (const auto& [name, key] : keys_) {
    const auto& [role, sha256] = name;
    const bool signs = role == kSigning;
    report.rows.push_back(
        {{"key", role},
         {"certificate_sha256", sha256},
         {"state", std::string(key.last_start == newest_start_ ? "in use" : "no longer in use")},
         {"since", key.since.Iso()},
         {"first_start", std::to_string(key.first_start)},
         {"last_start", std::to_string(key.last_start)},
         {"module", key.module},
         {"commands_in_period", signs ? Cell(Figure{"commands/" + sha256, key.in_period}) : Cell()},
         {"commands_in_all", signs ? Cell(std::to_string(key.in_all)) : Cell()}});
  }
  report.totals.push_back({"counters abandoned: a signature was asked for, or nearly, and not used",
                           Figure{"abandoned", abandoned_}});
  report.notices.emplace_back(
      "What the log of this box knows of its keys. Who generated them, custodians, backups and "
      "ceremonies are in the records of the ceremony; the module's own count of operations is to "
      "be "
      "held against commands_in_all and the abandoned ones.");
  return report;
}

}  // namespace acb::reports
