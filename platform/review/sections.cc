#include <algorithm>

#include "firmware/base/bytes.h"
#include "platform/review/charts.h"
#include "platform/review/frame.h"
#include "platform/review/page.h"

namespace acb::review {
namespace {

void BeginTable(Html& html, Html::Literal label) {
  html.Raw("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"").Raw(label);
  html.Raw("\"><table>\n<thead><tr>");
}
void EndTable(Html& html) { html.Raw("</tbody></table></div>\n"); }

void AddDevice(Html& html, std::string_view device) {
  html.Raw("<a class=\"id\" href=\"").Text(SearchPath(device)).Raw("\">").Text(device);
  html.Raw("</a>");
}

void AddEntryLink(Html& html, std::uint64_t index) {
  const std::string number = std::to_string(index);
  html.Raw("<a href=\"/review/entry/").Text(number).Raw("\">entry ").Text(number).Raw("</a>");
}

void AddSuspensions(Html& html, const std::vector<Suspension>& suspensions) {
  if (suspensions.empty()) return;
  html.Raw("<h3>Suspended by operators</h3>\n");
  BeginTable(html, "Table: suspensions");
  html.Raw(
      "<th scope=\"col\">What</th><th scope=\"col\">Which</th><th scope=\"col\">Since</th>"
      "<th scope=\"col\">Authority</th><th scope=\"col\">By</th></tr></thead>\n<tbody>\n");
  for (const Suspension& row : suspensions) {
    html.Raw("<tr><th scope=\"row\">").Text(Name(row.scope)).Raw("</th><td>").Text(row.subject);
    html.Raw("</td><td>").Text(Readable(row.since)).Raw("</td><td>").Text(row.authority);
    html.Raw("</td><td>").Text(row.by).Raw("</td></tr>\n");
  }
  EndTable(html);
}

void AddQuarantine(Html& html, const Waiting& waiting) {
  html.Raw("<h3>Waiting for two operators</h3>\n");
  if (waiting.quarantine.empty()) {
    html.Raw("<p>Nothing waits in quarantine.</p>\n");
    return;
  }
  BeginTable(html, "Table: quarantine");
  html.Raw(
      "<th scope=\"col\">Number</th><th scope=\"col\">What</th><th scope=\"col\">Device</th>"
      "<th scope=\"col\">Role</th><th scope=\"col\">Since</th><th scope=\"col\">Why</th>"
      "</tr></thead>\n<tbody>\n");
  for (const store::QuarantinedItem& item : waiting.quarantine) {
    html.Raw("<tr><th scope=\"row\">");
    AddEntryLink(html, item.id);
    html.Raw("</th><td>").Raw(item.request ? Html::Literal("request") : Html::Literal("floor"));
    html.Raw("</td><td>");
    AddDevice(html, item.device.Hyphenated());
    html.Raw("</td><td>").Text(Name(item.role)).Raw("</td><td>").Text(Readable(item.since));
    html.Raw("</td><td>").Text(item.why).Raw("</td></tr>\n");
  }
  EndTable(html);
  if (waiting.more_in_quarantine) {
    html.Raw("<p>There are more: <a href=\"/v1/quarantine\">all of them, for programs</a>.</p>\n");
  }
}

void AddStuckTable(Html& html, const Figures& figures) {
  BeginTable(html, "Table: stuck devices");
  html.Raw(
      "<th scope=\"col\">Device</th><th scope=\"col\">Role</th><th scope=\"col\">Signed</th>"
      "<th scope=\"col\">What is known</th></tr></thead>\n<tbody>\n");
  for (const StuckDevice& stuck : figures.stuck) {
    html.Raw("<tr><th scope=\"row\">");
    AddDevice(html, stuck.device.Hyphenated());
    html.Raw("</th><td>").Text(Name(stuck.role)).Raw("</td><td>").Text(Readable(stuck.since));
    html.Raw(", ");
    AddEntryLink(html, stuck.index);
    html.Raw("</td><td>");
    if (stuck.failed) {
      html.Raw("the device refused the command: ");
      AddEntryLink(html, *stuck.failed);
    } else {
      html.Raw("no outcome was observed");
    }
    html.Raw("</td></tr>\n");
  }
  EndTable(html);
}

void AddCheckpoint(Html& html, const std::optional<CheckpointHead>& checkpoint) {
  html.Raw("<dt>Newest checkpoint</dt><dd>");
  if (!checkpoint) {
    html.Raw("none yet</dd>\n");
    return;
  }
  html.Number(checkpoint->size).Raw(" entries</dd>\n<dt>Its root</dt><dd class=\"hash\">");
  html.Text(ToHex(checkpoint->root)).Raw("</dd>\n<dt>Cosigned by</dt><dd>");
  if (checkpoint->cosignatures.empty()) html.Raw("no witness");
  for (const CheckpointHead::Cosignature& line : checkpoint->cosignatures) {
    html.Raw("<div>").Text(line.witness).Raw(", ").Text(Readable(line.at)).Raw("</div>");
  }
  html.Raw("</dd>\n");
}

void AddAlarms(Html& html, const std::vector<Alarm>& alarms) {
  html.Raw("<h3>Newest alarms</h3>\n");
  if (alarms.empty()) {
    html.Raw("<p>The log has no alarm.</p>\n");
    return;
  }
  BeginTable(html, "Table: alarms");
  html.Raw(
      "<th scope=\"col\">Time</th><th scope=\"col\">Alarm</th><th scope=\"col\">Device</th>"
      "<th scope=\"col\">Entry</th></tr></thead>\n<tbody>\n");
  for (const Alarm& alarm : alarms) {
    html.Raw("<tr><th scope=\"row\">").Text(Readable(alarm.at)).Raw("</th><td>").Text(alarm.alarm);
    html.Raw("</td><td>");
    if (!alarm.device.empty()) AddDevice(html, alarm.device);
    html.Raw("</td><td>");
    AddEntryLink(html, alarm.index);
    html.Raw("</td></tr>\n");
  }
  EndTable(html);
}

// Whether the box itself says the same.
bool Says(const BoxState& box, const Failure& failure) {
  return std::ranges::any_of(box.attention, [&](const Failure& each) {
    return each.reason == failure.reason && each.explanation == failure.explanation;
  });
}

struct ReportLine {
  Html::Literal name;
  Html::Literal what;
};
// By the names of GET /v1/reports/{name}.
constexpr ReportLine kReports[] = {
    {"network-certificates", "refused network certificates by supplier and code, for the Panel"},
    {"post-commissioning", "devices whose handover is late or at risk (seven Working Days)"},
    {"mismatches", "MPAN prefix and registration data name different operators"},
    {"deadlocks", "SMETS1 devices that neither party can correct"},
    {"reconciliation", "DSP and S1SP records that differ"},
    {"orphans", "cells that hold a certificate of nobody"},
    {"gnp-leaving", "gas network parties that leave, and their Gas Proxy Functions"},
    {"wrong-certificates", "devices with another operator's certificate, by month"},
    {"counters", "highest counters, gaps with their cause, refused regressions"},
    {"keys", "the keys, their certificates and what became of them"},
    {"feeds", "imports of each feed and their age"},
    {"trust", "certificates and revocation lists in force"},
    {"volume", "volume against the thresholds"},
    {"non-compliance", "periods in which a control did not hold, with their cause"},
    {"signing", "what was signed, by party and role"},
    {"refusals", "what was refused, by party and reason"},
    {"observations", "what the devices did, as it was reported"},
    {"starts", "starts, stops and recoveries, with their settings"},
    {"operators", "what operators did"},
    {"access", "who read, exported, configured"},
    {"notifications", "events that are to be notified"},
};

}  // namespace

std::string SearchPath(std::string_view query) {
  return "/review/search?q=" + PercentEncoded(query);
}

void AddState(Html& html, const BoxState& box, const Result<Waiting>* waiting) {
  html.Raw("<section aria-labelledby=\"state\">\n<h2 id=\"state\">State of the box</h2>\n");
  const bool signs = box.ready && box.attention.empty();
  if (signs) {
    html.Raw("<p class=\"state good\"><strong>It decides and signs.</strong></p>\n");
  } else if (box.ready) {
    html.Raw("<p class=\"state bad\"><strong>It decides, but it does not sign.</strong></p>\n");
  } else {
    html.Raw("<p class=\"state bad\"><strong>It is not ready: nothing is decided.</strong></p>\n");
  }
  for (const Failure& failure : box.attention) AddFailure(html, failure);
  if (waiting != nullptr && !*waiting && !Says(box, waiting->error())) {
    AddFailure(html, waiting->error());
  }
  if (waiting != nullptr && *waiting) {
    html.Raw("<p>Reservations without an answer: ").Number((*waiting)->unanswered).Raw("</p>\n");
    AddSuspensions(html, (*waiting)->suspensions);
  }
  html.Raw("</section>\n");
}

void AddSearchForm(Html& html, std::string_view query) {
  html.Raw(
      "<section aria-labelledby=\"search\">\n<h2 id=\"search\">Search</h2>\n"
      "<form method=\"get\" action=\"/review/search\" role=\"search\">\n"
      "<p><label for=\"q\">Device, RequestID or number of an entry</label> "
      "<input id=\"q\" name=\"q\" maxlength=\"100\" required autocomplete=\"off\" "
      "spellcheck=\"false\" value=\"");
  html.Text(query);
  html.Raw(
      "\" aria-describedby=\"q-form\"> <button type=\"submit\">Search</button></p>\n"
      "<p id=\"q-form\" class=\"hint\">00-DB-12-34-56-78-90-A3, or three parts with colons, or "
      "42</p>\n</form>\n</section>\n");
}

void AddCounted(Html& html, const Counting::Now& now, const Result<LogHead>& log) {
  const std::uint64_t counted = now.figures.counted;
  if (now.failed) {
    html.Raw("<p>The figures stop before entry ").Number(counted).Raw(":</p>\n");
    AddFailure(html, *now.failed);
  } else if (log && counted < log->size) {
    html.Raw("<p class=\"notice\">Entries up to ").Number(counted).Raw(" of ").Number(log->size);
    html.Raw(
        " are counted; the figures below lack the rest, the newest. "
        "<a href=\"/\">Look again</a></p>\n");
  }
  if (now.figures.left_out > 0) {
    html.Raw("<p class=\"notice\">").Number(now.figures.left_out);
    html.Raw(" decisions found no room in these figures; the reports have all.</p>\n");
  }
}

void AddRefusals(Html& html, const Figures& figures) {
  html.Raw("<section aria-labelledby=\"refusals\">\n<h2 id=\"refusals\">Refusals of ");
  html.Text(figures.month.Text()).Raw(" by supplier and reason</h2>\n");
  if (figures.refusals.empty()) {
    html.Raw("<p>None in the entries that were counted.</p>\n</section>\n");
    return;
  }
  BeginTable(html, "Table: refusals by supplier and reason");
  html.Raw(
      "<th scope=\"col\">Supplier</th><th scope=\"col\">Reason</th>"
      "<th scope=\"col\" class=\"number\">Number</th></tr></thead>\n<tbody>\n");
  for (const RefusalRow& row : figures.refusals) {
    EntryFilter filter;
    filter.outcome = "refused";
    filter.party = row.party;
    filter.reason = row.reason;
    filter.from = figures.month.begin();
    filter.to = figures.month.end();
    html.Raw("<tr><th scope=\"row\">");
    if (row.party.empty()) {
      html.Raw("<em>not identified</em>");
    } else {
      html.Text(row.party);
    }
    html.Raw("</th><td><code>").Text(row.reason).Raw("</code></td><td class=\"number\"><a href=\"");
    html.Text(EntriesPath(filter, row.span.first, row.span.last))
        .Raw("\">")
        .Number(row.count)
        .Raw("</a></td></tr>\n");
  }
  EndTable(html);
  if (figures.refusal_rows > figures.refusals.size()) {
    html.Raw("<p>").Number(figures.refusal_rows - figures.refusals.size());
    html.Raw(" more rows are in <a href=\"/v1/reports/refusals\">the report</a>.</p>\n");
  }
  html.Raw("</section>\n");
}

void AddStuck(Html& html, const Figures& figures, const Result<Waiting>& waiting) {
  html.Raw(
      "<section aria-labelledby=\"stuck\">\n<h2 id=\"stuck\">Stuck devices</h2>\n"
      "<p>Signed more than 24 hours ago and no outcome observed, or refused by the device: ");
  html.Raw("<strong>").Number(figures.stuck_count).Raw("</strong>");
  if (figures.stuck_incomplete) html.Raw(" and more, that there was no room to count");
  if (figures.stuck_count > figures.stuck.size()) {
    html.Raw("; the ").Number(figures.stuck.size()).Raw(" that wait longest are shown");
  }
  html.Raw(".</p>\n");
  if (!figures.stuck.empty()) AddStuckTable(html, figures);
  if (waiting) {
    AddQuarantine(html, *waiting);
  } else {
    AddFailure(html, waiting.error());
  }
  AddAlarms(html, figures.alarms);
  html.Raw("</section>\n");
}

void AddLog(Html& html, const Result<LogHead>& log) {
  html.Raw("<section aria-labelledby=\"log\">\n<h2 id=\"log\">Head of the log</h2>\n");
  if (!log) {
    AddFailure(html, log.error());
    html.Raw("</section>\n");
    return;
  }
  html.Raw("<dl class=\"facts\">\n<dt>Entries</dt><dd>").Number(log->size).Raw("</dd>\n");
  if (log->size > 0) {
    html.Raw("<dt>Newest entry</dt><dd>");
    AddEntryLink(html, log->size - 1);
    html.Raw(", ").Text(log->newest_kind).Raw(", ").Text(log->newest_time);
    html.Raw("</dd>\n<dt>Its leaf</dt><dd class=\"hash\">").Text(ToHex(log->newest_leaf));
    html.Raw("</dd>\n");
  }
  if (log->anchored) {
    html.Raw("<dt>Anchored in the module</dt><dd>").Number(log->anchored->tree_size);
    html.Raw(" entries, epoch ").Number(log->anchored->epoch);
    html.Raw("</dd>\n<dt>Root of these</dt><dd class=\"hash\">").Text(ToHex(log->anchored->root));
    html.Raw("</dd>\n");
  } else {
    html.Raw("<dt>Anchored in the module</dt><dd>nothing since the start</dd>\n");
  }
  AddCheckpoint(html, log->checkpoint);
  html.Raw(
      "</dl>\n<ul class=\"links\">\n"
      "<li><a href=\"/v1/audit/checkpoint\">Newest checkpoint</a></li>\n"
      "<li><a href=\"/v1/audit/entries\">Entries, octet for octet</a></li>\n"
      "<li><a href=\"/v1/feeds\">Newest import of each feed</a></li>\n</ul>\n</section>\n");
}

// Of the month that the page shows; as HTML for who reads it here, and for programs.
void AddReports(Html& html, Month month) {
  html.Raw("<section aria-labelledby=\"reports\">\n<h2 id=\"reports\">Reports of ");
  html.Text(month.Text()).Raw("</h2>\n<ul class=\"reports\">\n");
  for (const ReportLine& report : kReports) {
    const auto link = [&](Html::Literal form) {
      html.Raw("<a href=\"/v1/reports/").Raw(report.name).Raw("?month=").Text(month.Text());
      html.Raw("&amp;format=").Raw(form).Raw("\"");
    };
    html.Raw("<li>");
    link("html");
    html.Raw(">").Raw(report.name).Raw("</a>: ").Raw(report.what).Raw(" (");
    link("csv");
    html.Raw(" aria-label=\"").Raw(report.name).Raw(" as CSV\">CSV</a>, ");
    link("json");
    html.Raw(" aria-label=\"").Raw(report.name).Raw(" as JSON\">JSON</a>)</li>\n");
  }
  html.Raw("</ul>\n</section>\n");
}

}  // namespace acb::review
