#include "store/answers.h"

#include "store/audit_log.h"
#include "store/counters.h"
#include "store/reading.h"

namespace acb::store {
namespace {

// An explanation is made of our own words and names from the request, which have a limit of their
// own.
constexpr std::size_t kMaxExplanation = 4096;

// The cell is still the ACB's, its floor still below the counter (P2; R-128-20: an observation may
// have come while the HSM worked).
Status CheckStillBelow(const Transaction& transaction, const ReservedCounter& counter) {
  const auto row = FindCounters(transaction, counter.device());
  if (!row) return row.error();
  const CellState* cell = row->has_value() ? (*row)->Find(counter.role()) : nullptr;
  if (cell == nullptr || cell->holder != CellState::Holder::kAcb || !cell->floor ||
      cell->floor->value() >= counter.counter().value()) {
    return Failure(Reason::kChangedMeanwhile, "the cell or its floor changed meanwhile");
  }
  return Done{};
}

// R-SEC3-56: operators may have stopped everything, or this device, while the HSM worked.
Status CheckNotStopped(const Transaction& transaction, const ReservedCounter& counter) {
  const Bytes keys[] = {KeyOf(SuspensionScope::kAll, ""),
                        KeyOf(SuspensionScope::kDevice, counter.device().Hyphenated())};
  for (const Bytes& key : keys) {
    const auto stopped = transaction.Get(Table::kSuspensions, key);
    if (!stopped) return stopped.error();
    if (stopped->has_value()) {
      return Failure(Reason::kChangedMeanwhile, "operators have stopped it meanwhile");
    }
  }
  return Done{};
}

}  // namespace

Evidence EvidenceOf(BytesView octets) { return {Sha256(octets), octets}; }

Status LookUp(const Transaction& transaction, Evidence& evidence) {
  const auto held = transaction.Get(Table::kEvidence, evidence.sha256);
  if (!held) return held.error();
  evidence.known = held->has_value();
  return Done{};
}

Status PutEvidence(WriteTransaction& transaction, const Evidence& evidence) {
  if (evidence.known) return Done{};
  return transaction.Put(Table::kEvidence, evidence.sha256, evidence.octets);
}

Result<audit::Receipt> StoreSigned(WriteTransaction& transaction, SignedAnswer answer) {
  const RequestId& request = answer.counter.request();
  auto row = CheckReserved(transaction, request, answer.counter.role(), answer.counter.counter());
  if (!row) return std::move(row).error();
  if (auto still = CheckStillBelow(transaction, answer.counter); !still) return still.error();
  if (auto on = CheckNotStopped(transaction, answer.counter); !on) return std::move(on).error();
  if (answer.request.sha256 != row->request.body) {
    return Failure(Reason::kChangedMeanwhile, "the reservation was made for other octets");
  }
  for (Evidence* evidence : {&answer.request, &answer.command}) {
    if (auto looked = LookUp(transaction, *evidence); !looked) return std::move(looked).error();
  }

  const auto receipt = AppendEntry(transaction, answer.entry);
  if (!receipt) return receipt;
  row->request.state = StoredRequest::State::kSigned;
  row->request.acb = answer.acb;
  row->request.audit = *receipt;
  row->command = answer.command.sha256;
  for (const Evidence* evidence : {&answer.request, &answer.command}) {
    if (auto put = PutEvidence(transaction, *evidence); !put) return std::move(put).error();
  }
  if (auto put = transaction.Put(Table::kRequests, request.Key(), EncodeRequest(*row)); !put) {
    return std::move(put).error();
  }
  if (auto freed = transaction.Delete(Table::kUnanswered, KeyOf(request.target)); !freed) {
    return std::move(freed).error();
  }
  return receipt;
}

Result<audit::Receipt> StoreAnswered(WriteTransaction& transaction, RefusedAnswer answer,
                                     StoredRequest::State state, RemotePartyRole role) {
  const auto row = FindRequestRow(transaction, answer.request);
  if (!row) return row.error();
  const bool open =
      !row->has_value() || ((*row)->request.state == StoredRequest::State::kAbandoned &&
                            (*row)->request.body == answer.body);
  if (!open) {
    return Failure(Reason::kChangedMeanwhile, "the RequestID was used meanwhile");
  }
  if (answer.octets.sha256 != answer.body) {
    return Failure(Reason::kChangedMeanwhile, "the answer is about other octets");
  }
  if (auto looked = LookUp(transaction, answer.octets); !looked) return std::move(looked).error();

  const auto receipt = AppendEntry(transaction, answer.entry);
  if (!receipt) return receipt;
  RequestRow answered;
  answered.request.state = state;
  answered.request.body = answer.body;
  answered.request.role = role;
  answered.request.reason = answer.why.reason;
  answered.request.explanation = answer.why.explanation.substr(0, kMaxExplanation);
  answered.request.audit = *receipt;
  if (auto put = PutEvidence(transaction, answer.octets); !put) return std::move(put).error();
  const Bytes key = answer.request.Key();
  if (auto put = transaction.Put(Table::kRequests, key, EncodeRequest(answered)); !put) {
    return std::move(put).error();
  }
  return receipt;
}

Result<std::optional<StoredRequest>> FindStoredRequest(const Transaction& transaction,
                                                       const RequestId& request) {
  auto row = FindRequestRow(transaction, request);
  if (!row) return std::move(row).error();
  if (!row->has_value()) return std::optional<StoredRequest>();
  StoredRequest stored = std::move((*row)->request);
  if (stored.state != StoredRequest::State::kSigned) return std::optional(std::move(stored));
  auto command = transaction.Get(Table::kEvidence, (*row)->command);
  if (!command) return std::move(command).error();
  if (!command->has_value()) {
    return Damaged(Table::kEvidence, (*row)->command, "of a signed command is missing");
  }
  stored.command = **std::move(command);
  return std::optional(std::move(stored));
}

}  // namespace acb::store
