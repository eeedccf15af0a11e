#include "platform/key_watch.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>

#include "platform/metrics.h"

namespace acb::platform {
namespace {

constexpr std::int64_t kMillisecondsOfSecond = 1000;
constexpr std::int64_t kSecondsOfDay = 86'400;
constexpr std::array kStandings = {keys::Standing::kGood, keys::Standing::kWarning,
                                   keys::Standing::kReached};

std::int64_t AgeInSeconds(const keys::Use& use, UtcTime now) {
  return std::max<std::int64_t>(
      0, (now.milliseconds() - use.in_use_since.milliseconds()) / kMillisecondsOfSecond);
}

// One metric with a line for each pair.
std::string PerKey(std::string_view name, std::string_view type, std::string_view help,
                   const std::vector<KeyCondition>& found,
                   const std::function<std::uint64_t(const KeyCondition&)>& value) {
  std::string text = MetricHead(name, type, help);
  for (const KeyCondition& one : found) {
    text.append(name).append("{key=\"").append(one.label).append("\"} ");
    text.append(std::to_string(value(one))).append("\n");
  }
  return text;
}

std::string Standings(const std::vector<KeyCondition>& found) {
  std::string text =
      MetricHead("acb_key_standing", "gauge", "How near a pair of ACB keys is to its limits.");
  for (const KeyCondition& one : found) {
    for (const keys::Standing standing : kStandings) {
      text.append("acb_key_standing{key=\"").append(one.label).append("\",standing=\"");
      text.append(keys::Name(standing)).append(one.standing == standing ? "\"} 1\n" : "\"} 0\n");
    }
  }
  return text;
}

}  // namespace

KeyWatch::KeyWatch(const store::Store& store, const Clock& clock, const Log& log,
                   keys::Limits limits, const std::vector<AcbPair>& pairs)
    : store_(store), clock_(clock), log_(log), limits_(limits) {
  for (const AcbPair& pair : pairs) {
    pairs_.push_back({.label = pair.labels.digital_signing,
                      .id = pair.certificates.key_id,
                      .in_use_since = pair.in_use_since});
  }
}

Result<std::vector<KeyCondition>> KeyWatch::Look() {
  const UtcTime now = clock_.Now();
  std::vector<KeyCondition> found;
  const std::scoped_lock lock(mutex_);
  for (Watched& pair : pairs_) {
    const auto operations = store_.KeyOperations(pair.id);
    if (!operations) return operations.error();
    const keys::Use use{.in_use_since = pair.in_use_since, .operations = *operations};
    found.push_back({pair.label, use, keys::StandingOf(use, now, limits_)});
    Note(pair, found.back());
  }
  return found;
}

void KeyWatch::Note(Watched& pair, const KeyCondition& now) {
  if (now.standing == pair.last) return;
  pair.last = now.standing;
  if (now.standing == keys::Standing::kGood) return;
  log_.Warning("key-limit", {{"key", now.label},
                             {"standing", keys::Name(now.standing)},
                             {"in_use_since", std::string_view(now.use.in_use_since.Iso())},
                             {"max_age_days", static_cast<std::uint64_t>(limits_.max_age.count())},
                             {"operations", now.use.operations},
                             {"max_operations", limits_.max_operations}});
}

std::vector<Failure> KeyWatch::Attention() {
  auto found = Look();
  if (!found) return {std::move(found).error()};
  std::vector<Failure> reached;
  for (const KeyCondition& one : *found) {
    if (one.standing != keys::Standing::kReached) continue;
    Status within = keys::CheckOperations(one.use.operations, limits_.Operations());
    if (within) within = keys::CheckAge(one.use.in_use_since, clock_.Now(), limits_);
    if (within) continue;  // the clock was set back meanwhile
    Failure why = std::move(within).error();
    why.explanation = one.label + ": " + why.explanation;
    reached.push_back(std::move(why));
  }
  return reached;
}

std::string KeyWatch::Metrics() {
  const auto found = Look();
  if (!found) return {};
  const UtcTime now = clock_.Now();
  std::string text = PerKey("acb_key_operations_total", "counter",
                            "Commands that a counter was reserved for, by pair of ACB keys.",
                            *found, [](const KeyCondition& one) { return one.use.operations; });
  text += PerKey("acb_key_operations_limit", "gauge", "At which the pair signs nothing more.",
                 *found, [this](const KeyCondition&) { return limits_.max_operations; });
  text += PerKey("acb_key_age_seconds", "gauge", "Since the pair came into use.", *found,
                 [now](const KeyCondition& one) {
                   return static_cast<std::uint64_t>(AgeInSeconds(one.use, now));
                 });
  text += PerKey("acb_key_age_limit_seconds", "gauge", "At which the pair signs nothing more.",
                 *found, [this](const KeyCondition&) {
                   return static_cast<std::uint64_t>(std::chrono::seconds(limits_.max_age).count());
                 });
  return text + Standings(*found);
}

audit::List KeyWatch::Json() {
  audit::List list;
  const auto found = Look();
  if (!found) return list;
  const UtcTime now = clock_.Now();
  for (const KeyCondition& one : *found) {
    list.emplace_back(
        audit::Object{{"key", one.label},
                      {"in_use_since", one.use.in_use_since.Iso()},
                      {"age_days", std::to_string(AgeInSeconds(one.use, now) / kSecondsOfDay)},
                      {"max_age_days", std::to_string(limits_.max_age.count())},
                      {"operations", std::to_string(one.use.operations)},
                      {"max_operations", std::to_string(limits_.max_operations)},
                      {"standing", keys::Name(one.standing)}});
  }
  return list;
}

}  // namespace acb::platform
