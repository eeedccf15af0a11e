// Pages of the search: one handover from request to response, a device, an entry, the entries
// behind a figure.
#pragma once

#include "platform/review/page.h"
#include "platform/review/search.h"

namespace acb::review {

platform::HttpResponse RenderRequest(const BoxState& box, const FoundRequest& found);
platform::HttpResponse RenderDevice(const BoxState& box, const FoundDevice& found);
platform::HttpResponse RenderEntry(const BoxState& box, const FoundEntry& entry);
platform::HttpResponse RenderList(const BoxState& box, const EntryFilter& filter,
                                  std::uint64_t last, const FoundList& found);
// The form again, with a sentence that says what was wrong; `status` of HTTP.
platform::HttpResponse RenderNothing(const BoxState& box, std::string_view query,
                                     std::string_view why, int status);
platform::HttpResponse RenderFailed(const BoxState& box, const Failure& failure);

}  // namespace acb::review
