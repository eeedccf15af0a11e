// What was learned about one request, step by step, and the audit entry that tells it.
// Source: requirements.md section 3, items 1 and 2.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/answer_table.h"
#include "firmware/audit/entry.h"
#include "firmware/base/request_id.h"
#include "firmware/base/reserved_counter.h"
#include "firmware/base/result.h"
#include "firmware/checks/target_certificates.h"
#include "firmware/duis/request.h"
#include "firmware/records.h"

namespace acb {

struct CaseFile {
  BytesView octets;            // the request as received
  Sha256Digest body{};         // its SHA-256
  std::string client;          // identity of the mTLS peer
  std::string channel;         // label of its channel (R-074-5); empty: it has none
  const AnswerTable& answers;  // which response codes refusals have (R-063-10)
  UtcTime now{0};              // when it arrived, real time
  UtcTime judged_at{0};        // the one instant that validity is judged at

  // As the steps find them out; null before.
  std::optional<RequestId> claimed_id;  // unverified: for the record only
  const duis::VerifiedRequest* request = nullptr;
  const Device* device = nullptr;
  const checks::CheckedTarget* target = nullptr;
  std::string requester;  // party short name
  std::vector<std::string> observations;

  void Observe(const std::vector<std::string>& more);

  // Item 1, signing register.
  audit::Entry SignedEntry(const ReservedCounter& counter, const gbcs::SignedCommand& command,
                           Eui64 acb, const smki::Certificate& acb_certificate) const;
  // Item 2, refusal register: also faults.
  audit::Entry RefusedEntry(const Failure& why) const;

 private:
  audit::Entry Begin(std::string_view kind) const;
};

}  // namespace acb
