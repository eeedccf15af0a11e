// The payloads of use case CS02b in every mode: what a Command asks of a device, what a Response or
// an Alert reports.
//
// Source: gbcs-cs02b.md section 3. Names are those of its ASN.1. Commands are strict DER; Responses
// and Alerts may have lengths in any definite form, as devices send them, and are strict in all
// else. Not read: cRLSign as a cell's key usage (no cell holds such a certificate, no vector shows
// one). All Parse functions: thread-safe, do not block, and fail only with kMalformed, naming the
// element.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/eui64.h"
#include "firmware/base/result.h"
#include "firmware/base/time.h"
#include "firmware/base/trust_anchor_cell.h"
#include "firmware/gbcs/message.h"

namespace acb::gbcs {

// Numbers of GBCS. 0 and 1 are in no vector.
enum class CredentialsReplacementMode : std::uint8_t {
  kRootBySupplier = 0,
  kRootByWanProvider = 1,
  kSupplierBySupplier = 2,
  kNetworkOperatorByNetworkOperator = 3,
  kAccessControlBrokerByAcb = 4,
  kWanProviderByWanProvider = 5,
  kTransCosByTransCos = 6,
  kSupplierByTransCos = 7,
  kAnyExceptAbnormalRootByRecovery = 8,
  kAnyByContingency = 9,
};

// RFC 5934 numbers; 0, 10 and 25 are in vectors.
enum class StatusCode : std::uint8_t {
  kSuccess = 0,
  kBadCertificate = 5,
  kNoTrustAnchor = 10,
  kInsufficientMemory = 17,
  kTrustAnchorNotFound = 25,
  kResourcesBusy = 30,
  kOther = 127,
};

// More than any message of the test data has: 8 replacements, 9 outcomes, 1 path certificate.
inline constexpr std::size_t kMaxCells = 32;
inline constexpr std::size_t kMaxPathCertificates = 8;
inline constexpr std::size_t kMaxSeqNumberChanges = 16;

// RemotePartySeqNumberChange: a role's recorded number, and that of its top-ups if it has one.
struct SeqNumberChange {
  RemotePartyRole role = RemotePartyRole::kSupplier;
  FloorSeqNumber floor = *FloorSeqNumber::From(0);
  std::optional<FloorSeqNumber> prepayment_top_up_floor;
  friend bool operator==(const SeqNumberChange&, const SeqNumberChange&) = default;
};

struct TrustAnchorReplacement {
  BytesView certificate;  // DER as sent, tag and length included; a view into the payload
  TrustAnchorCell cell;
};

// Views point into the payload that was parsed, which must outlive this.
struct CommandPayload {
  CredentialsReplacementMode mode = CredentialsReplacementMode::kSupplierBySupplier;
  std::optional<BytesView> plaintext_symmetric_key;       // [0], contingency
  bool apply_time_based_cpv_checks = true;                // [1]
  std::optional<TrustAnchorCell> authorising_cell;        // [2]
  std::uint64_t seq_number = 0;                           // [3], 0 .. 2^63-1
  std::optional<FloorSeqNumber> floor;                    // [4]
  std::optional<FloorSeqNumber> prepayment_top_up_floor;  // [5], its one entry
  std::vector<SeqNumberChange> other_changes;             // [6]
  std::vector<TrustAnchorReplacement> replacements;
  std::vector<BytesView> certification_path;  // views as above
  std::optional<UtcTime> execution_date_time;

  // 99991231235959Z takes back a future dated command (section 3.2).
  bool IsCancellation() const;

  static Result<CommandPayload> Parse(BytesView der);
};

using KeyIdentifier = std::array<std::uint8_t, 8>;

struct ReplacementOutcome {
  TrustAnchorCell cell{RemotePartyRole::kSupplier, KeyUsage::kDigitalSignature};
  StatusCode status = StatusCode::kOther;
  Eui64 existing_party{0};
  KeyIdentifier existing_key{};
  // After the command; when it failed for this cell these repeat the existing ones (section 6.3).
  Eui64 replacing_party{0};
  KeyIdentifier replacing_key{};
};

struct ExecutionOutcome {
  std::uint64_t seq_number = 0;  // the Command's, 0 .. 2^63-1
  CredentialsReplacementMode mode = CredentialsReplacementMode::kSupplierBySupplier;
  std::vector<SeqNumberChange> seq_number_changes;
  // One for each cell, in any order: match by cell (section 6.3).
  std::vector<ReplacementOutcome> replacement_outcomes;
};

struct ResponsePayload {
  // Absent when the Command was future dated or a cancellation.
  std::optional<ExecutionOutcome> outcome;

  static Result<ResponsePayload> Parse(BytesView octets);
};

struct AlertPayload {
  std::uint32_t alert_code = 0;  // 8F66 executed, 8F67 failed (section 6.4)
  UtcTime execution_date_time{0};
  ExecutionOutcome outcome;

  static Result<AlertPayload> Parse(BytesView octets);
};

// What header and payload say twice, they must say alike: Message Code = 0100 + mode, and
// authorisingRemotePartySeqNumber = Originator Counter (section 4.1, 7.1; verified on all
// commands). Refuses with kMalformed.
Status CheckAgreement(const GroupingHeader& header, const CommandPayload& payload);
// The same for a Response; without an outcome only that the Message Code is one of CS02b.
Status CheckAgreement(const GroupingHeader& header, const ResponsePayload& payload);
// An Alert's counter is the Device's own, so only the Message Code is compared.
Status CheckAgreement(const GroupingHeader& header, const AlertPayload& payload);

}  // namespace acb::gbcs
