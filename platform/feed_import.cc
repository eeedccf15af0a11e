#include "platform/feed_import.h"

#include <boost/json.hpp>

#include "firmware/feeds/csv.h"
#include "firmware/feeds/devices.h"
#include "firmware/feeds/parties.h"
#include "firmware/feeds/registrations.h"
#include "firmware/feeds/revocation_lists.h"
#include "firmware/smki/bundle.h"
#include "firmware/smki/revocation_list.h"

namespace acb::platform {
namespace {

// Enough to mend a file by; the rest are counted.
constexpr std::size_t kMaxRejectsListed = 100;

// The first of them with line and reason, and how many there are.
class Rejects {
 public:
  void Add(std::uint64_t line, const std::string& reason) {
    ++count_;
    if (listed_.size() == kMaxRejectsListed) return;
    listed_.push_back({{"line", std::to_string(line)}, {"reason", reason}});
  }
  bool empty() const { return count_ == 0; }
  std::uint64_t count() const { return count_; }
  const boost::json::array& listed() const { return listed_; }

 private:
  std::uint64_t count_ = 0;
  boost::json::array listed_;
};

HttpResponse Rejected(const Rejects& rejects, std::uint64_t rows) {
  return Problem(Failure(Reason::kFeedRejected, std::to_string(rejects.count()) + " of " +
                                                    std::to_string(rows) + " rows are wrong"),
                 {{"rows", std::to_string(rows)},
                  {"rejected", std::to_string(rejects.count())},
                  {"rejects", rejects.listed()}});
}

// The file as a whole is not what the feed takes.
HttpResponse RejectedWhole(const Failure& failure) {
  Rejects rejects;
  rejects.Add(1, failure.explanation);
  return Rejected(rejects, 0);
}

// Item 10 of the catalogue: where the data came from.
audit::Entry FeedEntry(const FeedContext& context, std::string_view feed,
                       const HttpRequest& request) {
  audit::Entry entry("feed", context.clock.Now());
  entry.Set("feed", feed)
      .Set("client", request.client.name)
      .Set("sha256", ToHex(Sha256(request.body.View())))
      .Set("octets", std::to_string(request.body.size()));
  return entry;
}

// Every import is a new generation: decisions begun before it are made anew.
HttpResponse Imported(const FeedContext& context, std::string_view feed, const HttpRequest& request,
                      const Result<store::ImportOutcome>& outcome) {
  if (Status reloaded = context.trust.Reload(); !reloaded) return Problem(reloaded.error());
  if (!outcome) return Problem(outcome.error());
  return JsonResponse(boost::json::object{{"feed", feed},
                                          {"rows", std::to_string(outcome->rows)},
                                          {"changed", std::to_string(outcome->changed)},
                                          {"sha256", ToHex(Sha256(request.body.View()))},
                                          {"audit",
                                           {{"index", std::to_string(outcome->receipt.index)},
                                            {"leaf", ToHex(outcome->receipt.leaf)}}}});
}

template <class Row>
using RowParser = Result<Row> (*)(const feeds::CsvRow&);

// Hands each good row of the file to `take`. A problem document when a row is wrong, with the line
// and reason of each.
template <class Row, class Take>
std::optional<HttpResponse> ReadRows(std::string_view text, const std::vector<std::string>& columns,
                                     RowParser<Row> parse, Take take) {
  auto reader = feeds::CsvReader::Open(text, columns);
  if (!reader) return RejectedWhole(reader.error());
  Rejects rejects;
  std::uint64_t rows = 0;
  while (true) {
    const auto row = reader->Next();
    if (row && !row->has_value()) break;
    ++rows;
    auto parsed = row ? parse(**row) : Result<Row>(row.error());
    if (parsed) {
      take(*std::move(parsed));
    } else {
      rejects.Add(reader->line(), parsed.error().explanation);
    }
  }
  if (rejects.empty()) return std::nullopt;
  return Rejected(rejects, rows);
}

HttpResponse ImportParties(const FeedContext& context, const HttpRequest& request) {
  std::vector<PartyRecord> rows;
  auto wrong = ReadRows(request.body.Text(), feeds::PartyColumns(), feeds::ParseParty,
                        [&](PartyRecord row) { rows.push_back(std::move(row)); });
  if (wrong) return *std::move(wrong);
  return Imported(context, "parties", request,
                  context.store.ImportParties(rows, FeedEntry(context, "parties", request)));
}

HttpResponse ImportRegistrations(const FeedContext& context, const HttpRequest& request) {
  std::vector<Registration> rows;
  auto wrong = ReadRows(request.body.Text(), feeds::RegistrationColumns(), feeds::ParseRegistration,
                        [&](Registration row) { rows.push_back(std::move(row)); });
  if (wrong) return *std::move(wrong);
  return Imported(
      context, "registrations", request,
      context.store.ImportRegistrations(rows, FeedEntry(context, "registrations", request)));
}

// Twice through the file: once to see that every row is good, once to hand the rows over one by
// one, so that memory does not grow with the file.
HttpResponse ImportDevices(const FeedContext& context, const HttpRequest& request) {
  const std::string_view text = request.body.Text();
  auto wrong = ReadRows(text, feeds::DeviceColumns(), feeds::ParseDevice, [](Device) {});
  if (wrong) return *std::move(wrong);
  auto reader = feeds::CsvReader::Open(text, feeds::DeviceColumns());
  if (!reader) return Problem(reader.error());
  const auto next = [&reader]() -> Result<std::optional<Device>> {
    const auto row = reader->Next();
    if (!row) return row.error();
    if (!row->has_value()) return std::optional<Device>();
    auto device = feeds::ParseDevice(**row);
    if (!device) return std::move(device).error();
    return std::optional<Device>(*std::move(device));
  };
  return Imported(context, "devices", request,
                  context.store.ImportDevices(next, FeedEntry(context, "devices", request)));
}

HttpResponse ImportCertificates(const FeedContext& context, const HttpRequest& request) {
  const auto found = smki::SplitCertificates(request.body.View());
  if (!found) return RejectedWhole(found.error());
  Rejects rejects;
  for (std::size_t i = 0; i < found->size(); ++i) {
    const auto certificate = smki::Certificate::Parse((*found)[i]);
    if (!certificate) rejects.Add(i + 1, certificate.error().explanation);
  }
  if (!rejects.empty()) return Rejected(rejects, found->size());
  const auto outcome = context.store.ImportCertificates(
      *found, FeedEntry(context, "organisation-certificates", request));
  return Imported(context, "organisation-certificates", request, outcome);
}

HttpResponse ImportRevocationLists(const FeedContext& context, const HttpRequest& request) {
  const auto found = smki::SplitRevocationLists(request.body.View());
  if (!found) return RejectedWhole(found.error());
  const auto held = context.store.LoadTrustMaterial();
  if (!held) return Problem(held.error());
  const auto trust = context.trust.Current();
  Rejects rejects;
  for (std::size_t i = 0; i < found->size(); ++i) {
    const auto list = smki::RevocationList::Parse((*found)[i]);
    const Status good =
        list ? feeds::CheckNewRevocationList(**list, trust->settings(), held->certificates,
                                             held->revocation_lists)
             : Status(list.error());
    if (!good) rejects.Add(i + 1, good.error().explanation);
  }
  if (!rejects.empty()) return Rejected(rejects, found->size());
  const auto outcome = context.store.ImportRevocationLists(
      *found, {}, FeedEntry(context, "revocation-lists", request));
  return Imported(context, "revocation-lists", request, outcome);
}

}  // namespace

void AddFeedRoutes(Router& router, const FeedContext& context) {
  using Import = HttpResponse (*)(const FeedContext&, const HttpRequest&);
  const auto add = [&](const char* feed, Import import) {
    router.Add({.method = "POST",
                .pattern = std::string("/v1/feeds/") + feed,
                .roles = {Role::kFeed},
                .body_limit = context.body_limit,
                .handler = [context, import](
                               const HttpRequest& request) { return import(context, request); },
                .spool = true});
  };
  add("parties", ImportParties);
  add("registrations", ImportRegistrations);
  add("devices", ImportDevices);
  add("organisation-certificates", ImportCertificates);
  add("revocation-lists", ImportRevocationLists);
}

}  // namespace acb::platform
