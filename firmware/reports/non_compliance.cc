#include "firmware/reports/non_compliance.h"

#include <algorithm>

#include "firmware/base/reason.h"

namespace acb::reports {
namespace {

constexpr std::string_view kRunning = "the service is running";
constexpr std::string_view kSuspension = "signing is not suspended";
constexpr std::string_view kCheckOn = "network_operator_registration is on";
constexpr std::string_view kWholeBox = "";           // what a fault rests on that names nothing
constexpr std::string_view kFault = "can decide: ";  // and the reason's name
// A decision takes seconds, at the most minutes: entries whose times are further apart were written
// by different clocks, and stand in the order in which things were.
constexpr std::int64_t kLongestDecision = std::int64_t{10} * 60 * 1000;  // milliseconds

bool MayOverlap(UtcTime begun, UtcTime met) {
  return met.milliseconds() - begun.milliseconds() <= kLongestDecision;
}

// Of what is missing or broken; a request that came too early or too often is none of these.
bool IsDegraded(std::string_view reason) {
  const ReasonInfo* info = FindReason(reason);
  if (info == nullptr) return false;
  if (info->reason == Reason::kBusy || info->reason == Reason::kChangedMeanwhile) return false;
  return info->kind == ReasonKind::kFault || info->kind == ReasonKind::kDoubt;
}

bool Is(std::string_view reason, Reason wanted) { return reason == Describe(wanted).name; }

// What a control rests on: one text for what failed and for what shows it good.
std::string ListOf(std::string_view issuer) { return "CRL of " + std::string(issuer); }
std::string PathOf(std::string_view issuer) { return "ARL above " + std::string(issuer); }
std::string FeedNamed(std::string_view feed) { return "feed " + std::string(feed); }
std::string KeyOf(std::string_view sha256) { return "ACB certificate " + std::string(sha256); }
std::string SignerNamed(std::string_view sha256) { return "signer " + std::string(sha256); }
std::string DeviceNamed(std::string_view id) { return "device " + std::string(id); }
std::string RequestNamed(std::string_view id) { return "request " + std::string(id); }

std::set<std::string> IssuersOfCertificates(const LogEntry& entry) {
  std::set<std::string> issuers;
  const boost::json::value* certificates = entry.Find("certificates");
  if (certificates == nullptr || !certificates->is_array()) return issuers;
  for (const boost::json::value& each : certificates->get_array()) {
    const boost::json::value* issuer =
        each.is_object() ? each.get_object().if_contains("issuer") : nullptr;
    if (issuer != nullptr && issuer->is_string()) issuers.emplace(issuer->get_string());
  }
  return issuers;
}

using Names = std::vector<std::string>;

Names NameIfAny(std::string_view text, std::string (*name)(std::string_view)) {
  return text.empty() ? Names() : Names{name(text)};
}

// Whose list was stale: the signer's, or that of one of the certificates; which, is not told.
Names StaleListsIn(const LogEntry& entry, std::string (*name)(std::string_view)) {
  if (entry.Text("check") == "signer") return NameIfAny(entry.Text("signer", "issuer"), name);
  Names names;
  for (const std::string& issuer : IssuersOfCertificates(entry)) names.push_back(name(issuer));
  return names;
}

// The ACB's key pair; where none in use fits the device's cell, the cell.
Names KeyIn(const LogEntry& entry) {
  const std::string_view key = entry.Text("acb_certificate", "sha256");
  if (!key.empty() || entry.Text("check") != "acb-certificates") return NameIfAny(key, KeyOf);
  return NameIfAny(entry.Text("device"), DeviceNamed);
}

Names DamageIn(const LogEntry& entry) {
  const std::string_view check = entry.Text("check");
  if (check == "feeds" || check == "feed-age" || check == "suspension") return {};
  if (check == "earlier-answer") return NameIfAny(entry.Text("claimed_request_id"), RequestNamed);
  if (check == "request-id") return NameIfAny(entry.Text("request_id"), RequestNamed);
  if (check.starts_with("signer-")) return NameIfAny(entry.Text("signer", "sha256"), SignerNamed);
  // A counter for another command names the device as its subject.
  const std::string_view device = entry.Text("device");
  return NameIfAny(device.empty() ? entry.Text("subject") : device, DeviceNamed);
}

// Nothing: the whole box, or the entry does not tell.
Names RestsOn(const LogEntry& entry, std::string_view reason) {
  if (Is(reason, Reason::kCrlStale)) return StaleListsIn(entry, ListOf);
  if (Is(reason, Reason::kArlStale)) return StaleListsIn(entry, PathOf);
  if (Is(reason, Reason::kFeedStale)) {
    // Of a device it is its certificate that never came.
    if (entry.Text("check") == "device") return NameIfAny(entry.Text("device"), DeviceNamed);
    return NameIfAny(entry.Text("stale_feed"), FeedNamed);
  }
  if (Is(reason, Reason::kAcbCert) || Is(reason, Reason::kKeyLimit) ||
      Is(reason, Reason::kHsmUnavailable)) {
    return KeyIn(entry);
  }
  if (Is(reason, Reason::kRecordDamaged)) return DamageIn(entry);
  return {};
}

std::string Joined(const Names& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

void NonCompliance::Glance(std::uint64_t index, const EntryHead& head) {
  before_ = now_;
  now_ = Moment{head.time, index};
}

bool NonCompliance::FaultIsOpen() const {
  const auto found = open_.lower_bound(kFault);
  return found != open_.end() && found->first.starts_with(kFault);
}

bool NonCompliance::Wants(const EntryHead& head, Where) const {
  if (head.kind == "signed" || head.kind == "feed") return FaultIsOpen();
  constexpr std::string_view kKinds[] = {"refused", "operator", "start", "stop", "configuration"};
  return std::ranges::find(kKinds, head.kind) != std::end(kKinds);
}

void NonCompliance::Take(const LogEntry& entry, Where where) {
  const Moment now{entry.time(), entry.index()};
  if (entry.kind() == "signed") {
    TakeSigned(entry);
  } else if (entry.kind() == "feed") {
    TakeFeed(entry);
  } else if (entry.kind() == "refused") {
    TakeRefused(entry, where);
  } else if (entry.kind() == "start") {
    TakeStart(now, where);
  } else if (entry.kind() == "stop") {
    Open({std::string(kRunning), "stopped", now, {}, {}, {}}, where);
  } else if (entry.kind() == "configuration" && entry.IsFalse("value")) {
    Open({std::string(kCheckOn), std::string(entry.Text("setting")) + " = false", now, {}, {}, {}},
         where);
  } else if (entry.kind() == "operator") {
    TakeOperator(entry, where);
  }
}

void NonCompliance::TakeSigned(const LogEntry& entry) {
  std::set<std::string> issuers = IssuersOfCertificates(entry);
  issuers.emplace(entry.Text("acb_certificate", "issuer"));
  // In test a signer may be trusted without a list: then it shows nothing of its issuer's.
  const std::vector<std::string> observations = entry.Texts("observations");
  const std::string_view unchecked = Describe(Reason::kRevocationNotChecked).name;
  if (std::ranges::find(observations, unchecked) == observations.end()) {
    issuers.emplace(entry.Text("signer", "issuer"));
  }
  std::set<std::string> good = {
      std::string(kWholeBox), KeyOf(entry.Text("acb_certificate", "sha256")),
      SignerNamed(entry.Text("signer", "sha256")), DeviceNamed(entry.Text("device")),
      RequestNamed(entry.Text("request_id"))};
  for (const std::string& issuer : issuers) {
    good.insert(ListOf(issuer));
    good.insert(PathOf(issuer));
  }
  if (const boost::json::value* feeds = entry.Find("feeds"); feeds && feeds->is_object()) {
    for (const auto& [feed, import] : feeds->get_object()) good.insert(FeedNamed(feed));
  }
  CloseFaults(good, entry);
}

void NonCompliance::TakeFeed(const LogEntry& entry) {
  std::set<std::string> good = {FeedNamed(entry.Text("feed"))};
  for (const std::string& issuer : entry.Texts("issuers_in_force")) good.insert(ListOf(issuer));
  CloseFaults(good, entry);
}

void NonCompliance::TakeRefused(const LogEntry& entry, Where where) {
  const std::string_view reason = entry.Text("reason");
  if (where == Where::kAfter || !IsDegraded(reason)) return;
  if (where == Where::kWithin) requests_.Add(entry.index(), listing_);
  std::string key;
  if (Is(reason, Reason::kSigningSuspended) && open_.contains(kSuspension)) {
    key = kSuspension;
  } else {
    Span span{.control = std::string(kFault).append(reason),
              .cause = std::string(reason),
              .from = {entry.time(), entry.index()},
              .to = {},
              .requests = {},
              .rests_on = RestsOn(entry, reason),
              .last_met = entry.time()};
    if (open_.size() >= kMaxTracked) {
      too_many_ = true;
      span.rests_on.clear();
    }
    key = KeyOfSpan(span);
    if (!open_.contains(key)) Open(std::move(span), where);
  }
  const auto span = open_.find(key);
  if (span == open_.end()) return;
  span->second.requests.Add(entry.index(), listing_);
  span->second.last_met = std::max(span->second.last_met, entry.time());
}

void NonCompliance::TakeStart(const Moment& now, Where where) {
  if (started_ && !open_.contains(kRunning) && before_) {
    Open({std::string(kRunning),
          "ended without a stop; from its last entry on",
          *before_,
          {},
          {},
          {}},
         where);
  }
  started_ = true;
  Close(kRunning, now);
  Close(kCheckOn, now);  // one that is off still says so next
}

void NonCompliance::TakeOperator(const LogEntry& entry, Where where) {
  if (entry.Text("scope") != "all") return;
  const Moment now{entry.time(), entry.index()};
  if (entry.Text("act") == "suspend" && !open_.contains(kSuspension)) {
    Open({std::string(kSuspension),
          "by order of " + std::string(entry.Text("authority")),
          now,
          {},
          {},
          {}},
         where);
  }
  if (entry.Text("act") == "lift" && entry.IsTrue("complete")) Close(kSuspension, now);
}

std::string NonCompliance::KeyOfSpan(const Span& span) {
  if (!span.control.starts_with(kFault)) return span.control;
  // First what a good entry is looked up by.
  const std::string first(span.rests_on.empty() ? kWholeBox : span.rests_on.front());
  return std::string(kFault) + first + "\n" + span.cause + "\n" + Joined(span.rests_on);
}

void NonCompliance::Open(Span span, Where where) {
  if (where == Where::kAfter && span.from.at >= period_.to) return;
  std::string key = KeyOfSpan(span);
  open_.insert_or_assign(std::move(key), std::move(span));
}

void NonCompliance::CloseFaults(const std::set<std::string>& good, const LogEntry& entry) {
  // An import counts from where its entry stands; a signature rests on what was when its decision
  // began, and its entry comes after the HSM's answer.
  const auto is_older = [&](const Span& fault) {
    return entry.kind() == "signed" && entry.time() <= fault.last_met &&
           MayOverlap(entry.time(), fault.last_met);
  };
  const auto is_good = [&](const std::string& name) { return good.contains(name); };
  for (const std::string& name : good) {
    const std::string prefix = std::string(kFault) + name + "\n";
    for (auto each = open_.lower_bound(prefix);
         each != open_.end() && each->first.starts_with(prefix);) {
      const auto next = std::next(each);
      const Span& fault = each->second;
      if (!is_older(fault) && std::ranges::all_of(fault.rests_on, is_good)) {
        Close(each->first, {entry.time(), entry.index()});
      }
      each = next;
    }
  }
}

void NonCompliance::Close(std::string_view control, const Moment& at) {
  const auto found = open_.find(control);
  if (found == open_.end()) return;
  Span& span = found->second;
  // Entries stand in the order of their commits, not of their times: what ends a span may have
  // begun before a request that met it.
  const bool met_since = MayOverlap(at.at, span.last_met);
  span.to = Moment{std::max({at.at, span.from.at, met_since ? span.last_met : at.at}), at.entry};
  if (Touches(span)) {
    if (closed_.size() < kMaxRows) {
      closed_.push_back(std::move(span));
    } else {
      too_many_ = true;
    }
  }
  open_.erase(found);
}

bool NonCompliance::Touches(const Span& span) const {
  return span.from.at < period_.to && (!span.to || span.to->at >= period_.from);
}

Report NonCompliance::Finish() {
  Report report;
  report.columns = {"control",    "from",     "to",       "cause",
                    "from_entry", "to_entry", "requests", "rests_on"};
  for (const auto& [key, span] : open_) {
    if (!Touches(span)) continue;
    too_many_ = too_many_ || closed_.size() >= kMaxRows;
    if (closed_.size() < kMaxRows) closed_.push_back(span);
  }
  std::ranges::sort(closed_, {}, [](const Span& span) { return span.from.entry; });
  for (const Span& span : closed_) {
    const std::string id = "requests/" + span.control + "/" + std::to_string(span.from.entry);
    report.rows.push_back({{"control", span.control},
                           {"from", span.from.at.Iso()},
                           {"to", span.to ? Cell(span.to->at.Iso()) : Cell()},
                           {"cause", span.cause},
                           {"from_entry", std::to_string(span.from.entry)},
                           {"to_entry", span.to ? Cell(std::to_string(span.to->entry)) : Cell()},
                           {"requests", Figure{id, span.requests}},
                           {"rests_on", TextOrNothing(Joined(span.rests_on))}});
  }
  report.totals.push_back({"requests that could not be decided", Figure{"requests", requests_}});
  report.notices.emplace_back(
      "The log knows what a request met: a control that was down while nobody asked is not in it. "
      "Without an end: still open at the end of the log. What could not be decided lasts "
      "until the log shows good the very thing that it rested on, by an import or by a command "
      "whose decision began after the last request that met it. The clock's synchronisation is "
      "watched by the machine, not by this log.");
  if (too_many_) {
    report.notices.push_back("More than " + std::to_string(kMaxRows) +
                             " times: the rest is not shown. Ask for a shorter period.");
  }
  return report;
}

}  // namespace acb::reports
