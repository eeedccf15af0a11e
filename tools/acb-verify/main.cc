// acb-verify: what a reviewer runs, on a machine with no network, over a file that was taken home.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <iostream>
#include <new>

#include "tools/acb-verify/verify.h"

namespace {

constexpr int kGood = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;

// A line on a terminal's standard error, once in a while.
class Progress {
 public:
  void Show(const std::string& doing, std::uint64_t done, std::uint64_t all) {
    constexpr std::uint64_t kSteps = 100;
    if (!terminal_) return;
    const std::uint64_t step = all == 0 ? done / 10'000 : done / (all / kSteps + 1);
    if (doing == doing_ && step == step_) return;
    doing_ = doing;
    step_ = step;
    std::cerr << "\r" << doing << " " << (all == 0 ? done : step * kSteps / kSteps)
              << (all == 0 ? "" : " %") << "   " << std::flush;
    shown_ = true;
  }
  void Clear() {
    if (shown_) std::cerr << "\r                              \r" << std::flush;
    shown_ = false;
  }

 private:
  const bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  bool shown_ = false;
  std::string doing_;
  std::uint64_t step_ = 0;
};

// What there is no report of. With --json one object on standard output all the same.
void Complain(std::string_view reason, const std::string& explanation, bool json) {
  const std::string said = acb::verify::Printable(explanation);
  std::cerr << "acb-verify: " << said << "\n";
  if (!json) return;
  std::cout << boost::json::serialize(
                   boost::json::object{{"reason", reason}, {"explanation", said}})
            << "\n";
}

int Print(const acb::Result<acb::verify::Report>& report, bool json) {
  if (!report) {
    Complain(acb::Describe(report.error().reason).name, report.error().explanation, json);
    return kFailed;
  }
  const auto& findings = report->findings;
  if (json) {
    std::cout << acb::verify::AsJson(report->facts, findings);
  } else {
    std::cout << acb::verify::AsText(report->facts, findings);
  }
  std::cout.flush();
  if (!std::cout) return kFailed;
  return findings.failed() ? kFailed : kGood;
}

// Of a command line that does not parse, or asks for help.
int ExitOf(const CLI::App& app, const CLI::ParseError& error, bool json) {
  if (app.exit(error) == 0) return kGood;
  if (json) {
    std::cout << boost::json::serialize(
                     boost::json::object{{"reason", acb::Describe(acb::Reason::kMalformed).name},
                                         {"explanation", error.what()}})
              << "\n";
  }
  return kUsage;
}

// Also where the command line did not parse.
bool AsksForJson(int argc, char** argv) {
  return std::any_of(argv, argv + argc,
                     [](const char* word) { return std::string_view(word) == "--json"; });
}

int Run(int argc, char** argv) {
  acb::verify::Order order;
  Progress progress;
  order.progress = [&progress](const std::string& doing, std::uint64_t done, std::uint64_t all) {
    progress.Show(doing, done, all);
  };
  bool json = false;
  CLI::App app(
      "Verifies an export of the audit log, or a receipt, without the box and without a network.\n"
      "Example: acb-verify export.tar --key checkpoint.pem --since last-year.checkpoint",
      "acb-verify");
  app.footer("Exit code: 0 all verified, 1 something fails or could not be compared, 2 usage.");
  const auto add_common = [&](CLI::App& command, const char* what) {
    command.add_option("file", order.file, what)->required();
    command.add_option("--key", order.key,
                       "the box's checkpoint key, PEM, from another source than the file");
    command.add_flag("--json", json, "one JSON object");
  };
  // The first word decides, so that an export may have any name but this one.
  const bool receipt = argc > 1 && std::string_view(argv[1]) == "receipt";
  if (receipt) {
    CLI::App command(
        "Verifies the answer of GET /v1/audit/proof/{index}.\n"
        "Example: acb-verify receipt proof.json --key checkpoint.pem",
        "acb-verify receipt");
    add_common(command, "the answer, as a file");
    try {
      command.parse(argc - 1, argv + 1);
    } catch (const CLI::ParseError& error) {
      return ExitOf(command, error, AsksForJson(argc, argv));
    }
    return Print(acb::verify::VerifyReceipt(order), json);
  }
  add_common(app, "the export; or the word receipt and the file of a proof");
  app.add_option("--since", order.since,
                 "a checkpoint that you kept: the log must have grown from it");
  app.add_option("--root", order.roots,
                 "a root certificate of SMKI from another source than the file (repeat): no other "
                 "may have been trusted");
  app.add_flag("--recovered", order.recovered,
               "you know that the box was recovered from a log: what lay beside the entries before "
               "may be missing");
  app.add_option("--witness", order.witnesses, "key of a witness, name+hash+base64 (repeat)");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return ExitOf(app, error, AsksForJson(argc, argv));
  }
  const auto report = acb::verify::VerifyExport(order);
  progress.Clear();
  return Print(report, json);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Run(argc, argv);
  } catch (const std::bad_alloc&) {
    // The limits of what is read leave room; a machine may have less.
    Complain(acb::Describe(acb::Reason::kStoreUnavailable).name,
             "not enough memory for this file: nothing was verified", AsksForJson(argc, argv));
    return kFailed;
  }
}
