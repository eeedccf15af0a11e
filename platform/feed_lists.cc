#include <map>
#include <set>

#include "firmware/feeds/revocation_lists.h"
#include "firmware/smki/revocation_list.h"
#include "platform/feed_answers.h"
#include "platform/feed_certificates.h"

namespace acb::platform {
namespace {

// Of all lists held whose issuer is not. They are kept, since its certificate may come with the
// request alone; anyone may make one, and each is read again with every import.
constexpr std::size_t kMaxUnverifiedOctets = std::size_t{8} * 1024 * 1024;

// What cannot be verified yet.
class Unverified {
 public:
  explicit Unverified(const feeds::ListContext& context) : context_(context) {
    for (const smki::RevocationListPtr& list : context.held) {
      held_.insert(list->sha256());
      if (!IsIssuerHeld(*list)) octets_ += list->der().size();
    }
  }

  // Counts the list when its issuer is not held. kFeedRejected when there is no room for it.
  Status Add(const smki::RevocationList& list) {
    if (IsIssuerHeld(list)) return Done{};
    ++count_;
    if (!held_.insert(list.sha256()).second) return Done{};
    octets_ += list.der().size();
    if (octets_ <= kMaxUnverifiedOctets) return Done{};
    return Failure(Reason::kFeedRejected,
                   list.Label() + ": lists whose issuer is not held may have " +
                       std::to_string(kMaxUnverifiedOctets) + " octets in all");
  }
  std::size_t count() const { return count_; }

 private:
  bool IsIssuerHeld(const smki::RevocationList& list) {
    const auto [known, first] = issuers_.try_emplace(list.issuer().Key(), false);
    if (first) known->second = feeds::IsIssuerHeld(list, context_);
    return known->second;
  }

  const feeds::ListContext& context_;
  std::map<std::string, bool> issuers_;
  std::set<Sha256Digest> held_;
  std::size_t octets_ = 0;
  std::size_t count_ = 0;
};

// What of a file of revocation lists is good, and what it makes of those held.
struct NewLists {
  std::vector<Bytes> ders;
  std::vector<smki::RevocationListPtr> lists;
  std::vector<std::string> alarms;  // rolled back, or of the wrong issuer (R-SEC3-17)
  Rejects rejects;
  std::size_t blocks = 0;
  std::size_t unverified = 0;
};

NewLists CheckLists(const HttpRequest& request, const feeds::ListContext& context, UtcTime at) {
  NewLists found;
  Unverified unverified(context);
  const auto take = [&](std::size_t line, const Bytes& der) {
    auto list = smki::RevocationList::Parse(der);
    if (!list) {
      found.rejects.Add(line, list.error().explanation);
    } else if (const Status good = feeds::CheckNewRevocationList(**list, context, at); !good) {
      found.rejects.Add(line, good.error().explanation);
      found.alarms.push_back(good.error().explanation);
    } else if (const Status room = unverified.Add(**list); !room) {
      found.rejects.Add(line, room.error().explanation);
    } else {
      found.lists.push_back(*std::move(list));
      found.ders.push_back(der);
    }
  };
  found.blocks = ReadBundle(request, smki::BundleKind::kRevocationLists, found.rejects, take);
  found.unverified = unverified.count();
  return found;
}

// R-SEC3-17: rejected, the old one kept, the operators told.
Status TellRefused(const FeedContext& context, const FeedFile& file, const NewLists& found) {
  if (found.alarms.empty()) return Done{};
  audit::Entry alarm = file.Alarm("revocation list refused");
  alarm.Set("count", std::to_string(found.alarms.size())).Set("lists", Shortened(found.alarms));
  if (const auto told = context.store.Append(alarm); !told) return told.error();
  return Done{};
}

std::vector<Sha256Digest> SupersededBy(const NewLists& found, const feeds::ListContext& context,
                                       UtcTime at) {
  std::set<Sha256Digest> superseded;
  for (const smki::RevocationListPtr& list : found.lists) {
    const auto older = feeds::SupersededLists(*list, context, at);
    superseded.insert(older.begin(), older.end());
  }
  return {superseded.begin(), superseded.end()};
}

// R-SEC3-61: whose certificates can be judged again.
std::vector<std::string> IssuersInForce(const NewLists& found, const feeds::ListContext& context,
                                        UtcTime at) {
  std::vector<std::string> issuers;
  for (const smki::RevocationListPtr& list : found.lists) {
    if (feeds::IsInForce(*list, context, at)) issuers.push_back(list->issuer().Text());
  }
  return issuers;
}

}  // namespace

HttpResponse ImportRevocationLists(const FeedContext& context, const HttpRequest& request) {
  const auto material = context.store.LoadTrustMaterial();
  if (!material) return Problem(material.error());
  const auto trust = context.trust.Current();
  const auto certificates = ParseAll(material->certificates);
  std::vector<smki::RevocationListPtr> held;
  for (const Bytes& der : material->revocation_lists) {
    if (auto list = smki::RevocationList::Parse(der)) held.push_back(*std::move(list));
  }
  const feeds::ListContext lists{trust->settings(), certificates, held};
  const UtcTime at = context.JudgedAt();
  const NewLists found = CheckLists(request, lists, at);
  const FeedFile file(context, Feed::kRevocationLists, request);
  if (const Status told = TellRefused(context, file, found); !told) return Problem(told.error());
  if (!found.rejects.empty()) return Rejected(found.rejects, found.blocks);
  // Those of the file itself may be superseded by others of it.
  held.insert(held.end(), found.lists.begin(), found.lists.end());
  const std::vector<Sha256Digest> superseded = SupersededBy(found, lists, at);
  audit::Entry entry = file.Entry();
  const std::vector<std::string> issuers = IssuersInForce(found, lists, at);
  if (!issuers.empty()) entry.Set("issuers_in_force", Shortened(issuers));
  boost::json::object more{{"superseded", std::to_string(superseded.size())}};
  if (found.unverified != 0) more["unverified"] = std::to_string(found.unverified);
  return Imported(context, file, context.store.ImportRevocationLists(found.ders, superseded, entry),
                  more);
}

}  // namespace acb::platform
