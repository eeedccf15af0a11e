// One observation, from its octets to what was recorded or a reason why not (R-128-11 to R-128-21,
// R-NOW-1, R-NOW-4, R-NOW-10, R-NOW-15, R-107-4).
//
// The flow of 6.15.1 and of recoveries is not altered: nothing here blocks anything (R-128-25,
// R-063-8).
#pragma once

#include "firmware/checks/acb_certificates.h"
#include "firmware/checks/policy.h"
#include "firmware/exchange.h"
#include "firmware/handover.h"
#include "firmware/ports.h"

namespace acb {

struct IncomingObservation {
  // Any may be empty, but not both of command and response. A response without its command is that
  // of a command posted earlier, which was kept until its outcome comes.
  BytesView service_request;  // DUIS, as the User sent it: evidence, and the RequestID in it
  BytesView command;          // GBCS, as it went to the device
  BytesView response;         // GBCS Response or Alert
  std::string client;         // identity of the mTLS peer
};

struct ObservationAnswer {
  std::optional<Observation> seen;  // as far as it could be read
  std::optional<RecordedObservation> recorded;
  std::optional<Failure> failure;
  std::optional<audit::Receipt> audit;  // missing only when nothing could be recorded
  std::string request_id;
};

struct ObserverSettings {
  checks::Policy policy;  // of the registration check, whose outcome is only recorded
  checks::AcbCertificates acb;
  duis::ParseLimits parse;
  std::vector<checks::AcbCertificates> later = {};  // of a newer key pair, while keys are changed
};

struct ObserverPorts {
  const Clock& clock;
  const TrustSource& trust;
  const RecordSource& records;
  ObservationLog& observations;
  AuditLog& log;
};

// Thread-safe: any number of threads may call at once.
class Observer {
 public:
  Observer(ObserverPorts ports, ObserverSettings settings);

  // Blocks for a flush. When it returns a record it is durable (R-128-19). Refusals are recorded
  // before they are answered:
  //   kMalformed            exchange.h; or neither command nor response.
  //   kObservationMismatch  exchange.h; a response whose command is not kept; a RequestID in the
  //                         service request of another User, device or counter than the command.
  //   kSignatureInvalid     the originator's certificate, or the device's key, is held and did not
  //                         make the signature. Where none is held: SIGNATURE_NOT_CHECKED is
  //                         observed, and the message counts.
  //   kDeviceUnknown        no feed named the device.
  // Faults: as the ports.
  ObservationAnswer Handle(const IncomingObservation& incoming) const;

 private:
  struct Case;
  Result<Bytes> CommandOf(const IncomingObservation& incoming) const;
  Status Read(const IncomingObservation& incoming, Case& found) const;
  Status CheckSignatures(const Exchange& exchange, Observation& seen) const;
  Status NoteFindings(const Exchange& exchange, const Records& records, Observation& seen) const;
  Status CheckServiceRequest(BytesView service_request, Case& found) const;
  ObservationAnswer Decline(const IncomingObservation& incoming, Case found, Failure why) const;

  ObserverPorts ports_;
  ObserverSettings settings_;
  AcbIdentity acb_;
};

}  // namespace acb
