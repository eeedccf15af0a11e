// What the review reads of a parsed entry of the log.
#pragma once

#include <boost/json.hpp>
#include <string_view>

namespace acb::review {

// Empty when there is no such member or it is no text.
std::string_view TextOf(const boost::json::object& entry, std::string_view name);

// Who asked: the party's short name, or the User's EUI-64 when the request was answered before its
// party was looked up; empty when nobody is proven to have asked.
std::string_view SupplierOf(const boost::json::object& entry);

// What became of a request: "signed", "refused" (for its content, whether or not its RequestID
// stayed open), "quarantined", "undecided" (a fault); empty when the entry is of something else.
std::string_view OutcomeOf(const boost::json::object& entry);

}  // namespace acb::review
