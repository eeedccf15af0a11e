#include "firmware/reports/keys.h"

#include <algorithm>
#include <boost/json.hpp>

namespace acb::reports {
namespace {

constexpr std::string_view kSigning = "digital signing", kAgreement = "key agreement";
// As ceremonies name the roles (firmware/keys/register.h).
constexpr std::string_view kSigningRole = "digital-signing";

std::string TextOf(const boost::json::value* object, std::string_view name) {
  const auto* members = object == nullptr ? nullptr : object->if_object();
  const auto* value = members == nullptr ? nullptr : members->if_contains(name);
  if (value == nullptr || !value->is_string()) return {};
  return std::string(std::string_view(value->get_string()));
}

const boost::json::value* MemberOf(const boost::json::value& object, std::string_view name) {
  const auto* members = object.if_object();
  return members == nullptr ? nullptr : members->if_contains(name);
}

void Append(std::string& text, std::string_view separator, const std::string& more) {
  if (more.empty()) return;
  if (!text.empty()) text += separator;
  text += more;
}

std::string Operators(const boost::json::value& transition) {
  const auto* list = MemberOf(transition, "operators");
  return list == nullptr ? std::string() : Plainly(*list);
}

// R-SEC3-21: "1826 days, 100000000 commands, warning at 90 %".
std::string LimitsIn(const boost::json::value* policy) {
  const auto* keys = policy == nullptr ? nullptr : MemberOf(*policy, "keys");
  if (keys == nullptr) return {};
  return TextOf(keys, "max_age_days") + " days, " + TextOf(keys, "max_operations") +
         " commands, warning at " + TextOf(keys, "warn_percent") + " %";
}

// "2026-11-21T12:00:00Z generated (a.example, b.example); ..."
std::string Transitions(const boost::json::value& key, std::string& generated) {
  std::string text;
  const auto* list = MemberOf(key, "transitions");
  if (list == nullptr || !list->is_array()) return text;
  for (const boost::json::value& one : list->get_array()) {
    const std::string by = Operators(one);
    const std::string state = TextOf(&one, "state");
    const std::string at = TextOf(&one, "at");
    Append(text, "; ", at + " " + state + (by.empty() ? "" : " (" + by + ")"));
    if (state != "generated" || !generated.empty()) continue;
    generated = at;
    Append(generated, ", ", TextOf(&key, "source"));
    Append(generated, ", ", TextOf(&key, "place"));
    const std::string token = TextOf(&key, "token");
    if (!token.empty()) Append(generated, ", ", "token " + token);
    if (!by.empty()) Append(generated, ", ", "by " + by);
  }
  return text;
}

}  // namespace

bool KeyInventory::Wants(const EntryHead& head, Where where) const {
  if (where == Where::kAfter) return false;
  return head.kind == "start" || head.kind == "signed" || head.kind == "ceremony" ||
         (head.kind == "abandoned" && where == Where::kWithin);
}

void KeyInventory::Take(const LogEntry& entry, Where where) {
  if (entry.kind() == "abandoned") return abandoned_.Add(entry.index(), listing_);
  if (entry.kind() == "ceremony") return TakeCeremony(entry);
  if (entry.kind() == "start") return TakeStart(entry);
  const auto use =
      uses_.find({std::string(kSigning), std::string(entry.Text("acb_certificate", "sha256"))});
  if (use == uses_.end()) return;
  ++use->second.in_all;
  use->second.last_use = std::max(use->second.last_use.value_or(entry.time()), entry.time());
  if (where == Where::kWithin) use->second.in_period.Add(entry.index(), listing_);
}

void KeyInventory::TakeStart(const LogEntry& entry) {
  const std::string ds(entry.Text("acb_ds_certificate_sha256"));
  const std::string ka(entry.Text("acb_ka_certificate_sha256"));
  if (ds.empty() && ka.empty()) return;  // of a ceremony: it signs nothing
  newest_start_ = entry.index();
  limits_ = LimitsIn(entry.Find("policy"));
  TakeUse(entry, kSigning, ds);
  TakeUse(entry, kAgreement, ka);
  signs_for_[ka] = ds;
  const boost::json::value* later = entry.Find("acb_later");
  if (later == nullptr || !later->is_array()) return;
  for (const boost::json::value& pair : later->get_array()) {
    const std::string later_ds = TextOf(&pair, "ds");
    const std::string later_ka = TextOf(&pair, "ka");
    TakeUse(entry, kSigning, later_ds);
    TakeUse(entry, kAgreement, later_ka);
    signs_for_[later_ka] = later_ds;
  }
}

void KeyInventory::TakeUse(const LogEntry& start, std::string_view role,
                           const std::string& sha256) {
  const Name name(std::string(role), sha256);
  if (sha256.empty() || (uses_.size() >= kMaxKeys && !uses_.contains(name))) return;
  const auto [place, added] = uses_.try_emplace(name);
  Use& use = place->second;
  if (added) {
    use.first_start = start.index();
    use.since = start.time();
  }
  use.last_start = start.index();
  const boost::json::value* hsm = start.Find("hsm");
  use.module = hsm == nullptr ? "" : Plainly(*hsm);
}

void KeyInventory::TakeCeremony(const LogEntry& entry) {
  if (!entry.IsTrue("complete")) return;
  TakeKeys(entry.Find("adopted"));
  TakeKeys(entry.Find("keys"));
}

void KeyInventory::TakeKeys(const boost::json::value* list) {
  if (list == nullptr || !list->is_array()) return;
  for (const boost::json::value& key : list->get_array()) {
    const std::string label = TextOf(&key, "label");
    if (ceremonies_.size() >= kMaxKeys && !ceremonies_.contains(label)) continue;
    Ceremony one;
    one.role = TextOf(&key, "role") == kSigningRole ? kSigning : kAgreement;
    one.algorithm = TextOf(&key, "algorithm");
    one.public_sha256 = TextOf(&key, "public_sha256");
    const boost::json::value* certificate = MemberOf(key, "certificate");
    one.certificate_sha256 = TextOf(certificate, "sha256");
    const std::string serial = TextOf(certificate, "serial");
    if (!serial.empty()) one.certificate = serial + " of " + TextOf(certificate, "issuer");
    one.state = TextOf(&key, "state");
    one.custodians = TextOf(&key, "custodians");
    one.backups = TextOf(&key, "backups");
    one.transitions = Transitions(key, one.generated);
    ceremonies_[label] = std::move(one);
  }
}

const KeyInventory::Use* KeyInventory::FindUse(const Name& name) const {
  const auto found = uses_.find(name);
  return found == uses_.end() ? nullptr : &found->second;
}

Row KeyInventory::RowOf(const Name& name, const Use* use, const std::string& label,
                        const Ceremony* ceremony) const {
  const auto& [role, sha256] = name;
  // One signature and one agreement for each command: a pair has the same number of both.
  const auto pair = signs_for_.find(sha256);
  const Use* counted = role == kSigning           ? use
                       : pair == signs_for_.end() ? nullptr
                                                  : FindUse({std::string(kSigning), pair->second});
  std::string state;
  if (ceremony != nullptr) {
    state = ceremony->state;
  } else if (use != nullptr) {
    state = use->last_start == newest_start_ ? "in use" : "no longer in use";
  }
  static const Ceremony kNone;
  const Ceremony& known = ceremony == nullptr ? kNone : *ceremony;
  const bool signs = role == kSigning && use != nullptr;
  return {
      {"key", role},
      {"key_id", TextOrNothing(label)},
      {"algorithm", TextOrNothing(known.algorithm)},
      {"public_sha256", TextOrNothing(known.public_sha256)},
      {"certificate_sha256", TextOrNothing(sha256)},
      {"certificate", TextOrNothing(known.certificate)},
      {"state", state},
      {"generated", TextOrNothing(known.generated)},
      {"custodians", TextOrNothing(known.custodians)},
      {"backups", TextOrNothing(known.backups)},
      {"transitions", TextOrNothing(known.transitions)},
      {"limits", use == nullptr ? Cell() : TextOrNothing(limits_)},
      {"operations", counted == nullptr ? Cell() : Cell(std::to_string(counted->in_all))},
      {"last_use",
       counted != nullptr && counted->last_use ? Cell(counted->last_use->Iso()) : Cell()},
      {"since", use == nullptr ? Cell() : Cell(use->since.Iso())},
      {"first_start", use == nullptr ? Cell() : Cell(std::to_string(use->first_start))},
      {"last_start", use == nullptr ? Cell() : Cell(std::to_string(use->last_start))},
      {"module", use == nullptr ? Cell() : Cell(use->module)},
      {"commands_in_period", signs ? Cell(Figure{"commands/" + sha256, use->in_period}) : Cell()},
      {"commands_in_all", signs ? Cell(std::to_string(use->in_all)) : Cell()}};
}

Report KeyInventory::Finish() {
  Report report;
  report.columns = {
      "key",         "key_id",     "algorithm",  "public_sha256",      "certificate_sha256",
      "certificate", "state",      "generated",  "custodians",         "backups",
      "transitions", "limits",     "operations", "last_use",           "since",
      "first_start", "last_start", "module",     "commands_in_period", "commands_in_all"};
  std::map<Name, std::string> labels;
  for (const auto& [label, one] : ceremonies_) labels[{one.role, one.certificate_sha256}] = label;
  for (const auto& [name, use] : uses_) {
    const auto known = labels.find(name);
    const std::string label = known == labels.end() ? std::string() : known->second;
    report.rows.push_back(
        RowOf(name, &use, label, label.empty() ? nullptr : &ceremonies_.at(label)));
  }
  for (const auto& [label, one] : ceremonies_) {
    const Name name(one.role, one.certificate_sha256);
    if (uses_.contains(name)) continue;
    report.rows.push_back(RowOf(name, nullptr, label, &one));
  }
  report.totals.push_back({"counters abandoned: a signature was asked for, or nearly, and not used",
                           Figure{"abandoned", abandoned_}});
  report.notices.emplace_back(
      "What the log of this box knows of its keys. Operations and last use are commands: the "
      "known-answer tests "
      "of each start come beside them, and the module's own count is to be held against these and "
      "the abandoned ones. A key without key_id has not been in a ceremony; what the token holds "
      "is "
      "in 'acbctl key list'.");
  return report;
}

}  // namespace acb::reports
