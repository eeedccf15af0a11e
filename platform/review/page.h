// The review page (design.md section 8, GET /).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "firmware/base/result.h"
#include "platform/http_message.h"
#include "platform/review/counting.h"
#include "platform/review/html.h"
#include "store/store.h"

namespace acb::review {

// What the box says of itself.
struct BoxState {
  std::string environment;
  UtcTime at{0};
  bool ready = false;              // it can decide
  std::vector<Failure> attention;  // what keeps it from signing; empty: it signs
};

// What is stored besides the log, as of the page.
struct Waiting {
  std::uint64_t unanswered = 0;  // reservations
  std::vector<store::QuarantinedItem> quarantine;
  bool more_in_quarantine = false;  // than are listed
  std::vector<Suspension> suspensions;
};

// The newest checkpoint that left the box.
struct CheckpointHead {
  std::uint64_t size = 0;
  Sha256Digest root{};
  struct Cosignature {
    std::string witness;
    UtcTime at{0};
  };
  std::vector<Cosignature> cosignatures;
};

struct LogHead {
  std::uint64_t size = 0;
  std::optional<store::Anchored> anchored;
  // Of the newest entry, when there is one.
  std::string newest_time;
  std::string newest_kind;
  Sha256Digest newest_leaf{};
  std::optional<CheckpointHead> checkpoint;
};

struct ReviewPage {
  BoxState box;
  Counting::Now figures;
  Result<Waiting> waiting;
  Result<LogHead> log;
};

platform::HttpResponse RenderReview(const ReviewPage& page);

// Of a box that did not open: 200 all the same, since the page is there to say so.
platform::HttpResponse RenderClosed(const BoxState& box);

// The command that makes an export of [from, to), dates or indices as acbctl takes them; empty: not
// given. Nothing is exported by the page itself: an export is an act with a record, made where its
// file is wanted, by a command that shows its client certificate.
struct ExportWish {
  std::string from;
  std::string to;
  bool panel = false;  // redaction
};
platform::HttpResponse RenderExport(const BoxState& box, const ExportWish& wish);

// The parts, in sections.cc.
void AddState(Html& html, const BoxState& box, const Result<Waiting>* waiting);
void AddSearchForm(Html& html, std::string_view query);
void AddCounted(Html& html, const Counting::Now& now, const Result<LogHead>& log);
void AddRefusals(Html& html, const Figures& figures);
void AddStuck(Html& html, const Figures& figures, const Result<Waiting>& waiting);
void AddLog(Html& html, const Result<LogHead>& log);
void AddReports(Html& html, Month month);
void AddExportForm(Html& html, const ExportWish& wish);

// The path of a search.
std::string SearchPath(std::string_view query);

}  // namespace acb::review
