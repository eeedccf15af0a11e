// What the rules need from outside. Each port has a real implementation (store/, hsm/) and a fake
// (tests/).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "firmware/audit/entry.h"
#include "firmware/base/reserved_counter.h"
#include "firmware/base/result.h"
#include "firmware/gbcs/update_security_credentials.h"
#include "firmware/records.h"

namespace acb {

// One consistent view of the records, as of the moment it was opened. One thread at a time. Holds a
// read transaction: short-lived.
//
// Every call may fail with kRecordDamaged (a check value is wrong) or kStoreUnavailable.
class Records {
 public:
  virtual ~Records() = default;
  // Nothing when the device is not known.
  virtual Result<std::optional<Device>> FindDevice(Eui64 device) const = 0;
  // All rows of that User, past and future, in no order; empty when none.
  virtual Result<std::vector<PartyRecord>> FindUser(Eui64 user_id) const = 0;
  // All rows, past and future, of whatever User ID of that party, which say that it is suspended or
  // expelled or has given notice to cease; in no order.
  virtual Result<std::vector<PartyRecord>> FindRowsAgainst(std::string_view party) const = 0;
  // All rows of that meter point, past and future, in no order; empty when none.
  virtual Result<std::vector<Registration>> FindRegistrations(std::string_view mpxn) const = 0;
  virtual Result<std::optional<StoredRequest>> FindRequest(const RequestId& request) const = 0;
  // The party that the two digits name; nothing when the table does not have them.
  virtual Result<std::optional<MpanPrefix>> FindMpanPrefix(std::string_view prefix) const = 0;
  // All entries of that model, past and future; empty when none.
  virtual Result<std::vector<CertifiedProduct>> FindProducts(std::string_view model) const = 0;
  // What feed repository-status says of the certificate; nothing when it does not name it.
  virtual Result<std::optional<RepositoryEntry>> FindRepositoryEntry(
      const Sha256Digest& certificate) const = 0;
  // True when feed organisation-certificates brought this certificate.
  virtual Result<bool> HoldsCertificate(const Sha256Digest& certificate) const = 0;
  // What each source says of the device: at most one row a source.
  virtual Result<std::vector<ProxyCertificate>> FindProxyCertificates(Eui64 device) const = 0;
  // Nothing when that feed was never imported.
  virtual Result<std::optional<LastImport>> FindLastImport(Feed feed) const = 0;
  // Nothing when that is not suspended. `subject` as in Suspension.
  virtual Result<std::optional<Suspension>> FindSuspension(SuspensionScope scope,
                                                           std::string_view subject) const = 0;
};

// Thread-safe.
class RecordSource {
 public:
  virtual ~RecordSource() = default;
  virtual Result<std::unique_ptr<Records>> Open() const = 0;
};

struct ReservationWish {
  RequestId request;
  Sha256Digest body;  // SHA-256 of the request's octets
  RemotePartyRole role;
  // X-Originator-Counter: taken when it is at least the next counter, within the limit.
  std::optional<OriginatorCounter> proposed;
  // Of the data the checks used: each import that changes something begins a new one. When the
  // store has a newer one the reservation is refused with kChangedMeanwhile (design.md section 4).
  std::uint64_t trust_generation;
  UtcTime at;  // real time: where in the volume windows it counts
  // The pair of ACB keys that is to sign: one operation of it (R-SEC3-21). None: none is counted.
  std::optional<AcbKeyId> acb_key = {};
};

// Handovers that may be reserved in a rolling window before the excess is quarantined (R-NOW-11);
// 0: no threshold.
struct VolumeLimits {
  std::uint64_t user_hour = 2'000;
  std::uint64_t user_day = 20'000;
  std::uint64_t total_hour = 10'000;
  std::uint64_t total_day = 100'000;
};

// Commands that one pair of the ACB's keys may sign, and from which on operators are warned
// (R-SEC3-21); 0: no limit.
struct KeyOperationLimits {
  std::uint64_t most = 0;
  std::uint64_t warn_at = 0;
};

// Counters of the ACB as originator (design.md section 4). Thread-safe. Every call blocks for a
// flush.
class CounterStore {
 public:
  virtual ~CounterStore() = default;

