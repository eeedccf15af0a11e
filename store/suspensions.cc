#include "store/suspensions.h"

#include <algorithm>
#include <map>

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
// Both operators name the same list, in whatever order.
Bytes SubjectOfLift(const std::map<Bytes, Suspension>& rows) {
  if (rows.size() == 1) return SubjectOfLift(rows.begin()->first);
  ByteWriter all;
  for (const auto& [key, row] : rows) all.U16(static_cast<std::uint16_t>(key.size())).Raw(key);
  return SubjectOfLift(all.bytes());
}
AgreedAct ActOfLift(const std::map<Bytes, Suspension>& rows) {
  return rows.size() == 1 ? AgreedAct::kLift : AgreedAct::kLiftMany;
}

Failure Stopped(Reason reason, const std::string& what, const Suspension& row) {
  return {reason, what + " since " + row.since.Iso() + " by order of " + row.authority};
}

// Subjects of one entry: with the longest ones, six octets of JSON for each octet, it has room.
constexpr std::size_t kMaxSubjectsPerEntry = 32;

// One entry, or as many as the subjects need; the receipt of the first. `complete` of a lift.
Result<audit::Receipt> AppendOrders(WriteTransaction& transaction, std::string_view act,
                                    const std::vector<Suspension>& wanted,
                                    const audit::List& operators, std::optional<bool> complete,
                                    UtcTime at, Environment environment) {
  std::optional<audit::Receipt> first;
  for (std::size_t done = 0; done < wanted.size();) {
    audit::Entry entry = EntryOf(act, wanted[done], at);
    entry.Set("operators", operators);
    if (complete) entry.Set("complete", *complete);
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

Result<audit::Receipt> PutOrder(WriteTransaction& transaction,
                                const std::vector<Suspension>& wanted, UtcTime at,
                                Environment environment) {
  if (wanted.empty())
    return Failure(Reason::kMalformed, "nothing is named that is to be suspended");
  const auto receipt = AppendOrders(transaction, acts::kSuspend, wanted,
                                    audit::List{wanted.front().by}, {}, at, environment);
  if (!receipt) return receipt;
  // Nor to lift a list in which one of these may be.
  if (Status dropped = UseFirstWords(transaction, AgreedAct::kLiftMany); !dropped) {
    return std::move(dropped).error();
  }
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
  return receipt;
}

Result<audit::Receipt> StoreSuspensions(WriteTransaction& transaction,
                                        const std::vector<Suspension>& wanted, UtcTime at,
                                        Environment environment) {
  auto receipt = PutOrder(transaction, wanted, at, environment);
  if (!receipt) return receipt;
  if (Status none = GiveUpUnderWay(transaction, wanted, at, environment); !none) {
    return std::move(none).error();
  }
  if (Status raised = RaiseTrustGeneration(transaction); !raised) return std::move(raised).error();
  transaction.DemandAnchor();
  return receipt;
}

Result<Lifting> Lift(WriteTransaction& transaction, const std::vector<Suspension>& wanted,
                     const OperatorWord& word, Environment environment) {
  std::map<Bytes, Suspension> rows;
  for (const Suspension& one : wanted) {
    const Bytes key = KeyOf(one.scope, one.subject);
    auto row = FindByKey(transaction, Table::kSuspensions, key, DecodeSuspension);
    if (!row) return std::move(row).error();
    if (!row->has_value()) {
      return Failure(Reason::kNotFound, one.subject.empty()
                                            ? "signing is not suspended"
                                            : "'" + one.subject + "' is not suspended");
    }
    rows.emplace(key, **std::move(row));
  }
  if (rows.empty()) return Failure(Reason::kMalformed, "nothing is named that is to be lifted");
  const AgreedAct act = ActOfLift(rows);
  const Bytes subject = SubjectOfLift(rows);
  const auto first = FindFirstWord(transaction, act, subject, word);
  if (!first) return first.error();
  const bool complete = first->has_value();
  const auto receipt =
      AppendOrders(transaction, acts::kLift, wanted, NamesOf(*first, word.operator_name), complete,
                   word.at, environment);
  if (!receipt) return receipt.error();
  Status said = complete ? UseFirstWord(transaction, act, subject)
                         : KeepFirstWord(transaction, act, subject, word);
  if (!said) return std::move(said).error();
  for (auto& [key, row] : rows) {
    row.lift_by = word.operator_name;
    Status written = complete ? transaction.Delete(Table::kSuspensions, key)
                              : transaction.Put(Table::kSuspensions, key, EncodeSuspension(row));
    if (!written) return std::move(written).error();
  }
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

Result<std::vector<Suspension>> ReadSuspensions(const Transaction& transaction,
                                                std::optional<UtcTime> now) {
  std::vector<Suspension> rows;
  Status walked = transaction.Walk(
      Table::kSuspensions, {}, {}, [&](BytesView key, BytesView payload) -> Result<bool> {
        auto row = DecodeSuspension(key, payload);
        if (!row) return Damaged(Table::kSuspensions, key, "does not have the table's form");
        rows.push_back(*std::move(row));
        return rows.size() < kMaxListed;
      });
  if (!walked) return std::move(walked).error();
  for (Suspension& row : rows) {
    if (!now || row.lift_by.empty()) continue;
    const Bytes subject = SubjectOfLift(KeyOf(row.scope, row.subject));
    auto waits = WordWaits(transaction, AgreedAct::kLift, subject, row.lift_by, *now);
    // Of a list no row is named: whoever has a word for one that waits has it for this one too.
    if (waits && !*waits) {
      waits = AnyWordWaits(transaction, AgreedAct::kLiftMany, row.lift_by, *now);
    }
    if (!waits) return waits.error();
    if (!*waits) row.lift_by.clear();
  }
  return rows;
}

}  // namespace acb::store
