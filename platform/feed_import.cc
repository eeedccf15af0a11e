#include "platform/feed_import.h"

#include <algorithm>
#include <boost/json.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "firmware/feeds/certified_products.h"
#include "firmware/feeds/csv.h"
#include "firmware/feeds/mpan_prefixes.h"
#include "firmware/feeds/parties.h"
#include "firmware/feeds/proxy_certificates.h"
#include "firmware/feeds/registrations.h"
#include "firmware/feeds/repository_status.h"
#include "firmware/feeds/working_days.h"
#include "firmware/smki/authority.h"
#include "platform/feed_answers.h"
#include "platform/feed_certificates.h"
#include "platform/feed_devices.h"
#include "platform/feed_table.h"
#include "platform/memory_guard.h"

namespace acb::platform {
namespace {

constexpr TableFeed<PartyRecord> kParties = {
    Feed::kParties,
    feeds::PartyColumns,
    feeds::ParseParty,
    &store::Store::ImportParties,
    1'000'000,
    [](const PartyRecord& row) {
      return row.user_id.Plain() + ", " + std::string(Name(row.role)) + ", " + row.from.Iso();
    }};
constexpr TableFeed<Registration> kRegistrations = {
    Feed::kRegistrations, feeds::RegistrationColumns, feeds::ParseRegistration,
    &store::Store::ImportRegistrations, 200'000'000,
    // R-107-7: of two that differ the order in the file would decide who the supplier was.
    [](const Registration& row) { return row.mpxn + ", " + row.from.Iso(); },
    [](const Registration& a, const Registration& b) {
      return a.supplier == b.supplier && a.network_operator == b.network_operator && a.to == b.to;
    }};
constexpr TableFeed<MpanPrefix> kMpanPrefixes = {Feed::kMpanPrefixes,
                                                 feeds::MpanPrefixColumns,
                                                 feeds::ParseMpanPrefix,
                                                 &store::Store::ImportMpanPrefixes,
                                                 100,  // as many as two digits have
                                                 [](const MpanPrefix& row) { return row.prefix; },
                                                 nullptr,
                                                 true};
constexpr TableFeed<CalendarDay> kWorkingDays = {
    Feed::kWorkingDays,
    feeds::WorkingDayColumns,
    feeds::ParseWorkingDay,
    &store::Store::ImportWorkingDays,
    100'000,
    [](const CalendarDay& row) { return row.day.Iso(); },
    nullptr,
    true};
constexpr TableFeed<CertifiedProduct> kProducts = {Feed::kCertifiedProducts,
                                                   feeds::CertifiedProductColumns,
                                                   feeds::ParseCertifiedProduct,
                                                   &store::Store::ImportProducts,
                                                   1'000'000,
                                                   [](const CertifiedProduct& row) {
                                                     return row.model + ", " + row.firmware + ", " +
                                                            row.from.Iso();
                                                   }};
constexpr TableFeed<ProxyCertificate> kProxyCertificates = {Feed::kProxyCertificates,
                                                            feeds::ProxyCertificateColumns,
                                                            feeds::ParseProxyCertificate,
                                                            &store::Store::ImportProxyCertificates,
                                                            50'000'000,
                                                            [](const ProxyCertificate& row) {
                                                              return row.device.Plain() + ", " +
                                                                     std::string(Name(row.source));
                                                            }};
constexpr TableFeed<RepositoryEntry> kRepositoryStatus = {
    Feed::kRepositoryStatus,
    feeds::RepositoryStatusColumns,
    feeds::ParseRepositoryStatus,
    &store::Store::ImportRepositoryStatus,
    1'000'000,
    [](const RepositoryEntry& row) { return ToHex(row.certificate); }};

// What became of a file's rows.
struct RowsRead {
  Rejects rejects;
  std::uint64_t rows = 0;
};

// What a row is asked beside what it says itself.
template <class Row>
using RowCheck = std::function<Status(const Row&)>;

// Puts each good row of the file into `rows`. The file as a whole is no such CSV: kFeedRejected.
// The service stops: kBusy.
template <class Row>
Result<RowsRead> TakeRows(const FeedContext& context, const HttpRequest& request,
                          const TableFeed<Row>& feed, TableRows<Row>& rows,
                          const RowCheck<Row>& check = {}) {
  auto reader = feeds::CsvReader::Open(request.body.Text(), feed.columns());
  if (!reader) return std::move(reader).error();
  RowsRead read;
  while (true) {
    if (Status goes_on = context.store.CheckGoesOn(); !goes_on) return std::move(goes_on).error();
    const auto row = reader->Next();
    if (row && !row->has_value()) break;
    ++read.rows;
    auto parsed = row ? feed.parse(**row) : Result<Row>(row.error());
    Status good = parsed ? Status(Done{}) : Status(parsed.error());
    if (good && check) good = check(*parsed);
    if (good) good = rows.Take(*std::move(parsed), reader->line());
    if (!good) read.rejects.Add(reader->line(), good.error().explanation);
  }
  rows.RejectTwins(read.rejects);
  return read;
}

// All of a file of which every row is good; a problem document otherwise, with the line and reason
// of each that is not.
template <class Row>
std::optional<HttpResponse> ReadTable(const FeedContext& context, const HttpRequest& request,
                                      const TableFeed<Row>& feed, TableRows<Row>& rows,
                                      const RowCheck<Row>& check = {}) {
  const auto read = TakeRows(context, request, feed, rows, check);
  if (!read) return RejectedWhole(read.error());
  if (!read->rejects.empty()) return Rejected(read->rejects, read->rows);
  // It would empty the table.
  if (feed.replaces && read->rows == 0) return RejectedWhole(NoRows());
  if (const Status news = CheckBegins(context, feed.feed, read->rows); !news) {
    return RejectedWhole(news.error());
  }
  return std::nullopt;
}

template <class Row>
HttpResponse ImportTable(const FeedContext& context, const HttpRequest& request,
                         const TableFeed<Row>& feed) {
  TableRows<Row> rows(feed);
  if (auto wrong = ReadTable(context, request, feed, rows)) return *std::move(wrong);
  const FeedFile file(context, feed.feed, request);
  return Imported(context, file, (context.store.*feed.import)(rows.rows(), file.Entry()));
}

// R-SEC3-10, R-128-6: the rows of one User that are held, and what a file makes of them. What keeps
// a party from acting is told when it is taken back, whichever of the party's User IDs it stands at
// and whenever the file says that it ends: nobody is let in again in silence.
class RowsOfUser {
 public:
  explicit RowsOfUser(const std::vector<PartyRecord>& held) {
    for (const PartyRecord& row : held) held_.emplace(KeyOf(row), row);
    after_ = held_;
  }
  void Take(const PartyRecord& row) {
    after_.insert_or_assign(KeyOf(row), row);
    news_.push_back(row);
  }
  void AddTakenBack(UtcTime now, std::set<std::string>& told) const {
    for (const PartyRecord& row : news_) {
      const auto same = held_.find(KeyOf(row));
      const PartyRecord* before = same != held_.end() ? &same->second : NewestBefore(row);
      if (before == nullptr || !IsAgainst(*before)) continue;
      const bool back = same != held_.end()
                            ? Changes(*before, row) || EndsEarlier(*before, row, now)
                            : !HasEnded(*before, now) && Outdates(*before, row);
      if (back) told.insert(Told(*before));
    }
  }

