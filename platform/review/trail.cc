#include "platform/review/trail.h"

#include <algorithm>
#include <boost/json.hpp>

#include "platform/review/entry_view.h"
#include "platform/review/frame.h"

namespace acb::review {
namespace {

// Entries are flat; what is nested deeper is shown as JSON.
constexpr int kMostNested = 4;

Frame FrameOf(const BoxState& box, std::string title) {
  Frame frame;
  frame.title = std::move(title);
  frame.environment = box.environment;
  frame.at = box.at;
  return frame;
}

void AddValue(Html& html, std::string_view name, const boost::json::value& value, int depth);

void AddMembers(Html& html, const boost::json::object& object, int depth) {
  html.Raw("<dl class=\"facts\">\n");
  for (const auto& member : object) {
    html.Raw("<dt>").Text(std::string_view(member.key())).Raw("</dt><dd>");
    AddValue(html, member.key(), member.value(), depth);
    html.Raw("</dd>\n");
  }
  html.Raw("</dl>\n");
}

void AddList(Html& html, std::string_view name, const boost::json::array& list, int depth) {
  if (list.empty()) {
    html.Raw("none");
    return;
  }
  html.Raw("<ul>");
  for (const boost::json::value& each : list) {
    html.Raw("<li>");
    AddValue(html, name, each, depth);
    html.Raw("</li>");
  }
  html.Raw("</ul>");
}

void AddValue(Html& html, std::string_view name, const boost::json::value& value, int depth) {
  if (value.is_string()) {
    const std::string_view text = value.get_string();
    if (name == "device" || name == "request_id") {
      html.Raw("<a class=\"id\" href=\"").Text(SearchPath(text)).Raw("\">").Text(text);
      html.Raw("</a>");
    } else {
      html.Text(text);
    }
  } else if (value.is_object() && depth < kMostNested) {
    AddMembers(html, value.get_object(), depth + 1);
  } else if (value.is_array() && depth < kMostNested) {
    AddList(html, name, value.get_array(), depth + 1);
  } else {
    html.Text(boost::json::serialize(value));
  }
}

std::string_view TitleOf(std::string_view evidence) {
  if (evidence == "request") return "The request as it was received";
  if (evidence == "command") return "The command (GBCS, hexadecimal)";
  if (evidence == "response") return "The device's response (GBCS, hexadecimal)";
  return "The service request as it was received";
}

void AddEvidence(Html& html, const Evidence& evidence) {
  const std::string_view title = TitleOf(evidence.name);
  html.Raw("<details><summary>").Text(title).Raw(", ").Number(evidence.size);
  html.Raw(" octets</summary>\n<pre role=\"region\" tabindex=\"0\" aria-label=\"").Text(title);
  html.Raw("\">");
  const bool xml = evidence.name == "request" || evidence.name == "service_request";
  html.Text(xml ? std::string(AsText(evidence.octets)) : ToHex(evidence.octets));
  html.Raw("</pre>\n");
  if (evidence.octets.size() < evidence.size) html.Raw("<p>The rest is in an export.</p>\n");
  html.Raw("</details>\n");
}

void AddMembersOf(Html& html, const FoundEntry& entry) {
  boost::json::error_code error;
  const boost::json::value parsed = boost::json::parse(entry.octets, error);
  if (error || !parsed.is_object()) {
    html.Raw("<pre role=\"region\" tabindex=\"0\" aria-label=\"Entry\">").Text(entry.octets);
    html.Raw("</pre>\n");
    return;
  }
  AddMembers(html, parsed.get_object(), 0);
  if (entry.explanation.empty()) return;
  html.Raw("<p>Sealed in the entry, and opened here for auditors: explanation: ");
  html.Text(entry.explanation).Raw("</p>\n");
}

struct Head {
  std::string kind;
  std::string time;
};
Head HeadOf(const FoundEntry& entry) {
  boost::json::error_code error;
  const boost::json::value parsed = boost::json::parse(entry.octets, error);
  if (error || !parsed.is_object()) return {};
  const auto at = UtcTime::FromIso(TextOf(parsed.get_object(), "time"));
  return {std::string(TextOf(parsed.get_object(), "kind")), at ? Readable(*at) : std::string()};
}

void AddEntryLinks(Html& html, std::uint64_t index) {
  const std::string number = std::to_string(index);
  html.Raw("<p class=\"links\"><a href=\"/v1/audit/entries?from=").Text(number);
  html.Raw("&amp;count=1\">Octets of entry ").Text(number).Raw("</a> <a href=\"/v1/audit/proof/");
  html.Text(number).Raw("\">Proof of entry ").Text(number).Raw("</a></p>\n");
}

// One step of a handover.
void AddStep(Html& html, const FoundEntry& entry) {
  const Head head = HeadOf(entry);
  const std::string number = std::to_string(entry.index);
  html.Raw("<section class=\"step\" aria-labelledby=\"entry-").Text(number).Raw("\">\n");
  html.Raw("<h2 id=\"entry-").Text(number).Raw("\">").Text(head.time).Raw(": ").Text(head.kind);
  html.Raw(", <a href=\"/review/entry/").Text(number).Raw("\">entry ").Text(number);
  html.Raw("</a></h2>\n");
  for (const Evidence& evidence : entry.evidence) AddEvidence(html, evidence);
  html.Raw("<details open><summary>What entry ").Text(number).Raw(" says</summary>\n");
  AddMembersOf(html, entry);
  html.Raw("</details>\n</section>\n");
}

void AddRow(Html& html, const FoundEntry& entry) {
  boost::json::error_code error;
  const boost::json::value parsed = boost::json::parse(entry.octets, error);
  const boost::json::object none;
  const boost::json::object& members = error || !parsed.is_object() ? none : parsed.get_object();
  const std::string number = std::to_string(entry.index);
  const auto at = UtcTime::FromIso(TextOf(members, "time"));
  html.Raw("<tr><th scope=\"row\"><a href=\"/review/entry/").Text(number).Raw("\">").Text(number);
  html.Raw("</a></th><td>").Text(at ? Readable(*at) : "").Raw("</td><td>");
  html.Text(TextOf(members, "kind")).Raw("</td><td>").Text(SupplierOf(members));
  html.Raw("</td><td>");
  const std::string_view request = TextOf(members, "request_id");
  const std::string_view device = TextOf(members, "device");
  const std::string_view name = request.empty() ? device : request;
  if (!name.empty()) {
    html.Raw("<a class=\"id\" href=\"").Text(SearchPath(name)).Raw("\">").Text(name).Raw("</a>");
  }
  const std::string_view reason = TextOf(members, "reason");
  html.Raw("</td><td>").Text(reason.empty() ? TextOf(members, "stage") : reason);
  html.Raw("</td></tr>\n");
}

void AddTable(Html& html, const std::vector<FoundEntry>& entries) {
  if (entries.empty()) {
    html.Raw("<p>No entry was found.</p>\n");
    return;
  }
  html.Raw(
      "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Table: entries\"><table>\n"
      "<thead><tr><th scope=\"col\">Entry</th><th scope=\"col\">Time</th>"
      "<th scope=\"col\">Kind</th><th scope=\"col\">Supplier</th>"
      "<th scope=\"col\">RequestID or device</th><th scope=\"col\">Reason or stage</th>"
      "</tr></thead>\n<tbody>\n");
  for (const FoundEntry& entry : entries) AddRow(html, entry);
  html.Raw("</tbody></table></div>\n");
}

// What was looked at, and the way on.
void AddLooked(Html& html, const Looked& looked, std::string_view query, bool forward) {
  html.Raw("<p>Entries ").Number(looked.from).Raw(" up to ").Number(looked.to).Raw(" of ");
  html.Number(looked.size).Raw(" were looked at.");
  if (looked.from > 0) {
    html.Raw(" <a href=\"").Text(SearchPath(query)).Raw("&amp;before=");
    html.Text(std::to_string(looked.from)).Raw("\">Search on, before entry ");
    html.Text(std::to_string(looked.from)).Raw("</a>");
  }
  if (forward && looked.to < looked.size) {
    html.Raw(" <a href=\"").Text(SearchPath(query)).Raw("&amp;after=");
    html.Text(std::to_string(looked.to)).Raw("\">Search on, from entry ");
    html.Text(std::to_string(looked.to)).Raw("</a>");
  }
  html.Raw("</p>\n");
}

std::string_view Sentence(StoredRequest::State state) {
  switch (state) {
    case StoredRequest::State::kReserved:
      return "A counter is reserved, and there is no answer yet.";
    case StoredRequest::State::kSigned:
      return "Signed: the command was handed to the DSP.";
    case StoredRequest::State::kRefused:
      return "Refused.";
    case StoredRequest::State::kQuarantined:
      return "In quarantine: it waits for two operators.";
    case StoredRequest::State::kAbandoned:
      return "Its counter was given up unused; the RequestID is open.";
  }
  return "";
}

void AddStored(Html& html, const StoredRequest& stored) {
  html.Raw("<p class=\"state\"><strong>").Text(Sentence(stored.state)).Raw("</strong></p>\n");
  html.Raw("<dl class=\"facts\">\n");
  // Of a refusal the record has no role; its entry says it.
  if (stored.state != StoredRequest::State::kRefused) {
    html.Raw("<dt>Role</dt><dd>").Text(Name(stored.role)).Raw("</dd>\n");
  }
  if (stored.counter) {
    html.Raw("<dt>Originator counter</dt><dd>").Text(std::to_string(stored.counter->value()));
    html.Raw("</dd>\n");
  }
  if (stored.state == StoredRequest::State::kRefused ||
      stored.state == StoredRequest::State::kQuarantined) {
    const ReasonInfo& info = Describe(stored.reason);
    html.Raw("<dt>Reason</dt><dd><code>").Text(info.name).Raw("</code>: ").Text(info.sentence);
    html.Raw(" ").Text(stored.explanation).Raw("</dd>\n");
  }
  html.Raw("<dt>SHA-256 of the request</dt><dd class=\"hash\">").Text(ToHex(stored.body));
  html.Raw("</dd>\n</dl>\n");
}

void AddCell(Html& html, Html::Literal name, const CellState& cell) {
  html.Raw("<dt>").Raw(name).Raw("</dt><dd>");
  switch (cell.holder) {
    case CellState::Holder::kUnknown:
      html.Raw("not known who holds them");
      break;
    case CellState::Holder::kAcb:
      html.Raw("the ACB's");
      break;
    case CellState::Holder::kParty:
      html.Raw("of ").Text(cell.party.Hyphenated());
      break;
  }
  if (cell.floor) html.Raw(", floor ").Text(std::to_string(cell.floor->value()));
  html.Raw("</dd>\n");
}

void AddKnown(Html& html, const Device& device) {
  html.Raw("<dl class=\"facts\">\n<dt>Type</dt><dd>").Text(Name(device.type));
  html.Raw("</dd>\n<dt>SMI status</dt><dd>").Text(Name(device.smi_status));
  html.Raw("</dd>\n<dt>Model</dt><dd>").Text(device.model).Raw("</dd>\n");
  AddCell(html, "Supplier cells", device.supplier);
  AddCell(html, "Network operator cells", device.network_operator);
  html.Raw("<dt>Last counter</dt><dd>").Text(std::to_string(device.last_issued));
  html.Raw("</dd>\n</dl>\n");
}

}  // namespace

platform::HttpResponse RenderRequest(const BoxState& box, const FoundRequest& found) {
  const std::string name = found.id.Text();
  Html main;
  main.Raw("<h1>RequestID <span class=\"id\">").Text(name).Raw("</span></h1>\n");
  main.Raw("<p>Device ");
  const std::string device = found.id.target.Hyphenated();
  main.Raw("<a class=\"id\" href=\"").Text(SearchPath(device)).Raw("\">").Text(device);
  main.Raw("</a>, asked for by <span class=\"id\">").Text(found.id.originator.Hyphenated());
  main.Raw("</span></p>\n");
  if (found.stored) {
    AddStored(main, *found.stored);
  } else {
    main.Raw("<p class=\"state\"><strong>No answer is bound to this RequestID.</strong></p>\n");
  }
  for (const FoundEntry& entry : found.entries) AddStep(main, entry);
  if (found.entries.empty()) main.Raw("<p>No entry was found.</p>\n");
  AddLooked(main, found.looked, name, true);
  AddSearchForm(main, name);
  return Page(FrameOf(box, "RequestID " + name), main);
}

platform::HttpResponse RenderDevice(const BoxState& box, const FoundDevice& found) {
  const std::string name = found.id.Hyphenated();
  Html main;
  main.Raw("<h1>Device <span class=\"id\">").Text(name).Raw("</span></h1>\n");
  if (found.device) {
    AddKnown(main, *found.device);
  } else {
    main.Raw("<p>The inventory does not have this device.</p>\n");
  }
  main.Raw("<section aria-labelledby=\"entries\">\n<h2 id=\"entries\">In the log</h2>\n");
  AddTable(main, found.entries);
  AddLooked(main, found.looked, name, false);
  main.Raw("</section>\n");
  AddSearchForm(main, name);
  return Page(FrameOf(box, "Device " + name), main);
}

platform::HttpResponse RenderEntry(const BoxState& box, const FoundEntry& entry) {
  const Head head = HeadOf(entry);
  const std::string number = std::to_string(entry.index);
  Html main;
  main.Raw("<h1>Entry ").Text(number).Raw(": ").Text(head.kind).Raw("</h1>\n<p>");
  main.Text(head.time).Raw("</p>\n");
  for (const Evidence& evidence : entry.evidence) AddEvidence(main, evidence);
  AddMembersOf(main, entry);
  AddEntryLinks(main, entry.index);
  AddSearchForm(main, number);
  return Page(FrameOf(box, "Entry " + number), main);
}

platform::HttpResponse RenderList(const BoxState& box, const EntryFilter& filter,
                                  std::uint64_t last, const FoundList& found) {
  Html main;
  main.Raw("<h1>Entries behind a figure</h1>\n<p>");
  main.Text(filter.outcome.empty() ? std::string("all") : filter.outcome);
  if (filter.party) main.Raw(", supplier ").Text(filter.party->empty() ? "none" : *filter.party);
  if (!filter.reason.empty()) main.Raw(", <code>").Text(filter.reason).Raw("</code>");
  if (filter.from) main.Raw(", from ").Text(Readable(*filter.from));
  if (filter.to) main.Raw(", before ").Text(Readable(*filter.to));
  main.Raw("</p>\n");
  AddTable(main, found.entries);
  main.Raw("<p>").Number(found.entries.size()).Raw(" entries");
  if (found.next) {
    const std::string path = EntriesPath(filter, *found.next, last);
    main.Raw("; <a href=\"").Text(path).Raw("\">search on</a>");
  }
  main.Raw("</p>\n");
  return Page(FrameOf(box, "Entries"), main);
}

platform::HttpResponse RenderNothing(const BoxState& box, std::string_view query,
                                     std::string_view why, int status) {
  Html main;
  main.Raw("<h1>Search</h1>\n<p class=\"failure\">").Text(why).Raw("</p>\n");
  AddSearchForm(main, query);
  platform::HttpResponse response = Page(FrameOf(box, "Search"), main);
  response.status = status;
  return response;
}

platform::HttpResponse RenderFailed(const BoxState& box, const Failure& failure) {
  Html main;
  main.Raw("<h1>It could not be read</h1>\n");
  AddFailure(main, failure);
  AddState(main, box, nullptr);
  platform::HttpResponse response = Page(FrameOf(box, "Failed"), main);
  response.status = Describe(failure.reason).http_status;
  return response;
}

}  // namespace acb::review