  // Reserves the next originator counter for the device of `wish.request` and writes the RequestID
  // as reserved with it, in one transaction that reads RequestID, cell and floor again.
  //
  // The counter is greater than every value ever returned or recorded for the device and than the
  // floor of the cell, across restarts and power loss, and it is on disk before this returns. A
  // caller that fails later leaves a gap, which devices accept; a repeat they would reject.
  //
  // Fails with
  //   kCounterRegression, kCounterLimit  the proposed counter is too low / too high; nothing spent.
  //   kCounterExhausted                  no value up to 2^63-1 is left.
  //   kCounterUnknown, kCellNotAcb, kCellUnknown, kDeviceUnknown  as read again in the transaction.
  //   kChangedMeanwhile                  the RequestID is no longer open, or certificates or
  //                                      revocation lists changed since the checks; nothing spent.
  //   kBusy                              another reservation of this device is unanswered.
  //   kVolumeExceeded                    a threshold is reached (R-NOW-11); nothing spent.
  //   kKeyLimit                          the key pair has signed as much as it may; nothing spent.
  //   kStoreUnavailable                  nothing was written; try again.
  //   kStoreInDoubt                      the value may be spent; every later call fails until
  //   reopened.
  virtual Result<ReservedCounter> Reserve(const ReservationWish& wish) = 0;

  // What Reserve would do now, without doing it: for a dry run. Blocks for no flush.
  virtual Result<OriginatorCounter> Preview(const ReservationWish& wish) const = 0;

  // The counter was not used: an `abandoned` entry, and the RequestID is open again. The counter is
  // never given out again.
  virtual Status Abandon(ReservedCounter&& counter, const Failure& why, UtcTime at) = 0;

  // The same with an `alarm` entry beside the `abandoned` one, in the same transaction: why it was
  // abandoned is a security event. `what` happened, for the operators.
  virtual Status AbandonWithAlarm(ReservedCounter&& counter, const Failure& why,
                                  std::string_view what, UtcTime at) = 0;

 protected:
  static ReservedCounter Mint(const RequestId& request, RemotePartyRole role,
                              OriginatorCounter counter) {
    return ReservedCounter(request, role, counter);
  }
};

// The audit log and the stored answers. Thread-safe. Every call blocks for a flush; when it returns
// a receipt, the entry is on disk.
class AuditLog {
 public:
  virtual ~AuditLog() = default;

  // Flush 2: the entry, the command as the RequestID's stored answer, and the request as evidence,
  // in one transaction. Writes only over "reserved with this counter", the cell still the ACB's and
  // its floor still below; otherwise kChangedMeanwhile and nothing is written (the caller
  // abandons).
  virtual Result<audit::Receipt> AppendSigned(const ReservedCounter& counter,
                                              const audit::Entry& entry, Eui64 acb,
                                              const gbcs::SignedCommand& command,
                                              BytesView request_octets) = 0;

  // A refusal that is final for its RequestID: what a retry of the same octets gets again. Only for
  // a request whose signature was verified. kChangedMeanwhile when the RequestID is no longer open.
  virtual Result<audit::Receipt> AppendRefused(const RequestId& request, const Sha256Digest& body,
                                               const audit::Entry& entry, const Failure& why,
                                               BytesView request_octets) = 0;

  // The request waits for two operators (R-NOW-11): what a retry is told. Its number in the
  // quarantine is the index of the entry. kChangedMeanwhile as above.
  virtual Result<audit::Receipt> AppendQuarantined(const RequestId& request,
                                                   const Sha256Digest& body, RemotePartyRole role,
                                                   const audit::Entry& entry, const Failure& why,
                                                   BytesView request_octets) = 0;

  // An entry that binds no RequestID.
  virtual Result<audit::Receipt> Append(const audit::Entry& entry) = 0;

  // That no other box had taken over when this was called (design.md section 4, the writer's step
  // 3): before an answer that was stored earlier leaves. Writes nothing. kOvertaken,
  // kHsmUnavailable.
  virtual Status Confirm() = 0;
};

// The ACB's keys in the HSM. Thread-safe. Blocks for the HSM.
class CommandSigner {
 public:
  virtual ~CommandSigner() = default;
  // Whether SignAndMac would be refused at once, asked before a counter is spent on it. Does not
  // block. Fails with kHsmUnavailable.
  virtual Status CheckAvailable() const { return Done{}; }
  // Signs as the ACB and adds the ACB-SMD MAC for the device whose key agreement key is
  // `device_key`. The signature was verified in software before this returns (design.md section 5).
  // Fails with
  //   kHsmUnavailable  the HSM failed or gave a wrong result; nothing leaves.
  //   kRecordDamaged   the device's key is not a point of P-256; the HSM was not asked.
  // `lied` becomes true when it failed because the HSM gave a signature that does not verify, or a
  // secret that is not the right one: a security event, which the caller records.
  virtual Result<gbcs::SignedCommand> SignAndMac(const gbcs::UnsignedCommand& command,
                                                 const PublicPoint& device_key, bool& lied) = 0;
};

}  // namespace acb
