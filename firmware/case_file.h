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
#include "firmware/checks/registration.h"
#include "firmware/checks/target_certificates.h"
#include "firmware/duis/request.h"
#include "firmware/ports.h"
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

  // Which check is made, or has failed: a reason alone does not tell whose certificate it is about.
  // Empty: none.
  std::string_view check = {};

  // As the steps find them out; empty before.
  std::optional<RequestId> claimed_id;  // unverified: for the record only
  // Held here under the issuer and serial number in KeyInfo; none: not held. Proven to be the
  // signer's only with `request`.
  smki::CertificatePtr signer;
  std::optional<duis::VerifiedRequest> request;
  std::optional<Device> device;
  std::size_t acb_keys = 0;              // which of the key pairs in use the device's cell holds
  smki::CertificatePtr acb_certificate;  // for digital signing, of that pair
  std::optional<Feed> stale_feed;        // for which a check failed with kFeedStale
  std::optional<checks::CheckedTarget> target;
  std::optional<OriginatorCounter> proposed;  // X-Originator-Counter
  std::string requester;                      // party short name
  checks::RegistrationFinding registration;
  std::vector<std::string> observations;
  audit::Object feeds;       // the newest import of each feed: index of its audit entry (R-SEC3-64)
  audit::List certificates;  // of the request, in the order of the cells (R-NOW-14)

  void Observe(const std::vector<std::string>& more);
  Status NoteFeeds(const Records& records);
  // Of the verified request: as they were sent, good or not.
  void NoteCertificates(const smki::Trust& trust);
  // Of a request that every check has passed, or that a dry run looks at.
  ReservationWish Wish(std::uint64_t trust_generation) const;

  // Item 1, signing register.
  audit::Entry SignedEntry(const ReservedCounter& counter, const gbcs::SignedCommand& command,
                           Eui64 acb) const;
  // Item 2, refusal register: also faults. `final`: it is stored under the RequestID, and what a
  // retry of the same octets gets.
  audit::Entry RefusedEntry(const Failure& why, bool final) const;
  // Item 17: held for its volume.
  audit::Entry QuarantinedEntry(const Failure& why) const;

 private:
  audit::Entry Begin(std::string_view kind) const;
};

}  // namespace acb