 private:
  using Key = std::pair<UserRole, UtcTime>;
  static Key KeyOf(const PartyRecord& row) { return {row.role, row.from}; }
  static bool IsAgainst(const PartyRecord& row) {
    return row.status != PartyStatus::kActive || row.notice_to_cease;
  }
  static bool TakesNoticeBack(const PartyRecord& held, const PartyRecord& row) {
    return held.notice_to_cease &&
           (!row.notice_to_cease || *held.notice_to_cease < *row.notice_to_cease);
  }
  static std::string Told(const PartyRecord& held) {
    return held.user_id.Plain() + " " + held.party + ", " + std::string(Name(held.role)) +
           " from " + held.from.Iso() + ": was " + std::string(Name(held.status)) +
           (held.notice_to_cease ? ", notice to cease" : "");
  }

  // Of that role, before the row begins.
  const PartyRecord* NewestBefore(const PartyRecord& row) const {
    const auto next = held_.lower_bound(KeyOf(row));
    if (next == held_.begin()) return nullptr;
    const PartyRecord& found = std::prev(next)->second;
    return found.role == row.role ? &found : nullptr;
  }
  static bool HasEnded(const PartyRecord& row, UtcTime now) { return row.to && *row.to <= now; }
  // By the row of the same key.
  static bool Changes(const PartyRecord& held, const PartyRecord& row) {
    const bool status = held.status != PartyStatus::kActive && row.status == PartyStatus::kActive;
    return status || TakesNoticeBack(held, row) || held.party != row.party;
  }
  bool EndsEarlier(const PartyRecord& held, const PartyRecord& row, UtcTime now) const {
    if (!row.to || HasEnded(held, now) || (held.to && *held.to <= *row.to)) return false;
    return !IsStillAgainst(std::max(now, *row.to));
  }
  // By a newer row beside it: one that is suspended or expelled stays so (CheckNotSuspended).
  static bool Outdates(const PartyRecord& held, const PartyRecord& row) {
    const bool ceased = held.status == PartyStatus::kCeased && row.status != PartyStatus::kCeased;
    return ceased || TakesNoticeBack(held, row);
  }
  bool IsStillAgainst(UtcTime at) const {
    return std::ranges::any_of(after_, [at](const auto& each) {
      return IsAgainst(each.second) && each.second.InForce(at);
    });
  }

