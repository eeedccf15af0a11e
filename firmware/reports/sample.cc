#include "firmware/reports/sample.h"

#include <algorithm>
#include <iterator>

#include "firmware/base/sha256.h"

namespace acb::reports {
namespace {

constexpr std::string_view kSigned = "signed", kRefused = "refused";
constexpr std::string_view kMembers[] = {"request_id",         "user",   "device", "role",
                                         "originator_counter", "reason", "final"};

std::uint64_t IndexOf(const Row& row) {
  return std::stoull(std::get<std::string>(row.front().second));
}

}  // namespace

std::string LotOf(std::string_view seed, std::uint64_t index) {
  return ToHex(Sha256(AsBytes(std::string(seed) + ":" + std::to_string(index))));
}

bool Sample::Wants(const EntryHead& head, Where where) const {
  return where == Where::kWithin && (head.kind == kSigned || head.kind == kRefused);
}

void Sample::Take(const LogEntry& entry, Where) {
  const bool was_signed = entry.kind() == kSigned;
  Urn& urn = was_signed ? signed_ : refused_;
  urn.all.Add(entry.index(), listing_);
  std::string lot = LotOf(draw_.seed, entry.index());
  const std::size_t most = was_signed ? draw_.signed_commands : draw_.refused_requests;
  if (urn.drawn.size() >= most && (most == 0 || std::prev(urn.drawn.end())->first < lot)) return;

  Row row = {{"audit_index", std::to_string(entry.index())},
             {"kind", std::string(entry.kind())},
             {"time", entry.time().Iso()}};
  for (const std::string_view member : kMembers) {
    const boost::json::value* value = entry.Find(member);
    row.emplace_back(member, value == nullptr ? Cell() : Cell(Plainly(*value)));
  }
  row.emplace_back("lot", lot);
  urn.drawn.emplace(std::move(lot), std::move(row));
  if (urn.drawn.size() > most) urn.drawn.erase(std::prev(urn.drawn.end()));
}

Report Sample::Finish() {
  Report report;
  report.columns = {"audit_index", "kind", "time"};
  report.columns.insert(report.columns.end(), std::begin(kMembers), std::end(kMembers));
  report.columns.emplace_back("lot");
  for (Urn* urn : {&signed_, &refused_}) {
    for (auto& [lot, row] : urn->drawn) report.rows.push_back(std::move(row));
  }
  std::ranges::sort(report.rows, {}, IndexOf);
  report.totals.push_back({"seed", draw_.seed});
  report.totals.push_back({"signed commands drawn", std::to_string(signed_.drawn.size())});
  report.totals.push_back({"of signed commands in all", Figure{"signed", signed_.all}});
  report.totals.push_back({"refused requests drawn", std::to_string(refused_.drawn.size())});
  report.totals.push_back({"of refused requests in all", Figure{"refused", refused_.all}});
  report.notices.emplace_back(
      "The lot of an entry is SHA-256 of \"SEED:INDEX\"; the least lots of each kind are drawn. "
      "Evidence, certificates and proof of an entry: acbctl audit export or audit proof of its "
      "index, checked by acb-verify.");
  return report;
}

}  // namespace acb::reports
