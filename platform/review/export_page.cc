#include <algorithm>

#include "platform/review/frame.h"
#include "platform/review/page.h"

namespace acb::review {
namespace {

// What may stand in a command line as it is: dates, times, indices.
bool IsPlain(std::string_view text) {
  constexpr std::size_t kLongest = 40;
  return text.size() <= kLongest && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || c == '-' || c == ':' || c == '.' || c == 'T' ||
                  c == 'Z';
         });
}

std::string CommandOf(const ExportWish& wish) {
  std::string command = "acbctl audit export";
  if (!wish.from.empty()) command += " --from " + wish.from;
  if (!wish.to.empty()) command += " --to " + wish.to;
  const std::string level = wish.panel ? "panel" : "ssc";
  return command + " --redaction " + level + " audit-" + level + ".tar";
}

}  // namespace

void AddExportForm(Html& html, const ExportWish& wish) {
  html.Raw(
      "<section aria-labelledby=\"export\">\n<h2 id=\"export\">Export</h2>\n"
      "<p>One signed file with the entries, their proofs, certificates and evidence, that "
      "<code>acb-verify</code> checks without this box.</p>\n"
      "<form method=\"get\" action=\"/review/export\">\n"
      "<p><label for=\"export-from\">From (date, time or entry)</label> "
      "<input id=\"export-from\" name=\"from\" maxlength=\"40\" autocomplete=\"off\" value=\"");
  html.Text(wish.from);
  html.Raw(
      "\"></p>\n<p><label for=\"export-to\">To, not included</label> "
      "<input id=\"export-to\" name=\"to\" maxlength=\"40\" autocomplete=\"off\" value=\"");
  html.Text(wish.to);
  html.Raw("\"></p>\n<p><label for=\"redaction\">For whom</label> <select id=\"redaction\" ");
  html.Raw("name=\"redaction\"><option value=\"ssc\"");
  if (!wish.panel) html.Raw(" selected");
  html.Raw(">SSC and PMA: everything</option><option value=\"panel\"");
  if (wish.panel) html.Raw(" selected");
  html.Raw(
      ">Panel and parties: redacted</option></select></p>\n"
      "<p><button type=\"submit\">Show the export command</button></p>\n</form>\n</section>\n");
}

platform::HttpResponse RenderExport(const BoxState& box, const ExportWish& wish) {
  Html main;
  main.Raw("<h1>Export</h1>\n");
  if (IsPlain(wish.from) && IsPlain(wish.to)) {
    main.Raw("<p>Run this where the file is wanted, with an auditor's certificate:</p>\n");
    main.Raw("<pre role=\"region\" tabindex=\"0\" aria-label=\"Command\">");
    main.Text(CommandOf(wish)).Raw("</pre>\n<p>and then, on any machine:</p>\n");
    main.Raw("<pre role=\"region\" tabindex=\"0\" aria-label=\"Check\">acb-verify ");
    main.Raw(wish.panel ? Html::Literal("audit-panel.tar") : Html::Literal("audit-ssc.tar"));
    main.Raw("</pre>\n<p>Every export is itself an entry of the log.</p>\n");
  } else {
    main.Raw(
        "<p class=\"failure\">From and to are dates (2026-11-21), times (2026-11-21T12:00:00Z) or "
        "numbers of entries.</p>\n");
  }
  AddExportForm(main, wish);
  Frame frame;
  frame.title = "Export";
  frame.environment = box.environment;
  frame.at = box.at;
  return Page(frame, main);
}

}  // namespace acb::review
