#include "platform/export_summary.h"

#include <array>
#include <utility>

namespace acb::platform {
namespace {

// design.md section 7, in the words of someone who did not build it.
constexpr std::array<std::pair<std::string_view, std::string_view>, 17> kWords = {{
    {"start", "the service started"},
    {"stop", "the service stopped"},
    {"anchor", "the state of the log was anchored in the HSM"},
    {"provision", "the box was made"},
    {"ceremony", "key ceremonies"},
    {"feed", "data were imported"},
    {"signed", "handover commands were signed"},
    {"refused", "requests were refused or could not be decided"},
    {"quarantined", "requests or numbers were held for two operators"},
    {"released", "held ones were released by two operators"},
    {"observed", "messages of others to or from devices were observed"},
    {"reserved-elsewhere", "counters were given out for other commands of the ACB"},
    {"abandoned", "counters were spent without a command"},
    {"configuration", "checks that the configuration turned off"},
    {"operator", "acts of operators"},
    {"export", "the log, counters or a backup were taken out"},
    {"alarm", "alarms"},
}};

std::string_view InWords(std::string_view kind) {
  for (const auto& [name, words] : kWords) {
    if (name == kind) return words;
  }
  return "other entries";
}

std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string Row(std::string_view name, std::string_view value) {
  return "<tr><th scope=\"row\">" + Escaped(name) + "</th><td>" + Escaped(value) + "</td></tr>\n";
}

}  // namespace

void ExportCounts::See(std::string_view kind, std::string_view time, std::string_view marked) {
  const auto found = kinds.find(kind);
  if (found == kinds.end()) {
    kinds.emplace(kind, 1);
  } else {
    ++found->second;
  }
  if (first_time.empty()) first_time = time;
  last_time = time;
  environment = marked;
}

std::string SummaryHtml(const ExportRange& range, std::string_view redaction,
                        std::string_view origin, const ExportCounts& counts) {
  std::string page =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<title>Audit log of the ACB handover-signing appliance</title></head><body>\n"
      "<h1>Audit log of the ACB handover-signing appliance</h1>\n"
      "<p>Classification: RED. Environment: " +
      Escaped(counts.environment) +
      ".</p>\n<p>This file holds a part of the log that the box writes of everything it decides. "
      "Nobody can change, remove or add an entry without it being seen: <code>acb-verify</code> "
      "checks that on any computer, without the box and without a network.</p>\n<table>\n";
  page += Row("Log", origin);
  page += Row("Entries", std::to_string(range.first) + " to " + std::to_string(range.end - 1));
  page += Row("First entry written", counts.first_time);
  page += Row("Last entry written", counts.last_time);
  page += Row("Signed state of the log",
              std::to_string(range.covering.size) + " entries, root " + ToHex(range.covering.root));
  page += Row("Level of detail", redaction == "panel" ? "Panel: without meter points, free text, "
                                                        "requests, commands and operators' acts"
                                                      : "SSC: everything");
  if (counts.withheld > 0) {
    page += Row("Entries withheld",
                std::to_string(counts.withheld) + " (their place in the log can be verified)");
  }
  page += "</table>\n<h2>What happened</h2>\n<table>\n";
  for (const auto& [kind, count] : counts.kinds) {
    page += Row(std::string(InWords(kind)) + " (" + kind + ")", std::to_string(count));
  }
  return page +
         "</table>\n<h2>What to do with it</h2>\n<p><code>acb-verify EXPORT --key KEY.pem --since "
         "CHECKPOINT</code> - with the box's checkpoint key and the checkpoint that you kept from "
         "last time. Keep the newest checkpoint of this file (the last in <code>checkpoints</code>)"
         " for the next time.</p>\n</body></html>\n";
}

}  // namespace acb::platform
