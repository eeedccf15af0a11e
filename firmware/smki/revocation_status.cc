#include "firmware/smki/revocation_status.h"

namespace acb::smki {
namespace {

// Why the list does not count; nothing when it does. R-SEC3-14, R-SEC3-16.
std::optional<std::string> WhyNotCurrent(const RevocationList& list,
                                         const StatusQuestion& question) {
  if (list.scope() == question.other_scope) return "it does not cover this kind of certificate";
  if (question.at < list.this_update()) return "its thisUpdate lies in the future";
  if (list.next_update() <= question.at) return "its nextUpdate has passed";
  if (list.this_update().PlusSeconds(question.max_age_seconds) < question.at) {
    return "it is older than the " + std::to_string(question.max_age_seconds) +
           " seconds allowed here";
  }
  return std::nullopt;
}

Failure NoneCounts(const StatusQuestion& question) {
  const std::string about = question.certificate.Label() + " judged at " + question.at.Iso() + ": ";
  const RevocationList* newest = nullptr;
  for (const RevocationListPtr& list : question.lists) {
    if (newest == nullptr || newest->number() < list->number()) newest = list.get();
  }
  if (newest == nullptr) {
    return Failure(question.stale, about + "no revocation list signed by its issuer " +
                                       question.certificate.issuer().Text() + " is held");
  }
  const auto why = WhyNotCurrent(*newest, question);
  return Failure(question.stale, about + newest->Label() + ": " + why.value_or("unusable"));
}

}  // namespace

// Of the lists that cover the certificate and have begun, the highest number decides, and it alone:
// a newer list that has run out may name what an older one, still in its time, does not.
Status CheckStatus(const StatusQuestion& question) {
  const auto begun = [&](const RevocationList& list) {
    return list.scope() != question.other_scope && list.this_update() <= question.at;
  };
  const RevocationList* highest = nullptr;
  for (const RevocationListPtr& list : question.lists) {
    if (begun(*list) && (highest == nullptr || highest->number() < list->number())) {
      highest = list.get();
    }
  }
  if (highest == nullptr || WhyNotCurrent(*highest, question)) return NoneCounts(question);
  for (const RevocationListPtr& list : question.lists) {
    // Numbers and dates of a CA may disagree: what is younger than the highest number counts too.
    const bool counts =
        list->number() == highest->number() || highest->this_update() < list->this_update();
    if (!counts || !begun(*list)) continue;
    if (list->Lists(question.certificate.serial())) {
      return Failure(question.revoked,
                     question.certificate.Label() + " is revoked on " + list->Label());
    }
  }
  return Done{};
}

}  // namespace acb::smki
