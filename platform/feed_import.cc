#include "platform/feed_import.h"

#include <boost/json.hpp>

#include "firmware/feeds/csv.h"
#include "firmware/feeds/devices.h"
#include "firmware/feeds/parties.h"
#include "firmware/feeds/registrations.h"
#include "firmware/feeds/revocation_lists.h"
#include "firmware/smki/bundle.h"
#include "firmware/smki/revocation_list.h"
#include "platform/device_import.h"

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
  // Counted, and not listed.
  void AddMore(std::uint64_t count) { count_ += count; }
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
                       const HttpRequest& request, const Sha256Digest& sha256) {
  audit::Entry entry("feed", context.clock.Now());
  entry.Set("feed", feed)
      .Set("client", request.client.name)
      .Set("sha256", ToHex(sha256))
      .Set("octets", std::to_string(request.body.size()));
  return entry;
}

audit::Entry FeedEntry(const FeedContext& context, std::string_view feed,
                       const HttpRequest& request) {
  return FeedEntry(context, feed, request, Sha256(request.body.View()));
}

// Every import is a new generation: decisions begun before it are made anew.
HttpResponse Imported(const FeedContext& context, std::string_view feed, const Sha256Digest& sha256,
                      const Result<store::ImportOutcome>& outcome) {
  if (Status reloaded = context.trust.Reload(); !reloaded) return Problem(reloaded.error());
  if (!outcome) return Problem(outcome.error());
  return JsonResponse(boost::json::object{{"feed", feed},
                                          {"rows", std::to_string(outcome->rows)},
                                          {"changed", std::to_string(outcome->changed)},
                                          {"sha256", ToHex(sha256)},
                                          {"audit",
                                           {{"index", std::to_string(outcome->receipt.index)},
                                            {"leaf", ToHex(outcome->receipt.leaf)}}}});
}

HttpResponse Imported(const FeedContext& context, std::string_view feed, const HttpRequest& request,
                      const Result<store::ImportOutcome>& outcome) {
  return Imported(context, feed, Sha256(request.body.View()), outcome);
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

// The file is checked, and its rows made ready, before the store's writer is asked for: it has no
// more to do than to write.
HttpResponse ImportDevices(const FeedContext& context, const HttpRequest& request) {
  const std::unique_lock alone(*context.one_devices_import, std::try_to_lock);
  if (!alone) return Problem(Failure(Reason::kBusy, "another devices file is being imported"));
  auto prepared = PreparedDevices::From(request.body, context.scratch);
  if (!prepared) {
    const Failure& failure = prepared.error();
    return failure.reason == Reason::kFeedRejected ? RejectedWhole(failure) : Problem(failure);
  }
  if (prepared->rejected() != 0) {
    Rejects rejects;
    for (const DeviceReject& reject : prepared->rejects()) rejects.Add(reject.line, reject.reason);
    rejects.AddMore(prepared->rejected() - prepared->rejects().size());
    return Rejected(rejects, prepared->rows());
  }
  const auto entry = FeedEntry(context, "devices", request, prepared->sha256());
  return Imported(context, "devices", prepared->sha256(),
                  context.store.ImportDevices(prepared->Source(), entry));
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
  const auto outcome =
      context.store.ImportRevocationLists(*found, FeedEntry(context, "revocation-lists", request));
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
