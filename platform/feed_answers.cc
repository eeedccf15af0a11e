#include "platform/feed_answers.h"

#include <algorithm>

#include "platform/answers.h"

namespace acb::platform {

void Rejects::Add(std::uint64_t line, const std::string& reason) {
  ++count_;
  if (first_.size() == kMaxRejectsListed && first_.rbegin()->first <= line) return;
  first_.emplace(line, reason);
  if (first_.size() > kMaxRejectsListed) first_.erase(std::prev(first_.end()));
}

boost::json::array Rejects::listed() const {
  boost::json::array listed;
  for (const auto& [line, reason] : first_) {
    listed.push_back({{"line", std::to_string(line)}, {"reason", reason}});
  }
  return listed;
}

namespace {

HttpResponse RejectedWith(const Failure& failure, const Rejects& rejects, std::uint64_t rows) {
  return Problem(failure, {{"rows", std::to_string(rows)},
                           {"rejected", std::to_string(rejects.count())},
                           {"rejects", rejects.listed()}});
}

}  // namespace

HttpResponse Rejected(const Rejects& rejects, std::uint64_t rows) {
  return RejectedWith(Failure(Reason::kFeedRejected, std::to_string(rejects.count()) + " of " +
                                                         std::to_string(rows) + " rows are wrong"),
                      rejects, rows);
}

HttpResponse RejectedWhole(const Failure& failure) {
  if (failure.reason != Reason::kFeedRejected) return Problem(failure);
  Rejects rejects;
  rejects.Add(1, failure.explanation);
  return RejectedWith(failure, rejects, 0);
}

Failure NoRows() { return {Reason::kFeedRejected, "a file without rows is no list"}; }

Status CheckBegins(const FeedContext& context, Feed feed, std::uint64_t rows) {
  if (rows != 0) return Done{};
  const auto records = context.store.Open();
  if (!records) return records.error();
  const auto last = (*records)->FindLastImport(feed);
  if (!last) return last.error();
  // No news since an import that was lost is not that import.
  if (last->has_value() && !(*last)->lost) return Done{};
  return NoRows();
}

std::size_t ReadBundle(const HttpRequest& request, smki::BundleKind kind, Rejects& rejects,
                       const std::function<void(std::size_t line, const Bytes& der)>& take) {
  smki::BundleReader reader(request.body.View(), kind);
  while (true) {
    const auto block = reader.Next();
    if (!block) rejects.Add(reader.line(), block.error().explanation);
    if (!block || !block->has_value()) break;
    take(reader.line(), **block);
  }
  // What is wrong between the blocks, or with a file that has none, counts as one.
  return std::max<std::size_t>(reader.CountBlocks(), rejects.count());
}

std::vector<smki::CertificatePtr> ParseAll(const std::vector<Bytes>& ders) {
  std::vector<smki::CertificatePtr> parsed;
  for (const Bytes& der : ders) {
    if (auto certificate = smki::Certificate::Parse(der)) parsed.push_back(*std::move(certificate));
  }
  return parsed;
}

audit::List Shortened(const std::vector<std::string>& texts) {
  // Of all texts in one list; JSON may take six octets for one.
  constexpr std::size_t kMaxListedOctets = 8 * 1024;
  audit::List list;
  std::size_t octets = 0;
  for (const std::string& text : texts) {
    octets += text.size();
    if (list.size() == kMaxRejectsListed || octets > kMaxListedOctets) break;
    list.emplace_back(text);
  }
  return list;
}

FeedFile::FeedFile(const FeedContext& context, Feed feed, const HttpRequest& request)
    : FeedFile(context, feed, request, Sha256(request.body.View())) {}

FeedFile::FeedFile(const FeedContext& context, Feed feed, const HttpRequest& request,
                   const Sha256Digest& sha256)
    : request_(request), feed_(feed), sha256_(sha256), at_(context.clock.Now()) {}

audit::Entry FeedFile::Entry(std::string_view kind) const {
  audit::Entry entry(kind, at_);
  entry.Set("feed", Name(feed_))
      .Set("client", request_.client.name)
      .Set("sha256", ToHex(sha256_))
      .Set("octets", std::to_string(request_.BodySize()));
  return entry;
}

audit::Entry FeedFile::Alarm(std::string_view what) const {
  audit::Entry entry = Entry("alarm");
  entry.Set("alarm", what);
  return entry;
}

namespace {

boost::json::object ImportAnswer(const FeedFile& file, std::uint64_t rows, std::uint64_t changed,
                                 const audit::Receipt& receipt) {
  return {{"feed", Name(file.feed())},
          {"rows", std::to_string(rows)},
          {"changed", std::to_string(changed)},
          {"sha256", ToHex(file.sha256())},
          // design.md section 8: of every feed. The one that takes a file with wrong rows says so
          // in `more`.
          {"rejected", "0"},
          {"rejects", boost::json::array()},
          {"audit", ReceiptJson(receipt)}};
}

}  // namespace

HttpResponse Imported(const FeedContext& context, const FeedFile& file,
                      const Result<store::ImportOutcome>& outcome,
                      const boost::json::object& more) {
  if (Status reloaded = context.trust.Reload(); !reloaded) return Problem(reloaded.error());
  if (!outcome) return Problem(outcome.error());
  boost::json::object answer =
      ImportAnswer(file, outcome->rows, outcome->changed, outcome->receipt);
  if (outcome->against_observed != 0) {
    answer["against_observed"] = std::to_string(outcome->against_observed);
  }
  for (const auto& [name, value] : more) answer[name] = value;
  return JsonResponse(answer);
}

HttpResponse NothingImported(const FeedFile& file, const audit::Receipt& receipt,
                             const boost::json::object& more) {
  boost::json::object answer = ImportAnswer(file, 0, 0, receipt);
  for (const auto& [name, value] : more) answer[name] = value;
  return JsonResponse(answer);
}

}  // namespace acb::platform
