#include "tools/acb-verify/entries_report.h"

namespace acb::verify {
namespace {

std::string Count(std::uint64_t count, std::string_view what) {
  return std::to_string(count) + " " + std::string(what);
}

std::string CountOf(std::uint64_t count, std::uint64_t all, std::string_view what) {
  return std::to_string(count) + " of " + Count(all, what);
}

void ReportTime(const EntryCounts& counts, Findings& findings) {
  findings.NotVerified(
      "that the box's clock was right: \"as of then\" is as of the times in the entries; a "
      "witness's cosignature bounds them");
  if (counts.overlaps > 0) {
    findings.Note(Count(counts.overlaps,
                        "entries were decided at the same time as others: their decision began up "
                        "to ") +
                  std::to_string(counts.farthest_overlap_ms) +
                  " ms before that of an entry with a lower index");
  }
  if (counts.steps_back == 0) return;
  findings.Note("the clock stood lower than before " + Count(counts.steps_back, "times, at most ") +
                std::to_string(counts.farthest_back_ms / 1000) + " s, at entry " +
                std::to_string(counts.farthest_back_at) + "; the index gives the order");
}

void ReportCounters(const EntryCounts& counts, const Counters& counters, Findings& findings) {
  if (counts.wrong_counters == 0) {
    findings.Verified(Count(counters.seen(), "counters of ") +
                      Count(counters.devices(),
                            "devices recomputed: none is used twice, each rises (P1; memory for "
                            "them: ") +
                      Count(counters.octets() / 1024, "KiB)"));
  }
  if (const auto first = counters.first_that_passed()) {
    findings.NotVerified(Count(counters.passed_over(),
                               "counters that no entry names were passed over (the first at "
                               "entry ") +
                         std::to_string(*first) +
                         "): floors, raises and proposals do that; that no command bears one of "
                         "them, the log cannot show");
  }
  findings.NotVerified(
      "that no command bears a counter that the log calls abandoned or given out elsewhere");
}

void ReportDecidedAnew(const EntryCounts& counts, const Range& range, Findings& findings) {
  if (counts.decided_anew == 0) return;
  const std::string first =
      "(the first is entry " + std::to_string(counts.first_decided_anew.index) +
      ", signed before by entry " + std::to_string(counts.first_decided_anew.before) + ")";
  if (range.panel) {
    findings.NotVerified("that " +
                         Count(counts.decided_anew, "RequestIDs that were signed again ") + first +
                         " were decided anew after the recovery: a panel export withholds it");
  } else {
    findings.Note(Count(counts.decided_anew,
                        "RequestIDs were decided anew, with a greater counter, after a recovery "
                        "from the log that brought no answers back ") +
                  first);
  }
}

void ReportSealed(const EntryCounts& counts, Findings& findings) {
  if (counts.disclosed > 0) {
    findings.Verified(
        Count(counts.disclosed, "disclosed values are those that the entries seal by hash"));
  }
  if (counts.sealed > counts.disclosed) {
    findings.NotVerified(
        Count(counts.sealed - counts.disclosed, "sealed values are not disclosed in this export"));
  }
}

void ReportRelaxed(const CommandCounts& commands, const TrustHistory* trust, Findings& findings) {
  if (commands.revocation_unchecked > 0) {
    findings.NotVerified("revocation in " +
                         Count(commands.revocation_unchecked,
                               "decisions: no list existed (test environment, the entries say "
                               "REVOCATION_NOT_CHECKED)"));
  }
  if (commands.pinned > 0) {
    findings.NotVerified("the certificate path of the signer of " +
                         Count(commands.pinned, "requests: pinned by SHA-256 (test environment)"));
  }
  if (commands.judged_elsewhen > 0) {
    findings.NotVerified(Count(commands.judged_elsewhen,
                               "decisions were judged at another instant than their own (test "
                               "environment): certificates were verified as of that one"));
  }
  if (trust != nullptr && trust->superseded_before() > 0) {
    findings.NotVerified(Count(trust->superseded_before(),
                               "decisions name an import that was superseded before the range: "
                               "whether they had begun by then, this file does not show"));
  }
}

void ReportCommands(const EntryCounts& counts, const CommandCounts& commands,
                    const TrustHistory* trust, Findings& findings) {
  findings.Verified(CountOf(counts.verified, counts.commands,
                            "signed commands verified: the ACB's ECDSA signature, each field "
                            "against its entry and its request, the request's XML signature, "
                            "certificates with path and CRL as of then"));
  if (counts.signed_again == 0) {
    findings.Verified("no RequestID of this range made two commands");
  }
  if (counts.commands > 0) {
    findings.NotVerified(
        "the MAC of the commands: its key is known to the HSM and the device alone");
    findings.NotVerified(
        "what the entries say of registrations, parties, devices, recorded floors and channels: "
        "the feeds' rows are not in the export, their SHA-256 is in the log");
  }
  if (counts.no_floor > 0) {
    findings.NotVerified("P2 of " + Count(counts.no_floor, "commands: no floor was recorded"));
  }
  if (counts.undecided > 0) {
    findings.Verified(CountOf(counts.requests, counts.undecided,
                              "requests that were refused or held are here, and are those that "
                              "their entries name by SHA-256"));
    findings.NotVerified(
        "that a request was refused or held rightly: only what was signed is "
        "judged again");
  }
  ReportRelaxed(commands, trust, findings);
}

}  // namespace

void ReportEntries(const EntryCounts& counts, const Counters& counters,
                   const CommandCounts& commands, const Range& range, const TrustHistory* trust,
                   Findings& findings) {
  if (counts.proven > 0) {
    findings.Verified(Count(counts.proven,
                            "entries are in the tree of the checkpoint, each at its index, none "
                            "missing between"));
  }
  findings.Verified(CountOf(counts.good, counts.entries - counts.withheld,
                            "entries read: canonical form, index, time, kind, environment ") +
                    range.environment);
  if (counts.withheld > 0) {
    findings.NotVerified(Count(counts.withheld,
                               "entries are withheld from this export: their place in the tree "
                               "was verified, not what they say"));
  }
  ReportTime(counts, findings);
  ReportCounters(counts, counters, findings);
  if (counts.acts_of_two > 0) {
    findings.Verified(
        Count(counts.acts_of_two, "acts that take two operators name two different ones"));
  }
  ReportDecidedAnew(counts, range, findings);
  ReportSealed(counts, findings);
  if (range.panel) {
    findings.NotVerified("commands and requests: a panel export has no evidence");
  } else {
    ReportCommands(counts, commands, trust, findings);
  }
}

}  // namespace acb::verify
