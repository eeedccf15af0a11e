#include "platform/operator_endpoints.h"

#include <algorithm>
#include <boost/json.hpp>
#include <span>

#include "firmware/base/request_id.h"
#include "firmware/checks/suspension.h"
#include "firmware/keys/register.h"
#include "platform/answers.h"
#include "platform/json_body.h"
#include "platform/order_subjects.h"
#include "platform/recorded_refusal.h"
#include "store/acts.h"

namespace acb::platform {
namespace {

constexpr std::size_t kMaxListed = 1000;
constexpr std::uint64_t kMaxBody = 1024 * 1024;
constexpr std::size_t kMaxSubjects = 10'000;
constexpr int kAccepted = 202;
// Of the subjects that match nothing: enough to see what is wrong with a list.
constexpr std::size_t kMaxNamed = 100;
// The store lists one more at most, which tells that these are not all.
constexpr std::size_t kMaxSuspensionsShown = 99'999;

std::string_view Name(store::QuarantineAct act) {
  return act == store::QuarantineAct::kRelease ? "release" : "delete";
}

boost::json::object ItemJson(const store::QuarantinedItem& item) {
  boost::json::object json{
      {"id", std::to_string(item.id)},      {"kind", item.request ? "handover" : "floor"},
      {"device", item.device.Hyphenated()}, {"role", acb::Name(item.role)},
      {"since", item.since.Iso()},          {"why", item.why}};
  if (item.request) {
    json["request_id"] = item.request->Text();
    json["user"] = item.request->originator.Hyphenated();
  }
  if (item.floor) json["floor"] = std::to_string(item.floor->value());
  if (item.first_act) {
    json["waiting"] = {{"act", Name(*item.first_act)}, {"first_operator", item.first_operator}};
  }
  return json;
}

HttpResponse ListQuarantine(Box& box, const Clock& clock, const HttpRequest& request) {
  const auto text = request.QueryParameter("from");
  const auto from = text ? ParseDecimal(*text) : std::optional<std::uint64_t>(0);
  if (!from) return Problem(Failure(Reason::kMalformed, "'from' is a decimal number"));
  const auto items = box.store().ListQuarantine(*from, kMaxListed + 1, clock.Now());
  if (!items) return Problem(items.error());
  boost::json::array list;
  for (const store::QuarantinedItem& item :
       std::span(*items).first(std::min(items->size(), kMaxListed))) {
    list.push_back(ItemJson(item));
  }
  boost::json::object json{{"quarantine", std::move(list)}};
  // Where the list goes on: `from` of the next call.
  if (items->size() > kMaxListed) json["next"] = std::to_string((*items)[kMaxListed].id);
  return JsonResponse(json);
}

// The released request, with every check made anew and its counter taken now (R-NOW-11).
// No client: the operators are named by the `released` entry, which is not for the Panel
// (R-SEC3-69); the entry of this decision is.
HttpResponse Released(Box& box, const Config& config, const store::Agreement& done) {
  const HandoverAnswer answer = box.handover().Handle({.octets = done.request_octets,
                                                       .client = {},
                                                       .proposed = std::nullopt,
                                                       .channel = {},
                                                       .released = true});
  box.metrics().Count(answer);
  if (answer.failure) box.NoteFailure(*answer.failure);
  return ToResponse(answer, config.answers, box.environment());
}

Result<store::Agreement> Agree(Box& box, const HttpRequest& request, store::QuarantineAct act,
                               UtcTime now) {
  const auto id = ParseDecimal(request.Parameter("id"));
  if (!id) return Failure(Reason::kNotFound, "the quarantine's numbers are decimal");
  if (Status none = CheckNoQuery(request); !none) return std::move(none).error();
  // It needs no body, and one that says more than {} means something that is not done here.
  if (request.BodySize() != 0) {
    if (const auto body = ReadObject(request, {}); !body) return body.error();
  }
  return box.store().AgreeOnQuarantined(*id, act, request.client.name, now,
                                        request.client.key_sha256);
}

HttpResponse Decide(Box& box, const Config& config, const Clock& clock, const HttpRequest& request,
                    store::QuarantineAct act) {
  const UtcTime now = clock.Now();
  const auto done = Agree(box, request, act, now);
  if (!done) {
    const std::string_view name = act == store::QuarantineAct::kRelease
                                      ? store::acts::kQuarantineRelease
                                      : store::acts::kQuarantineDelete;
    return RefuseRecorded(box, request, {.act = name, .subject = request.Parameter("id")},
                          done.error(), now);
  }
  boost::json::object json{{"id", std::to_string(done->item.id)},
                           {"act", Name(act)},
                           {"outcome", done->complete ? "done" : "waits for a second operator"},
                           {"audit", ReceiptJson(done->receipt)}};
  if (done->complete && act == store::QuarantineAct::kRelease) {
    if (Status reloaded = box.trust().Reload(); !reloaded) return Problem(reloaded.error());
    if (done->item.request) {
      if (!done->request_octets.empty()) return Released(box, config, *done);
      json["detail"] = "its octets were lost with the disk: the User sends the request again";
    }
  }
  HttpResponse response = JsonResponse(json);
  if (!done->complete) response.status = kAccepted;
  return response;
}

Failure Malformed(std::string what) { return Failure(Reason::kMalformed, std::move(what)); }

struct Order {
  bool lift;
  std::vector<Suspension> rows;
  std::string suspect_key;  // R-SEC3-46: its label; empty: none
  HeldNames held;           // of scope issuer
};

// In the order of RDNs that the certificates have, which is the one that blocks them. What is
// lifted is as it was ordered, maybe before there was such a certificate.
Result<std::vector<std::string>> IssuersOf(Box& box, const smki::Name& name, const Order& order) {
  const std::string text = checks::IssuerSubject(name);
  if (order.held.Has(text)) return std::vector{text};
  if (order.lift) {
    const auto records = box.store().Open();
    if (!records) return records.error();
    const auto ordered = (*records)->FindSuspension(SuspensionScope::kIssuer, text);
    if (!ordered) return ordered.error();
    if (ordered->has_value()) return std::vector{text};
  }
  auto held = order.held.InOtherOrders(name);
  return held.empty() ? std::vector{text} : held;
}

// A device or a subject has one spelling in the store.
Result<std::vector<std::string>> StoredSubjects(Box& box, SuspensionScope scope, std::string text,
                                                const Order& order) {
  switch (scope) {
    case SuspensionScope::kDevice:
    case SuspensionScope::kSubject: {
      const auto eui = Eui64::FromText(text);
      if (!eui) return Malformed("'" + text + "' is not an EUI-64");
      return std::vector{eui->Hyphenated()};
    }
    case SuspensionScope::kIssuer: {
      const auto name = smki::Name::FromText(text);
      if (!name) return Malformed("'" + text + "' is not a name such as CN=Z1,OU=07");
      return IssuersOf(box, *name, order);
    }
    case SuspensionScope::kParty:
      // As feed parties spells it, where a blank at the end would name nobody.
      if (text.front() == ' ' || text.back() == ' ') {
        return Malformed("a party's short name has no blank around it");
      }
      break;
    case SuspensionScope::kAll:
      break;
  }
  return std::vector{std::move(text)};
}

// As they were sent.
Result<std::vector<std::string>> SubjectsOf(const boost::json::object& order,
                                            SuspensionScope scope) {
  const auto* subject_value = order.if_contains("subject");
  const bool one = subject_value != nullptr &&
                   !(subject_value->is_string() && subject_value->get_string().empty());
  const bool many = order.contains("subjects");
  if (scope == SuspensionScope::kAll) {
    if (one || many) return Malformed("scope all takes no subject");
    return std::vector<std::string>{""};
  }
  if (one && many) return Malformed("either 'subject' or 'subjects'");
  std::vector<std::string> subjects;
  const boost::json::value* list = order.if_contains("subjects");
  if (list == nullptr) {
    auto text = TextMember(order, "subject");
    if (!text) return std::move(text).error();
    return std::vector<std::string>{*std::move(text)};
  }
  if (!list->is_array() || list->get_array().empty() || list->get_array().size() > kMaxSubjects) {
    return Malformed("'subjects' must be a list of 1 to " + std::to_string(kMaxSubjects));
  }
  for (const boost::json::value& item : list->get_array()) {
    if (!IsGoodText(item)) {
      return Malformed("'subjects' holds texts of 1 to " + std::to_string(kMaxTextMember) +
                       " octets without control characters");
    }
    subjects.emplace_back(item.get_string());
  }
  return subjects;
}

// One authorised person is enough, and it stops all: the other key of its pair signs with it.
Result<std::string> SuspectKeyOf(const boost::json::object& object, SuspensionScope scope,
                                 bool lift) {
  if (object.if_contains("suspect_key") == nullptr) return std::string();
  if (scope != SuspensionScope::kAll || lift) {
    return Malformed("'suspect_key' goes with scope all and action suspend");
  }
  auto label = TextMember(object, "suspect_key");
  if (label && !keys::PartsOf(*label)) {
    return Malformed("'suspect_key' takes a key's label, such as acb-ds");
  }
  return label;
}

// The record that a notice of suspected compromise is made of (R-SEC3-46).
audit::Entry SuspectKeyAlarm(Box& box, const Order& order, UtcTime now) {
  audit::Entry alarm("alarm", now);
  alarm.Set("what", "an ACB key may be known to others: all signing is stopped")
      .Set("suspect_key", order.suspect_key)
      .Set("authority", order.rows.front().authority)
      .Set("operators", audit::List{order.rows.front().by})
      .Set("acb_certificates", box.AcbCertificatesJson());
  return alarm;
}

Result<Order> ReadOrder(Box& box, const HttpRequest& request, UtcTime now) {
  const auto body =
      ReadObject(request, {"scope", "subject", "subjects", "action", "authority", "suspect_key"});
  if (!body) return body.error();
  const boost::json::object& object = *body;
  auto scope_name = TextMember(object, "scope");
  if (!scope_name) return std::move(scope_name).error();
  const auto scope = SuspensionScopeFromName(*scope_name);
  if (!scope) return Malformed("'scope' must be all, party, device, subject or issuer");
  auto act = TextMember(object, "action");
  if (!act) return std::move(act).error();
  if (*act != "suspend" && *act != "lift") return Malformed("'action' must be suspend or lift");
  auto authority = TextMember(object, "authority");
  if (!authority) return std::move(authority).error();
  auto subjects = SubjectsOf(object, *scope);
  if (!subjects) return std::move(subjects).error();
  auto suspect = SuspectKeyOf(object, *scope, *act == "lift");
  if (!suspect) return std::move(suspect).error();
  Order order{.lift = *act == "lift", .rows = {}, .suspect_key = *std::move(suspect), .held = {}};
  if (*scope == SuspensionScope::kIssuer) {
    order.held = HeldNames::Of(box.store(), box.trust().Current()->settings());
  }
  for (std::string& sent : *subjects) {
    auto stored = StoredSubjects(box, *scope, std::move(sent), order);
    if (!stored) return std::move(stored).error();
    for (std::string& subject : *stored) {
      order.rows.push_back({.scope = *scope,
                            .subject = std::move(subject),
                            .authority = *authority,
                            .by = request.client.name,
                            .since = now,
                            .lift_by = {}});
    }
  }
  return order;
}

// P4.
HttpResponse RefuseOrder(Box& box, const HttpRequest& request, const Order& order,
                         const Failure& why, UtcTime now) {
  // Of many, the first: the entry is small, whatever the list was.
  const Suspension& first = order.rows.front();
  return RefuseRecorded(box, request,
                        {.act = order.lift ? store::acts::kLift : store::acts::kSuspend,
                         .scope = acb::Name(first.scope),
                         .subject = first.subject},
                        why, now);
}

// In force it is all the same: what it names may come later.
void SayWhatMatchesNothing(Box& box, const Order& order, boost::json::object& json) {
  const auto nothing = SubjectsThatMatchNothing(box.store(), order.rows, order.held);
  if (nothing.empty()) return;
  json["matches_nothing"] = true;
  const auto named = std::span(nothing).first(std::min(nothing.size(), kMaxNamed));
  json["unmatched"] = boost::json::array(named.begin(), named.end());
}

HttpResponse PostSuspension(Box& box, const Clock& clock, const HttpRequest& request) {
  const UtcTime now = clock.Now();
  const auto order = ReadOrder(box, request, now);
  // Which of the two it was to be may be what is wrong with it.
  if (!order) return RefuseRecorded(box, request, {.act = "suspension"}, order.error(), now);
  bool complete = true;
  audit::Receipt receipt{};
  if (order->lift) {
    const auto lifted = box.store().AgreeToLift(order->rows, now, request.client.key_sha256);
    if (!lifted) return RefuseOrder(box, request, *order, lifted.error(), now);
    complete = lifted->complete;
    receipt = lifted->receipt;
  } else {
    const auto stopped = box.store().Suspend(order->rows, now);
    if (!stopped) return RefuseOrder(box, request, *order, stopped.error(), now);
    receipt = *stopped;
  }
  if (Status reloaded = box.trust().Reload(); !reloaded) return Problem(reloaded.error());
  // After the stop is in force, whatever becomes of the alarm.
  if (!order->suspect_key.empty()) {
    const auto alarmed = box.store().Append(SuspectKeyAlarm(box, *order, now));
    if (!alarmed) return Problem(alarmed.error());
  }
  boost::json::object json{{"action", order->lift ? "lift" : "suspend"},
                           {"outcome", complete ? "done" : "waits for a second operator"},
                           {"audit", ReceiptJson(receipt)}};
  if (!order->lift) SayWhatMatchesNothing(box, *order, json);
  HttpResponse response = JsonResponse(json);
  if (!complete) response.status = kAccepted;
  return response;
}

HttpResponse GetSuspensions(Box& box, const Clock& clock) {
  const auto rows = box.store().ListSuspensions(clock.Now());
  if (!rows) return Problem(rows.error());
  boost::json::array list;
  for (const Suspension& row :
       std::span(*rows).first(std::min(rows->size(), kMaxSuspensionsShown))) {
    boost::json::object json{{"scope", acb::Name(row.scope)},
                             {"subject", row.subject},
                             {"authority", row.authority},
                             {"by", row.by},
                             {"since", row.since.Iso()}};
    if (!row.lift_by.empty()) json["lift_first_operator"] = row.lift_by;
    list.push_back(std::move(json));
  }
  const bool more = rows->size() > kMaxSuspensionsShown;
  return JsonResponse(boost::json::object{{"suspensions", std::move(list)}, {"more", more}});
}

}  // namespace

void AddOperatorRoutes(Router& router, Box& box, const Config& config, const Clock& clock) {
  router.Add("GET", "/v1/quarantine", 0, [&box, &clock](const HttpRequest& request) {
    return ListQuarantine(box, clock, request);
  });
  for (const auto act : {store::QuarantineAct::kRelease, store::QuarantineAct::kDelete}) {
    router.Add("POST", "/v1/quarantine/{id}/" + std::string(Name(act)), kMaxBody,
               [&box, &config, &clock, act](const HttpRequest& request) {
                 return Decide(box, config, clock, request, act);
               });
  }
  router.Add("GET", "/v1/suspension", 0,
             [&box, &clock](const HttpRequest&) { return GetSuspensions(box, clock); });
  router.Add("POST", "/v1/suspension", kMaxBody, [&box, &clock](const HttpRequest& request) {
    return PostSuspension(box, clock, request);
  });
}

}  // namespace acb::platform
