#include "platform/feed_import.h"

#include <algorithm>
#include <boost/json.hpp>
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
#include "platform/memory_guard.h"

namespace acb::platform {
namespace {

template <class Row>
using RowParser = std::function<Result<Row>(const feeds::CsvRow&)>;

// What became of a file's rows.
struct RowsRead {
  Rejects rejects;
  std::uint64_t rows = 0;
};

// Hands each good row of the file to `take`, which may still refuse it. The file as a whole is no
// such CSV: kFeedRejected. The service stops: kBusy.
template <class Row, class Take>
Result<RowsRead> TakeRows(const store::Store& store, std::string_view text,
                          const std::vector<std::string>& columns,
                          const std::vector<std::string>& optional, const RowParser<Row>& parse,
                          const Take& take) {
  auto reader = feeds::CsvReader::Open(text, columns, optional);
  if (!reader) return std::move(reader).error();
  RowsRead read;
  while (true) {
    if (Status goes_on = store.CheckGoesOn(); !goes_on) return std::move(goes_on).error();
    const auto row = reader->Next();
    if (row && !row->has_value()) return read;
    ++read.rows;
    auto parsed = row ? parse(**row) : Result<Row>(row.error());
    const Status taken = parsed ? take(*std::move(parsed)) : Status(parsed.error());
    if (!taken) read.rejects.Add(reader->line(), taken.error().explanation);
  }
}

// Likewise; a problem document when a row is wrong, with the line and reason of each.
template <class Row, class Take>
std::optional<HttpResponse> ReadRows(const store::Store& store, std::string_view text,
                                     const std::vector<std::string>& columns,
                                     const RowParser<Row>& parse, const Take& take,
                                     const std::vector<std::string>& optional = {}) {
  const auto read = TakeRows<Row>(store, text, columns, optional, parse, take);
  if (!read) return RejectedWhole(read.error());
  if (read->rejects.empty()) return std::nullopt;
  return Rejected(read->rejects, read->rows);
}

// A feed that is a table of rows.
template <class Row>
struct TableFeed {
  Feed feed;
  const std::vector<std::string>& (*columns)();
  Result<Row> (*parse)(const feeds::CsvRow&);
  Result<store::ImportOutcome> (store::Store::*import)(const std::vector<Row>&,
                                                       const audit::Entry&);
  std::size_t most;  // rows in a file: they are held in memory
  // What a row is known by, where the file replaces and is small: nobody could say which of two
  // rows is meant. Of the others the later row counts, or the store refuses the file.
  std::string (*key)(const Row&) = nullptr;
  bool replaces = false;  // the table becomes what the file says
};

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
    &store::Store::ImportRegistrations, 200'000'000};
constexpr TableFeed<MpanPrefix> kMpanPrefixes = {Feed::kMpanPrefixes,
                                                 feeds::MpanPrefixColumns,
                                                 feeds::ParseMpanPrefix,
                                                 &store::Store::ImportMpanPrefixes,
                                                 100,  // as many as two digits have
                                                 [](const MpanPrefix& row) { return row.prefix; },
                                                 true};
constexpr TableFeed<CalendarDay> kWorkingDays = {
    Feed::kWorkingDays,
    feeds::WorkingDayColumns,
    feeds::ParseWorkingDay,
    &store::Store::ImportWorkingDays,
    100'000,
    [](const CalendarDay& row) { return row.day.Iso(); },
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
constexpr TableFeed<ProxyCertificate> kProxyCertificates = {
    Feed::kProxyCertificates, feeds::ProxyCertificateColumns, feeds::ParseProxyCertificate,
    &store::Store::ImportProxyCertificates, 50'000'000};
constexpr TableFeed<RepositoryEntry> kRepositoryStatus = {
    Feed::kRepositoryStatus,
    feeds::RepositoryStatusColumns,
    feeds::ParseRepositoryStatus,
    &store::Store::ImportRepositoryStatus,
    1'000'000,
    [](const RepositoryEntry& row) { return ToHex(row.certificate); }};

// The good rows of a file.
template <class Row>
class Rows {
 public:
  explicit Rows(const TableFeed<Row>& feed) : feed_(feed) {}
  Status Take(Row row) {
    if (rows_.size() == feed_.most) {
      return Failure(Reason::kFeedRejected,
                     "the file has more than " + std::to_string(feed_.most) + " rows");
    }
    const std::string key = feed_.key == nullptr ? std::string() : feed_.key(row);
    if (!key.empty() && !keys_.insert(key).second) {
      return Failure(Reason::kFeedRejected, "an earlier row is for the same: " + key);
    }
    rows_.push_back(std::move(row));
    return Done{};
  }
  const std::vector<Row>& rows() const { return rows_; }

 private:
  const TableFeed<Row>& feed_;
  std::set<std::string> keys_;
  std::vector<Row> rows_;
};

// A file that lost its rows on the way would empty the table, and make it look fresh (P9).
HttpResponse RejectedForNoRows() {
  return RejectedWhole(Failure(Reason::kFeedRejected, "a file without rows is no list"));
}

// All of a file of which every row is good; a problem document otherwise.
template <class Row>
std::optional<HttpResponse> ReadTable(const FeedContext& context, const HttpRequest& request,
                                      const TableFeed<Row>& feed, Rows<Row>& rows) {
  return ReadRows<Row>(context.store, request.body.Text(), feed.columns(), feed.parse,
                       [&](Row row) { return rows.Take(std::move(row)); });
}

template <class Row>
HttpResponse ImportTable(const FeedContext& context, const HttpRequest& request,
                         const TableFeed<Row>& feed) {
  Rows<Row> rows(feed);
  if (auto wrong = ReadTable(context, request, feed, rows)) return *std::move(wrong);
  if (feed.replaces && rows.rows().empty()) return RejectedForNoRows();
  const FeedFile file(context, feed.feed, request);
  return Imported(context, file, (context.store.*feed.import)(rows.rows(), file.Entry()));
}

// R-SEC3-10, R-128-6: the row lets a User act again whom the row held under the same key keeps from
// it, as an older file does that is sent once more.
bool Reinstates(const PartyRecord& held, const PartyRecord& row) {
  const bool status = held.status != PartyStatus::kActive && row.status == PartyStatus::kActive;
  const bool notice = held.notice_to_cease &&
                      (!row.notice_to_cease || *held.notice_to_cease < *row.notice_to_cease);
  return status || notice;
}

// Those of the rows that do, as the operators read them.
Result<std::vector<std::string>> Reinstated(const store::Store& store,
                                            const std::vector<PartyRecord>& rows) {
  const auto records = store.Open();
  if (!records) return records.error();
  std::vector<std::string> reinstated;
  for (const PartyRecord& row : rows) {
    const auto held = (*records)->FindUser(row.user_id);
    if (!held) return held.error();
    for (const PartyRecord& before : *held) {
      const bool same = before.role == row.role && before.from == row.from;
      if (!same || !Reinstates(before, row)) continue;
      reinstated.push_back(row.user_id.Plain() + " " + row.party + ", " +
                           std::string(Name(row.role)) + " from " + row.from.Iso() + ": was " +
                           std::string(Name(before.status)) +
                           (before.notice_to_cease ? ", notice to cease" : ""));
    }
  }
  return reinstated;
}

// A correction is taken, and is told: nobody is let in again in silence.
HttpResponse ImportParties(const FeedContext& context, const HttpRequest& request) {
  Rows<PartyRecord> rows(kParties);
  if (auto wrong = ReadTable(context, request, kParties, rows)) return *std::move(wrong);
  const FeedFile file(context, Feed::kParties, request);
  const auto reinstated = Reinstated(context.store, rows.rows());
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
  Rows<RepositoryEntry> rows(kRepositoryStatus);
  std::optional<Failure> fault;
  auto wrong = ReadRows<RepositoryEntry>(
      context.store, request.body.Text(), kRepositoryStatus.columns(), kRepositoryStatus.parse,
      [&](RepositoryEntry row) -> Status {
        const auto held = (*records)->FindRepositoryEntry(row.certificate);
        if (!held) {
          fault = held.error();
          return held.error();
        }
        if (held->has_value()) {
          if (Status fits = feeds::CheckRepositoryChange(**held, row); !fits) return fits;
        }
        return rows.Take(std::move(row));
      });
  if (fault) return Problem(*fault);
  if (wrong) return *std::move(wrong);
  const FeedFile file(context, Feed::kRepositoryStatus, request);
  return Imported(context, file, context.store.ImportRepositoryStatus(rows.rows(), file.Entry()));
}

// R-SEC3-73: an entry that is wrong is rejected and reported, the rest is the new list.
HttpResponse ImportProducts(const FeedContext& context, const HttpRequest& request) {
  Rows<CertifiedProduct> rows(kProducts);
  const auto read = TakeRows<CertifiedProduct>(
      context.store, request.body.Text(), kProducts.columns(), {}, kProducts.parse,
      [&](CertifiedProduct row) { return rows.Take(std::move(row)); });
  if (!read) return RejectedWhole(read.error());
  // A file of which nothing is good is no list: it would take every model off.
  if (rows.rows().empty()) {
    return read->rejects.empty() ? RejectedForNoRows() : Rejected(read->rejects, read->rows);
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
