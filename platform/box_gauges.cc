#include "platform/box_gauges.h"

#include <map>

#include "firmware/base/trust_anchor_cell.h"
#include "firmware/rules.h"
#include "platform/report_ground.h"

namespace acb::platform {
namespace {

constexpr double kMilliseconds = 1000;

std::string Label(std::string_view name, std::string_view value) {
  std::string text(name);
  text += "=\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    text += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return text += '"';
}

void AppendGauge(std::string& text, std::string_view name, std::string_view help, double value) {
  text += MetricHead(name, "gauge", help);
  AppendSample(text, name, {}, value);
}

std::string HsmTotals(hsm::Hsm& hsm) {
  std::uint64_t signatures = 0;
  std::uint64_t agreements = 0;
  std::uint64_t checks = 0;
  for (std::size_t pair = 0; pair < hsm.acb_key_pairs(); ++pair) {
    signatures += hsm.command_signer(pair).sign_operations();
    agreements += hsm.command_signer(pair).derive_operations();
    checks += hsm.command_signer(pair).check_derivations();
  }
  std::string text = MetricText("acb_hsm_sign_total", "counter",
                                "Signatures asked of the HSM with the ACB's keys.", signatures);
  text +=
      MetricText("acb_hsm_derive_total", "counter", "Key agreements asked of the HSM.", agreements);
  text += MetricText("acb_hsm_agreement_checks_total", "counter",
                     "Key agreements asked of the HSM to verify others.", checks);
  return text;
}

std::string HsmStateMetrics(const hsm::HsmState& hsm) {
  return MetricText("acb_hsm_available", "gauge", "1 while the HSM is asked, 0 while it is probed.",
                    hsm.available ? 1 : 0) +
         MetricText("acb_hsm_breaker_opened_total", "counter",
                    "Times that the HSM was given up until it answers again.", hsm.times_opened) +
         MetricText("acb_hsm_device_errors_total", "counter",
                    "Calls that failed in the device, and results that were wrong.",
                    hsm.device_errors) +
         MetricText("acb_hsm_timeouts_total", "counter",
                    "Operations that were given up because they took too long.", hsm.timeouts) +
         MetricText("acb_hsm_hanging_calls", "gauge",
                    "Operations that were given up and are not over.", hsm.hanging) +
         MetricText("acb_hsm_probes_total", "counter", "Probes of an HSM that was given up.",
                    hsm.probes) +
         MetricText("acb_hsm_initialised_anew_total", "counter",
                    "Times that the module was initialised anew to reach its device again.",
                    hsm.initialised_anew);
}

std::string HsmLatencies(hsm::Hsm& hsm) {
  constexpr std::string_view kName = "acb_hsm_operation_seconds";
  std::string text =
      MetricHead(kName, "histogram",
                 "Time of the HSM's operations with the ACB's keys; a signature with "
                 "its verification in software.");
  for (std::size_t pair = 0; pair < hsm.acb_key_pairs(); ++pair) {
    const auto& signer = hsm.command_signer(pair);
    const std::string label = Label("pair", std::to_string(pair + 1));
    AppendHistogram(text, kName, label + "," + Label("operation", "sign"),
                    signer.sign_latency().counts());
    AppendHistogram(text, kName, label + "," + Label("operation", "derive"),
                    signer.derive_latency().counts());
  }
  return text;
}

std::string StoreMetrics(const store::Statistics& store, const Config& config) {
  std::string text =
      MetricHead("acb_store_flush_seconds", "histogram", "Time of a commit with its flush.");
  AppendHistogram(text, "acb_store_flush_seconds", {}, store.flushes);
  AppendGauge(text, "acb_store_queue", "Jobs that wait for the store's writer.",
              static_cast<double>(store.queued));
  AppendGauge(text, "acb_store_in_doubt", "1 when a write may or may not be on the disk.",
              store.in_doubt ? 1 : 0);
  AppendGauge(text, "acb_store_used_bytes", "Of the store's map.",
              static_cast<double>(store.used_octets));
  AppendGauge(text, "acb_store_map_bytes", "What the store may grow to.",
              static_cast<double>(store.map_octets));
  AppendGauge(text, "acb_store_reserve_bytes", "Below which no new work is taken.",
              static_cast<double>(store.reserve_octets));
  if (store.disk_available) {
    AppendGauge(text, "acb_store_disk_available_bytes", "Left on the store's file system.",
                static_cast<double>(*store.disk_available));
  }
  if (store.anchor_age) {
    AppendGauge(text, "acb_anchor_age_seconds", "Of the newest anchor in the HSM.",
                static_cast<double>(store.anchor_age->count()) / kMilliseconds);
  }
  AppendGauge(text, "acb_anchor_outstanding", "By which counters have moved since that anchor.",
              static_cast<double>(store.outstanding));
  AppendGauge(text, "acb_anchor_window", "By which they may move until the next.",
              static_cast<double>(config.anchor_every));
  text += MetricText("acb_alarms_total", "counter",
                     "Entries of kind alarm in the audit log, since the start.", store.alarms);
  return text + MetricText("acb_anchors_total", "counter", "Anchors made.", store.anchors_made);
}

std::string FeedMetrics(const Records& records, const Config& config, UtcTime now) {
  std::string ages =
      MetricHead("acb_feed_age_seconds", "gauge", "Since the newest import of each feed.");
  for (const Feed feed : kFeeds) {
    const auto last = records.FindLastImport(feed);
    if (!last || !last->has_value()) continue;
    AppendSample(
        ages, "acb_feed_age_seconds", Label("feed", Name(feed)),
        static_cast<double>(now.milliseconds() - (*last)->at.milliseconds()) / kMilliseconds);
  }
  ages += MetricHead("acb_feed_max_age_seconds", "gauge", "Above which nothing is signed.");
  for (const auto& [feed, limit] : config.policy.feed_max_age) {
    AppendSample(ages, "acb_feed_max_age_seconds", Label("feed", Name(feed)),
                 static_cast<double>(std::chrono::seconds(limit).count()));
  }
  return ages;
}

// Of each issuer the newest list.
std::string RevocationMetrics(Box& box, UtcTime now) {
  std::map<std::string, std::pair<UtcTime, UtcTime>> newest;
  if (const auto material = box.store().LoadTrustMaterial()) {
    for (const auto& list : SignedLists(*material, box.trust().Current()->settings())) {
      const std::pair times(list->this_update(), list->next_update());
      const auto at = newest.try_emplace(list->issuer().Text(), times).first;
      if (at->second.first < times.first) at->second = times;
    }
  }
  std::string text = MetricHead("acb_revocation_list_age_seconds", "gauge",
                                "Since thisUpdate of each issuer's newest list.");
  for (const auto& [issuer, times] : newest) {
    AppendSample(text, "acb_revocation_list_age_seconds", Label("issuer", issuer),
                 static_cast<double>(now.seconds() - times.first.seconds()));
  }
  text += MetricHead("acb_revocation_list_next_update_seconds", "gauge",
                     "nextUpdate of each issuer's newest list, Unix time.");
  for (const auto& [issuer, times] : newest) {
    AppendSample(text, "acb_revocation_list_next_update_seconds", Label("issuer", issuer),
                 static_cast<double>(times.second.seconds()));
  }
  return text;
}

std::string CertificateMetrics(Box& box) {
  constexpr std::string_view kName = "acb_certificate_not_after_seconds";
  std::string text = MetricHead(
      kName, "gauge", "Ends of our own certificates and of the CAs of clients, Unix time.");
  for (const auto& [label, end] : box.CertificateEnds()) {
    AppendSample(text, kName, Label("certificate", label), static_cast<double>(end.seconds()));
  }
  const TlsEnds tls = box.metrics().tls_ends();
  AppendSample(text, kName, Label("certificate", "tls-server"),
               static_cast<double>(tls.own.seconds()));
  for (const auto& [subject, end] : tls.authorities) {
    AppendSample(text, kName, Label("certificate", "client-ca " + subject),
                 static_cast<double>(end.seconds()));
  }
  constexpr std::string_view kLists = "acb_client_revocation_list_next_update_seconds";
  text += MetricHead(kLists, "gauge", "nextUpdate of each list of a CA of clients, Unix time.");
  for (const auto& [issuer, end] : tls.lists) {
    AppendSample(text, kLists, Label("issuer", issuer), static_cast<double>(end.seconds()));
  }
  return text;
}

}  // namespace

std::string BoxGauges(Box& box, const Config& config, UtcTime now) {
  std::string text = HsmTotals(box.hsm()) + HsmStateMetrics(box.hsm().state()) +
                     HsmLatencies(box.hsm()) + StoreMetrics(box.store().statistics(), config);
  if (const auto records = box.store().Open()) text += FeedMetrics(**records, config, now);
  text += RevocationMetrics(box, now) + CertificateMetrics(box);
  // Of the whole box: each device has a counter of its own, and the highest has the least left.
  AppendGauge(text, "acb_originator_headroom",
              "What is left above the highest counter given out since the start.",
              static_cast<double>(kMaxSeqNumber - box.metrics().highest_counter()));
  text += MetricHead("acb_build_info", "gauge", "1, with the rule set in force.");
  AppendSample(text, "acb_build_info",
               Label("rules", kRuleSetVersion) + "," + Label("environment", box.environment()), 1);
  return text;
}

std::string SandboxMetrics(const Sandbox* sandbox) {
  const SandboxState state = sandbox != nullptr ? sandbox->state() : SandboxState{};
  std::string text;
  AppendGauge(text, "acb_sandbox_system_calls", "1 when the list of system calls is in force.",
              state.calls ? 1 : 0);
  AppendGauge(text, "acb_sandbox_landlock_abi", "Landlock that limits files; 0: none.",
              state.landlock_abi.value_or(0));
  return text;
}

}  // namespace acb::platform
