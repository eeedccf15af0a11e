#include "platform/review/entry_view.h"

#include "firmware/base/reason.h"

namespace acb::review {

std::string_view TextOf(const boost::json::object& entry, std::string_view name) {
  const boost::json::value* value = entry.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                : std::string_view();
}

std::string_view SupplierOf(const boost::json::object& entry) {
  const std::string_view party = TextOf(entry, "party");
  return party.empty() ? TextOf(entry, "user") : party;
}

std::string_view OutcomeOf(const boost::json::object& entry) {
  const std::string_view kind = TextOf(entry, "kind");
  if (kind == "signed") return kind;
  // A floor that waits is no handover.
  if (kind == "quarantined") return TextOf(entry, "request_id").empty() ? "" : kind;
  if (kind != "refused") return "";
  // Nor is an observation that was refused, or a counter for another command.
  if (TextOf(entry, "what") == "observation" || !TextOf(entry, "act").empty()) return "";
  // `final` does not tell: what is not proven to be the User's is refused and binds no RequestID.
  const ReasonInfo* reason = FindReason(TextOf(entry, "reason"));
  return reason != nullptr && reason->kind == ReasonKind::kRefusal ? kind : "undecided";
}

}  // namespace acb::review
