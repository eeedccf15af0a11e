// One DUIS 6.21 request, from its octets to a signed command or a reason why not.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "firmware/case_file.h"
#include "firmware/checks/acb_certificates.h"
#include "firmware/duis/request.h"
#include "firmware/ports.h"
#include "firmware/smki/trust.h"

namespace acb {

struct HandoverSettings {
  duis::ParseLimits parse;
  std::optional<UtcTime> validation_time;  // test only (design.md section 10)
  std::uint64_t requested_floor_limit;     // R-NOW-3
  checks::AcbCertificates acb;
  AnswerTable answers = {};           // R-063-10
  std::vector<std::string> channels;  // that may ask for a handover; empty: every one (R-074-5)
};

// The certificates and revocation lists of the moment. Thread-safe; never null.
class TrustSource {
 public:
  virtual ~TrustSource() = default;
  virtual std::shared_ptr<const smki::Trust> Current() const = 0;
};

struct HandoverPorts {
  const Clock& clock;
  const TrustSource& trust;
  const RecordSource& records;
  CounterStore& counters;
  AuditLog& log;
  CommandSigner& signer;
};

struct IncomingRequest {
  BytesView octets;
  std::string client;                        // identity of the mTLS peer
  std::optional<std::string_view> proposed;  // X-Originator-Counter, as sent
  std::string channel = {};                  // label of the connection's channel (R-074-5)
};

struct HandoverAnswer {
  std::optional<RequestId> request_id;  // as verified, else as claimed
  std::optional<StoredRequest> handed;  // state kSigned: the command to send
  std::optional<Failure> failure;       // otherwise: why not
  std::optional<audit::Receipt> audit;  // missing only when nothing could be recorded
};

// Thread-safe: any number of threads may call Handle at once. Blocks for the HSM and for two
// flushes.
class Handover {
 public:
  Handover(HandoverPorts ports, HandoverSettings settings);

  HandoverAnswer Handle(const IncomingRequest& incoming) const;

 private:
  HandoverAnswer Decline(const CaseFile& file, Failure why) const;
  HandoverAnswer DeclineAfterReserve(const CaseFile& file, ReservedCounter&& counter,
                                     Failure why) const;
  HandoverAnswer Repeat(const RequestId& request, StoredRequest stored) const;

  HandoverPorts ports_;
  HandoverSettings settings_;
};

}  // namespace acb
