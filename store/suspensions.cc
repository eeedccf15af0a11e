#include "store/suspensions.h"

#include <algorithm>

#include "firmware/base/sha256.h"
#include "store/acts.h"
#include "store/agreements.h"
#include "store/audit_log.h"
#include "store/counters.h"
#include "store/feeds.h"
#include "store/reading.h"

namespace acb::store {
namespace {

// Listed in one answer.
constexpr std::size_t kMaxListed = 100'000;

audit::Entry EntryOf(std::string_view act, const Suspension& row, UtcTime at) {
  audit::Entry entry("operator", at);
  entry.Set("act", act).Set("scope", Name(row.scope)).Set("authority", row.authority);
  entry.SetIfAny("subject", row.subject);
  return entry;
}

// An issuer's name may be longer than a word's subject.
Bytes SubjectOfLift(BytesView key) {
  const Sha256Digest digest = Sha256(key);
  return Bytes(digest.begin(), digest.end());
}

Failure Stopped(Reason reason, const std::string& what, const Suspension& row) {
  return {reason, what + " since " + row.since.Iso() + " by order of " + row.authority};
}

// Subjects of one entry: with the longest ones, six octets of JSON for each octet, it has room.
constexpr std::size_t kMaxSubjectsPerEntry = 32;

// One entry, or as many as the subjects need; the receipt of the first.
Result<audit::Receipt> AppendOrders(WriteTransaction& transaction,
                                    const std::vector<Suspension>& wanted, UtcTime at,
                                    Environment environment) {
  std::optional<audit::Receipt> first;
  for (std::size_t done = 0; done < wanted.size();) {
    audit::Entry entry = EntryOf(acts::kSuspend, wanted[done], at);
    entry.Set("operators", audit::List{wanted[done].by});
    audit::List subjects;
    for (; done < wanted.size() && subjects.size() < kMaxSubjectsPerEntry; ++done) {
      subjects.emplace_back(wanted[done].subject);
    }
    if (wanted.size() > 1) entry.Set("subjects", std::move(subjects));
    const auto receipt = AppendEntry(transaction, entry, environment);
    if (!receipt) return receipt;
    if (!first) first = *receipt;
  }
  return *first;
}

// What StoreSigned reads again by itself: the device, and everything.
bool IsReadAgain(SuspensionScope scope) {
  return scope == SuspensionScope::kAll || scope == SuspensionScope::kDevice;
}

// R-SEC3-56: nothing that the order stops is signed for after it was answered. Which of the
// reservations under way have to do with a party, a subject or an issuer is not in their rows; all
// of them are given up, and their requests are asked again.
Status GiveUpUnderWay(WriteTransaction& transaction, const std::vector<Suspension>& wanted,
                      UtcTime at, Environment environment) {
  const bool all_read_again =
      std::ranges::all_of(wanted, [](const Suspension& row) { return IsReadAgain(row.scope); });
  if (all_read_again) return Done{};
  const Abandonment why{Describe(Reason::kSuspended).name,
                        "an order to suspend came before the command was signed", at};
  return AbandonAll(transaction, why, environment);
}

}  // namespace

Result<audit::Receipt> StoreSuspensions(WriteTransaction& transaction,
                                        const std::vector<Suspension>& wanted, UtcTime at,
                                        Environment environment) {
  if (wanted.empty())
    return Failure(Reason::kMalformed, "nothing is named that is to be suspended");
  const auto receipt = AppendOrders(transaction, wanted, at, environment);
  if (!receipt) return receipt;
  for (const Suspension& row : wanted) {
    const Bytes key = KeyOf(row.scope, row.subject);
    const auto known = transaction.Get(Table::kSuspensions, key);
    if (!known) return known.error();
    Suspension kept = row;
    // A word to lift an earlier order is none to lift this one.
    Status dropped = UseFirstWord(transaction, AgreedAct::kLift, SubjectOfLift(key));
    if (!dropped) return std::move(dropped).error();
    if (known->has_value()) {
      const auto before = DecodeSuspension(key, **known);
      if (!before) return Damaged(Table::kSuspensions, key, "does not have the table's form");
      // A second order does not move the first one's time; a word to lift the first is no word to
      // lift this one.
      kept.since = before->since;
    }
    Status put = transaction.Put(Table::kSuspensions, key, EncodeSuspension(kept));
    if (!put) return std::move(put).error();
  }
  if (Status none = GiveUpUnderWay(transaction, wanted, at, environment); !none) {
    return std::move(none).error();
  }
  if (Status raised = RaiseTrustGeneration(transaction); !raised) return std::move(raised).error();
  transaction.DemandAnchor();
  return receipt;
}

Result<Lifting> Lift(WriteTransaction& transaction, const Suspension& wanted,
                     const OperatorWord& word, Environment environment) {
  const Bytes key = KeyOf(wanted.scope, wanted.subject);
  const auto payload = transaction.Get(Table::kSuspensions, key);
  if (!payload) return payload.error();
  if (!payload->has_value()) return Failure(Reason::kNotFound, "that is not suspended");
  auto row = DecodeSuspension(key, **payload);
  if (!row) return Damaged(Table::kSuspensions, key, "does not have the table's form");
  const auto first = FindFirstWord(transaction, AgreedAct::kLift, SubjectOfLift(key), word);
  if (!first) return first.error();
  const bool complete = first->has_value();
  audit::Entry entry = EntryOf(acts::kLift, wanted, word.at);
  entry.Set("operators", NamesOf(*first, wanted.by)).Set("complete", complete);
  const auto receipt = AppendEntry(transaction, entry, environment);
  if (!receipt) return receipt.error();
  row->lift_by = wanted.by;
  Status said = complete ? UseFirstWord(transaction, AgreedAct::kLift, SubjectOfLift(key))
                         : KeepFirstWord(transaction, AgreedAct::kLift, SubjectOfLift(key), word);
  if (!said) return std::move(said).error();
  Status written = complete ? transaction.Delete(Table::kSuspensions, key)
                            : transaction.Put(Table::kSuspensions, key, EncodeSuspension(*row));
  if (!written) return std::move(written).error();
  if (Status raised = RaiseTrustGeneration(transaction); !raised) return std::move(raised).error();
  transaction.DemandAnchor();
  return Lifting{complete, *receipt};
}

Status CheckDeviceNotStopped(const Transaction& transaction, Eui64 device) {
  const std::string name = device.Hyphenated();
  const auto all = FindByKey(transaction, Table::kSuspensions, KeyOf(SuspensionScope::kAll, ""),
                             DecodeSuspension);
  if (!all) return all.error();
  if (all->has_value())
    return Stopped(Reason::kSigningSuspended, "all signing is suspended", **all);
  const auto one = FindByKey(transaction, Table::kSuspensions,
                             KeyOf(SuspensionScope::kDevice, name), DecodeSuspension);
  if (!one) return one.error();
  if (one->has_value()) return Stopped(Reason::kBlocked, "device " + name + " is blocked", **one);
  return Done{};
}

Result<std::vector<Suspension>> ReadSuspensions(const Transaction& transaction) {
  std::vector<Suspension> rows;
  Status walked = transaction.Walk(
      Table::kSuspensions, {}, {}, [&](BytesView key, BytesView payload) -> Result<bool> {
        auto row = DecodeSuspension(key, payload);
        if (!row) return Damaged(Table::kSuspensions, key, "does not have the table's form");
        rows.push_back(*std::move(row));
        return rows.size() < kMaxListed;
      });
  if (!walked) return std::move(walked).error();
  return rows;
}

}  // namespace acb::store
