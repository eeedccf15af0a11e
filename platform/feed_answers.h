// What the imports of all feeds share: the file, the rejects, the answer.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "firmware/audit/entry.h"
#include "firmware/smki/bundle.h"
#include "firmware/smki/certificate.h"
#include "platform/feed_import.h"

namespace acb::platform {

// Enough to mend a file by; the rest are counted.
inline constexpr std::size_t kMaxRejectsListed = 100;

// The first of them in the order of the file, with line and reason, and how many there are.
class Rejects {
 public:
  // In any order.
  void Add(std::uint64_t line, const std::string& reason);
  // Counted, and not listed.
  void AddMore(std::uint64_t count) { count_ += count; }
  bool empty() const { return count_ == 0; }
  std::uint64_t count() const { return count_; }
  boost::json::array listed() const;

 private:
  std::uint64_t count_ = 0;
  std::multimap<std::uint64_t, std::string> first_;  // by line
};

HttpResponse Rejected(const Rejects& rejects, std::uint64_t rows);
// The file as a whole is not what the feed takes; another reason than kFeedRejected: it could not
// be looked at.
HttpResponse RejectedWhole(const Failure& failure);

// P9: a file that lost its rows on the way says nothing of what there is.
Failure NoRows();
// P9: kFeedRejected when the file has no rows and the feed was never imported, or its newest import
// was lost: no list is there yet, and none would look fresh. Later such a file is one without news.
// Also what reading the store fails with.
Status CheckBegins(const FeedContext& context, Feed feed, std::uint64_t rows);

// The blocks of a file of certificates or lists, each handed to `take` with the line of the file
// that it begins on; what is wrong with the file is a reject. How many blocks there are.
std::size_t ReadBundle(const HttpRequest& request, smki::BundleKind kind, Rejects& rejects,
                       const std::function<void(std::size_t line, const Bytes& der)>& take);
// The certificates held; what is none is left out.
std::vector<smki::CertificatePtr> ParseAll(const std::vector<Bytes>& ders);
// The first of them: an entry of the log has a limit.
audit::List Shortened(const std::vector<std::string>& texts);

// A file whose rows are good. Its octets are hashed here and nowhere else.
class FeedFile {
 public:
  FeedFile(const FeedContext& context, Feed feed, const HttpRequest& request);
  // Whose octets were hashed while they were read.
  FeedFile(const FeedContext& context, Feed feed, const HttpRequest& request,
           const Sha256Digest& sha256);
  // Item 10 of the catalogue (requirements section 3): where the data came from. Kind `feed`.
  audit::Entry Entry() const { return Entry("feed"); }
  // Kind `alarm`: what the operators must hear of this file.
  audit::Entry Alarm(std::string_view what) const;
  Feed feed() const { return feed_; }
  const Sha256Digest& sha256() const { return sha256_; }

 private:
  audit::Entry Entry(std::string_view kind) const;

  const HttpRequest& request_;
  const Feed feed_;
  const Sha256Digest sha256_;
  const UtcTime at_;
};

// The answer to an import: no row was rejected, unless the members of `more` say so. Every import
// is a new generation: decisions begun before it are made anew.
HttpResponse Imported(const FeedContext& context, const FeedFile& file,
                      const Result<store::ImportOutcome>& outcome,
                      const boost::json::object& more = {});

// Likewise, to a file of which nothing was kept, as the operators were told with `receipt`: no
// import, which would make the feed look fresh (P9).
HttpResponse NothingImported(const FeedFile& file, const audit::Receipt& receipt,
                             const boost::json::object& more);

}  // namespace acb::platform
