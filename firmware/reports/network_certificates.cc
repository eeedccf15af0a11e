#include "firmware/reports/network_certificates.h"

#include <algorithm>

namespace acb::reports {
namespace {

constexpr std::int64_t kDayMilliseconds = std::int64_t{24} * 3600 * 1000;
constexpr std::int64_t kThousand = 1'000;

constexpr std::string_view kNetworkOperator = "NetworkOperator";

// No short name looks like that.
std::string UserKey(std::string_view user) { return "user\n" + std::string(user); }

// Thousandths as "1.250".
std::string Days(std::int64_t thousandths) {
  std::string fraction = std::to_string(thousandths % kThousand);
  fraction.insert(0, 3 - fraction.size(), '0');
  return std::to_string(thousandths / kThousand) + "." + fraction;
}

}  // namespace

std::string_view Name(CertificateGroup group) {
  switch (group) {
    case CertificateGroup::kNetwork:
      return "network-certificate";
    case CertificateGroup::kCertificate:
      return "certificate";
    case CertificateGroup::kApart:
      return "apart";
  }
  return {};
}

CertificateGroup GroupOf(std::string_view reason, std::string_view check) {
  // "signer", "signer-in-repository", "signer-not-blocked".
  if (check.starts_with("signer")) return CertificateGroup::kApart;
  if (reason == Describe(Reason::kNoNotRegistered).name) return CertificateGroup::kNetwork;
  constexpr Reason kGroup[] = {Reason::kChain,
                               Reason::kProfile,
                               Reason::kAlgorithm,
                               Reason::kEnvironment,
                               Reason::kCertRevoked,
                               Reason::kIssuerRevoked,
                               Reason::kNotInRepository,
                               Reason::kNotOrganisationCert,
                               Reason::kCertSetMixed,
                               Reason::kCertSetIncomplete,
                               Reason::kReplacementIsAcb,
                               Reason::kCertExpired};
  const bool certificate =
      std::ranges::any_of(kGroup, [&](Reason each) { return Describe(each).name == reason; });
  return certificate ? CertificateGroup::kCertificate : CertificateGroup::kApart;
}

bool NetworkCertificates::Wants(const EntryHead& head, Where) const {
  return head.kind == "signed" || head.kind == "refused";
}

void NetworkCertificates::Take(const LogEntry& entry, Where where) {
  Learn(entry);
  // Refused observations and acts of others have no role.
  if (entry.Text("role") != kNetworkOperator) return;
  if (entry.kind() == "refused") return TakeRefused(entry, where);
  const auto device = devices_.find({IdentityOf(entry), std::string(entry.Text("device"))});
  if (device != devices_.end()) Correct(device->second, entry);
}

void NetworkCertificates::Learn(const LogEntry& entry) {
  const std::string_view party = entry.Text("party"), user = entry.Text("user");
  if (party.empty() || user.empty()) return;
  if (identities_.size() >= kMaxTracked) {
    too_many_ = true;
    return;
  }
  names_.insert_or_assign(std::string(user), party);
  const std::string by_user = UserKey(user);
  const auto name = identities_.find(party);
  if (name != identities_.end()) {
    identities_.insert_or_assign(by_user, name->second);
    return;
  }
  // A new name: of a known User it is another one for the same supplier.
  const auto known = identities_.find(by_user);
  const std::string identity = known == identities_.end() ? std::string(party) : known->second;
  identities_.emplace(party, identity);
  identities_.insert_or_assign(by_user, identity);
}

std::string NetworkCertificates::SupplierOf(const LogEntry& entry) const {
  const std::string_view party = entry.Text("party"), user = entry.Text("user");
  if (!party.empty()) return std::string(party);
  const auto name = names_.find(user);
  return name == names_.end() ? std::string(user) : name->second;
}

std::string NetworkCertificates::IdentityOf(const LogEntry& entry) const {
  std::string name = SupplierOf(entry);
  const auto found = identities_.find(name);
  return found == identities_.end() ? name : found->second;
}

void NetworkCertificates::CountDevice(Line& line, std::string_view device) {
  if (line.devices.contains(device)) return;
  if (counted_devices_ >= kMaxTracked) {
    too_many_ = true;
    return;
  }
  line.devices.emplace(device);
  ++counted_devices_;
}

void NetworkCertificates::TakeRefused(const LogEntry& entry, Where where) {
  const std::string_view reason = entry.Text("reason");
  const CertificateGroup group = GroupOf(reason, entry.Text("check"));
  Line* line = nullptr;
  if (where == Where::kWithin) {
    line = &lines_[{SupplierOf(entry), std::string(entry.Text("response_code")),
                    std::string(reason), group}];
    line->count.Add(entry.index(), listing_);
    if (group == CertificateGroup::kApart) {
      apart_.Add(entry.index(), listing_);
    } else {
      invalid_.Add(entry.index(), listing_);
    }
    if (group == CertificateGroup::kNetwork) network_.Add(entry.index(), listing_);
  }
  // What is no fault of the certificates is neither repeated nor corrected.
  const std::string device(entry.Text("device"));
  if (line != nullptr) CountDevice(*line, device);
  if (group == CertificateGroup::kApart) return;
  const std::pair key(IdentityOf(entry), device);
  if (devices_.size() >= kMaxTracked && !devices_.contains(key)) {
    too_many_ = true;
    if (line != nullptr) line->first_time.Add(entry.index(), listing_);
    return;
  }
  OfDevice& known = devices_[key];
  if (line != nullptr) {
    (known.refused ? line->repeated : line->first_time).Add(entry.index(), listing_);
    if (waiting_ < kMaxTracked) {
      known.waiting.push_back({line, entry.index(), entry.time()});
      ++waiting_;
    } else {
      too_many_ = true;
    }
  }
  known.refused = true;
}

void NetworkCertificates::Correct(OfDevice& device, const LogEntry& entry) {
  for (const Refusal& refusal : device.waiting) {
    const std::int64_t waited =
        std::max<std::int64_t>(0, entry.time().milliseconds() - refusal.at.milliseconds());
    const std::int64_t thousandths = waited / (kDayMilliseconds / kThousand);
    refusal.line->corrected.Add(refusal.index, listing_);
    refusal.line->days_in_all += thousandths;
    refusal.line->longest = std::max(refusal.line->longest, thousandths);
  }
  waiting_ -= device.waiting.size();
  device.waiting.clear();
  device.refused = false;
}

void NetworkCertificates::AddTotals(Report& report) const {
  report.totals = {
      {"invalid network certificate codes (groups network-certificate and certificate)",
       Figure{"invalid", invalid_}},
      {"of these NO_NOT_REGISTERED (group network-certificate)", Figure{"network", network_}},
      {"counted apart: not the supplier's certificates (group apart)", Figure{"apart", apart_}}};
  report.notices.emplace_back(
      "Corrections are counted up to the end of the log, also after the period. Days and months "
      "are those of UTC. A supplier that changed its name has a row for each.");
  if (too_many_) {
    report.notices.push_back("More than " + std::to_string(kMaxTracked) +
                             " devices were refused: of the others, repeats and corrections are "
                             "not known, all count as first time, and column devices lacks them.");
  }
}

Report NetworkCertificates::Finish() {
  Report report;
  report.columns = {"supplier",
                    "response_code",
                    "reason",
                    "group",
                    "count",
                    "devices",
                    "first_time",
                    "repeated",
                    "corrected",
                    "days_to_correct",
                    "longest_days_to_correct"};
  for (const auto& [key, line] : lines_) {
    const auto& [supplier, code, reason, group] = key;
    if (line.count.number() == 0) continue;
    if (report.rows.size() == kMaxRows) {
      report.notices.push_back("More than " + std::to_string(kMaxRows) +
                               " rows: the rest is not shown, the totals have it. Ask for a "
                               "shorter period.");
      break;
    }
    std::string id = supplier + "/" + code + "/" + reason;
    // Of one that the check sets apart: the same three have another row.
    if (group != GroupOf(reason, {})) id += "/" + std::string(Name(group));
    const auto corrected = static_cast<std::int64_t>(line.corrected.number());
    const bool any = corrected != 0;
    report.rows.push_back(
        {{"supplier", supplier},
         {"response_code", code},
         {"reason", reason},
         {"group", std::string(Name(group))},
         {"count", Figure{"count/" + id, line.count}},
         {"devices", std::to_string(line.devices.size())},
         {"first_time", Figure{"first_time/" + id, line.first_time}},
         {"repeated", Figure{"repeated/" + id, line.repeated}},
         {"corrected", Figure{"corrected/" + id, line.corrected}},
         {"days_to_correct", any ? Cell(Days(line.days_in_all / corrected)) : Cell()},
         {"longest_days_to_correct", any ? Cell(Days(line.longest)) : Cell()}});
  }
  AddTotals(report);
  return report;
}

}  // namespace acb::reports
