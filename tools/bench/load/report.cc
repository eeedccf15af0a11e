#include "tools/bench/load/report.h"

#include <array>
#include <boost/json.hpp>
#include <iomanip>
#include <sstream>
#include <utility>

namespace acb::bench {
namespace {

namespace json = boost::json;

constexpr std::array<std::pair<const char*, double>, 4> kShares{
    {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}}};

double Milliseconds(Histogram::Time time) { return static_cast<double>(time.count()) / 1e6; }

double Goodput(const LoadResult& result) {
  if (result.seconds == 0) return 0;
  return static_cast<double>(result.signed_latency.count()) / result.seconds;
}

double MicrosecondsEach(double seconds, const LoadResult& result) {
  const auto count = result.signed_latency.count();
  return count == 0 ? 0 : seconds * 1e6 / static_cast<double>(count);
}

void Latency(std::ostream& out, const char* what, const Histogram& times) {
  if (times.count() == 0) return;
  out << what << ": " << times.count() << " answers, ms:";
  for (const auto& [name, share] : kShares) {
    out << " " << name << " " << Milliseconds(times.Percentile(share));
  }
  out << " max " << Milliseconds(times.max()) << "\n";
}

json::object LatencyJson(const Histogram& times) {
  json::object object{{"count", times.count()}, {"max_ms", Milliseconds(times.max())}};
  for (const auto& [name, share] : kShares) {
    object[std::string(name) + "_ms"] = Milliseconds(times.Percentile(share));
  }
  return object;
}

}  // namespace

std::string AsText(const Report& report) {
  const LoadResult& result = report.result;
  std::ostringstream out;
  out << std::fixed << std::setprecision(2);
  out << report.plan.connections << " connections, " << report.devices << " devices, ";
  if (report.plan.rate) {
    out << "open loop at " << *report.plan.rate << " a second";
  } else {
    out << "closed loop";
  }
  out << ", " << result.seconds << " s\n";
  out << "goodput: " << Goodput(result) << " handovers a second\n";
  Latency(out, "200", result.signed_latency);
  Latency(out, "503", result.refused_latency);
  for (const auto& [status, count] : result.statuses) {
    if (status != 200 && status != 503) out << status << ": " << count << " answers\n";
  }
  for (const auto& [reason, count] : result.reasons) out << "  " << reason << ": " << count << "\n";
  out << "handshakes: " << result.handshakes << ", cut: " << result.failed_handshakes
      << "; lost: " << result.lost << ", unanswered: " << result.unanswered
      << ", wrong: " << result.wrong << "\n";
  if (report.plan.rate) out << "longest backlog: " << result.longest_backlog << " requests\n";
  out << "client CPU: " << report.client_cpu_seconds << " s, "
      << MicrosecondsEach(report.client_cpu_seconds, result) << " us a handover\n";
  if (report.server_cpu_seconds) {
    out << "acbd CPU: " << *report.server_cpu_seconds << " s, "
        << MicrosecondsEach(*report.server_cpu_seconds, result) << " us a handover; anonymous "
        << "memory " << static_cast<double>(report.server_anonymous_octets) / (1 << 20) << " MiB\n";
  }
  if (result.ran_out) out << "the signed requests were used up before the time was over\n";
  for (const std::string& example : result.examples) out << "wrong: " << example << "\n";
  return out.str();
}

std::string AsJson(const Report& report) {
  const LoadResult& result = report.result;
  json::object statuses;
  for (const auto& [status, count] : result.statuses) statuses[std::to_string(status)] = count;
  json::object reasons;
  for (const auto& [reason, count] : result.reasons) reasons[reason] = count;
  json::object file{
      {"connections", report.plan.connections},
      {"devices", report.devices},
      {"rate", report.plan.rate ? json::value(*report.plan.rate) : json::value(nullptr)},
      {"seconds", result.seconds},
      {"goodput", Goodput(result)},
      {"statuses", std::move(statuses)},
      {"reasons", std::move(reasons)},
      {"latency", LatencyJson(result.signed_latency)},
      {"refused_latency", LatencyJson(result.refused_latency)},
      {"handshakes", result.handshakes},
      {"failed_handshakes", result.failed_handshakes},
      {"lost", result.lost},
      {"unanswered", result.unanswered},
      {"wrong", result.wrong},
      {"longest_backlog", result.longest_backlog},
      {"ran_out", result.ran_out},
      {"client_cpu_seconds", report.client_cpu_seconds}};
  if (report.server_cpu_seconds) {
    file["server_cpu_seconds"] = *report.server_cpu_seconds;
    file["server_cpu_us_each"] = MicrosecondsEach(*report.server_cpu_seconds, result);
    file["server_anonymous_octets"] = report.server_anonymous_octets;
  }
  return json::serialize(file) + "\n";
}

}  // namespace acb::bench