  std::map<Key, PartyRecord> held_;
  std::map<Key, PartyRecord> after_;
  std::vector<PartyRecord> news_;
};

// Whom the file lets act again, as the operators read them.
Result<std::vector<std::string>> Reinstated(const FeedContext& context,
                                            const std::vector<PartyRecord>& rows) {
  const auto records = context.store.Open();
  if (!records) return records.error();
  std::map<Eui64, RowsOfUser> users;
  for (const PartyRecord& row : rows) {
    auto user = users.find(row.user_id);
    if (user == users.end()) {
      if (Status goes_on = context.store.CheckGoesOn(); !goes_on) return std::move(goes_on).error();
      const auto held = (*records)->FindUser(row.user_id);
      if (!held) return held.error();
      user = users.emplace(row.user_id, RowsOfUser(*held)).first;
    }
    user->second.Take(row);
  }
  const UtcTime now = context.clock.Now();
  std::set<std::string> told;
  for (const auto& [id, user] : users) user.AddTakenBack(now, told);
  return std::vector<std::string>(told.begin(), told.end());
}

// A correction is taken, and is told.
HttpResponse ImportParties(const FeedContext& context, const HttpRequest& request) {
  TableRows<PartyRecord> rows(kParties);
  if (auto wrong = ReadTable(context, request, kParties, rows)) return *std::move(wrong);
  const FeedFile file(context, Feed::kParties, request);
  const auto reinstated = Reinstated(context, rows.rows());
  if (!reinstated) return Problem(reinstated.error());
  boost::json::object more;
  if (!reinstated->empty()) {
    const std::string count = std::to_string(reinstated->size());
    audit::Entry alarm = file.Alarm("party reinstated by feed");
    alarm.Set("count", count).Set("parties", Shortened(*reinstated));
    if (const auto told = context.store.Append(alarm); !told) return Problem(told.error());
    more["reinstated"] = count;
  }
  return Imported(context, file, context.store.ImportParties(rows.rows(), file.Entry()), more);
}

// R-128-7: the row that would put a revoked certificate to use again is named by its line.
HttpResponse ImportRepositoryStatus(const FeedContext& context, const HttpRequest& request) {
  const auto records = context.store.Open();
  if (!records) return Problem(records.error());
  TableRows<RepositoryEntry> rows(kRepositoryStatus);
  std::optional<Failure> fault;
  const auto check = [&](const RepositoryEntry& row) -> Status {
    const auto held = (*records)->FindRepositoryEntry(row.certificate);
    if (!held) fault = held.error();
    if (!held) return held.error();
    return held->has_value() ? feeds::CheckRepositoryChange(**held, row) : Status(Done{});
  };
  auto wrong = ReadTable<RepositoryEntry>(context, request, kRepositoryStatus, rows, check);
  if (fault) return Problem(*fault);
  if (wrong) return *std::move(wrong);
  const FeedFile file(context, Feed::kRepositoryStatus, request);
  return Imported(context, file, context.store.ImportRepositoryStatus(rows.rows(), file.Entry()));
}

// R-SEC3-73: an entry that is wrong is rejected and reported, the rest is the new list.
HttpResponse ImportProducts(const FeedContext& context, const HttpRequest& request) {
  TableRows<CertifiedProduct> rows(kProducts);
  const auto read = TakeRows(context, request, kProducts, rows);
  if (!read) return RejectedWhole(read.error());
  // A file of which nothing is good is no list: it would take every model off.
  if (rows.rows().empty()) {
    return read->rejects.empty() ? RejectedWhole(NoRows()) : Rejected(read->rejects, read->rows);
  }
  const FeedFile file(context, Feed::kCertifiedProducts, request);
  audit::Entry entry = file.Entry();
  entry.Set("rejected", std::to_string(read->rejects.count()));
  return Imported(
      context, file, context.store.ImportProducts(rows.rows(), entry),
      {{"rejected", std::to_string(read->rejects.count())}, {"rejects", read->rejects.listed()}});
}

HttpResponse Import(const FeedContext& context, Feed feed, const HttpRequest& request) {
  switch (feed) {
    case Feed::kParties:
      return ImportParties(context, request);
    case Feed::kRegistrations:
      return ImportTable(context, request, kRegistrations);
    case Feed::kDevices:
      return ImportDevices(context, request);
    case Feed::kOrganisationCertificates:
      return ImportCertificates(context, request);
    case Feed::kRevocationLists:
      return ImportRevocationLists(context, request);
    case Feed::kMpanPrefixes:
      return ImportTable(context, request, kMpanPrefixes);
    case Feed::kWorkingDays:
      return ImportTable(context, request, kWorkingDays);
    case Feed::kCertifiedProducts:
      return ImportProducts(context, request);
    case Feed::kProxyCertificates:
      return ImportTable(context, request, kProxyCertificates);
    case Feed::kDeviceCertificates:
      return ImportDeviceCertificates(context, request);
    case Feed::kRepositoryStatus:
      return ImportRepositoryStatus(context, request);
  }
  return Problem(Failure(Reason::kNotFound));
}

// Certificates and lists are held in memory, all of a file: the most that the store takes
// (kMaxTrustRows) have some 100 MB in PEM.
constexpr std::uint64_t kMaxPemOctets = std::uint64_t{256} << 20;

std::uint64_t BodyLimitOf(const FeedContext& context, Feed feed) {
  const bool pem = feed == Feed::kOrganisationCertificates || feed == Feed::kDeviceCertificates ||
                   feed == Feed::kRevocationLists;
  return pem ? std::min(context.body_limit, kMaxPemOctets) : context.body_limit;
}

HttpResponse ListFeeds(const store::Store& store) {
  const auto records = store.Open();
  if (!records) return Problem(records.error());
  boost::json::array feeds;
  for (const Feed feed : kFeeds) {
    const auto last = (*records)->FindLastImport(feed);
    if (!last) return Problem(last.error());
    boost::json::object json{{"feed", Name(feed)}, {"last_import", nullptr}};
    if (last->has_value()) {
      json["last_import"] = {{"rows", std::to_string((*last)->rows)},
                             {"changed", std::to_string((*last)->changed)},
                             {"at", (*last)->at.Iso()},
                             {"audit_index", std::to_string((*last)->audit_index)}};
    }
    feeds.push_back(std::move(json));
  }
  return JsonResponse(boost::json::object{{"feeds", std::move(feeds)}});
}

}  // namespace

void AddFeedRoutes(Router& router, const FeedContext& context) {
  for (const Feed feed : kFeeds) {
    // What an import was checked against must not change before it is written; and its
    // memory and its threads are there once, and once more for a devices file that comes meanwhile.
    const auto one_at_a_time = std::make_shared<std::mutex>();
    router.Add(
        {.method = "POST",
         .pattern = "/v1/feeds/" + std::string(Name(feed)),
         .body_limit = BodyLimitOf(context, feed),
         .handler = BusyWithoutMemory([context, feed, one_at_a_time](const HttpRequest& request) {
           const std::unique_lock alone(*one_at_a_time, std::try_to_lock);
           if (alone) return Import(context, feed, request);
           return Problem(Failure(Reason::kBusy, "another file of this feed is being imported"));
         }),
         .spool = true,
         .intake = feed == Feed::kDevices ? DevicesIntake(context) : nullptr});
  }
  router.Add("GET", "/v1/feeds", 0,
             [context](const HttpRequest&) { return ListFeeds(context.store); });
}

}  // namespace acb::platform
