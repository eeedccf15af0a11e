// DP107: the network operator credentials of SMETS1 devices, which the DSP and the S1SP hold by
// proxy. What their two copies and registration data say of each other.
//
// Nothing here blocks anything: these are findings for records and reports. EvaluateUpdate is for
// POST /v1/observations (firmware/observer.cc). The lists are GET /v1/reports/deadlocks and
// /v1/reports/reconciliation.
//
// The party of an EUI-64 is that of its network operator row in the register of parties (ED; GT for
// gas devices) in force at that instant, else of the one that ended last. Parties are compared by
// short name.
//
// Every function that reads records fails as they do: kRecordDamaged, kStoreUnavailable. None
// blocks or keeps anything; thread-safe as far as `records` is.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/base/result.h"
#include "firmware/ports.h"

namespace acb::smets1 {

enum class UpdateTest { kOwnership, kRegistration };
std::string_view Name(UpdateTest test);  // "ownership", "registration"

struct FailedTest {
  UpdateTest test;
  // For the operator: it may name other parties.
  std::string why;
};

// What is to be recorded of one command that updates credentials.
struct UpdateFinding {
  std::string sender_party;      // short name; empty when the register does not have the sender
  std::string registered_party;  // short name; empty when the meter point is unmapped
  std::vector<FailedTest> failed;
  std::vector<std::string> observations;  // "REPLACEMENT_NOT_SENDER"

  bool passes() const { return failed.empty(); }
};

// An observed 6.15.1 with which `sender` puts certificates of the EUI-64s `replacements` on
// `device`. The two tests are made apart, and each that failed is named (R-107-2):
//   ownership     DSP and S1SP both name the sender as owner. They are not weighed: where one
//                 names another, or nobody, the test fails (R-107-8).
//   registration  the sender's party is the network operator registered for the device's meter
//                 point at `at`.
// When both pass, and only then, a replacement of another EUI-64 than the sender's is observed as
// REPLACEMENT_NOT_SENDER: it is accepted and cannot be undone (R-107-4). We read another EUI-64 of
// the sender's own party as another's too: the sender does not own what it installed.
//
// Nothing when the device is not SMETS1: there 6.15.1 needs no registration (R-107-6).
Result<std::optional<UpdateFinding>> EvaluateUpdate(const Records& records, const Device& device,
                                                    Eui64 sender,
                                                    std::span<const Eui64> replacements,
                                                    UtcTime at);

// Why nobody can correct the certificates that are recorded for a device (R-107-3).
struct DeadlockFinding {
  enum class State {
    kDeadlock,      // the owner's party is not the registered network operator
    kOwnerUnknown,  // the register does not say whose the owner's EUI-64 is
    kUnmapped,      // no network operator is registered, whoever the owner is
  };
  State state = State::kDeadlock;
  Eui64 owner{0};
  std::vector<ProxySource> sources;         // that name this owner
  std::string owner_party;                  // short name; empty when unknown
  std::string registered_party;             // short name; empty when unmapped
  std::optional<UtcTime> registered_since;  // of the registration in force
};
std::string_view Name(DeadlockFinding::State state);  // "deadlock", "owner-unknown", "unmapped"

// One finding for each owner that `rows`, the proxy records of this device, name and that is not
// registered at `at`. Empty for a device that is not SMETS1.
Result<std::vector<DeadlockFinding>> FindDeadlocks(const Records& records, const Device& device,
                                                   const std::vector<ProxyCertificate>& rows,
                                                   UtcTime at);

// What DSP, S1SP and the devices feed do not agree on.
struct ReconciliationException {
  enum class Kind {
    kCopiesDiffer,       // in owner, certificate or both
    kCopyMissing,        // one source does not have the device
    kNotSmets1,          // SMETS2: nothing is held by proxy
    kGenerationUnknown,  // the devices feed does not say which
    kDeviceUnknown,      // the devices feed does not have it
  };
  Kind kind = Kind::kCopiesDiffer;
  std::optional<ProxyCertificate> dsp;
  std::optional<ProxyCertificate> s1sp;
};
// "copies-differ", "copy-missing", "not-smets1", "generation-unknown", "device-unknown"
std::string_view Name(ReconciliationException::Kind kind);

// `rows`: the proxy records of one device, at most one of each source; `device` as the devices feed
// has it. At most one exception for the copies and one for the device. Each has both records: which
// is right is not chosen (R-107-8). Certificates are compared by the names the sources give them,
// in either case of letter: a serial number and a SHA-256 always differ.
std::vector<ReconciliationException> Reconcile(const std::optional<Device>& device,
                                               const std::vector<ProxyCertificate>& rows);

}  // namespace acb::smets1
