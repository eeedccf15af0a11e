#include "store/audit_log.h"

#include <sys/random.h>

#include <algorithm>
#include <cstdlib>

#include "firmware/audit/tile.h"
#include "store/audit_tree.h"
#include "store/record.h"
#include "store/rows.h"

namespace acb::store {
namespace {

audit::Salt NewSalt() {
  audit::Salt salt;
  // Up to 256 octets come whole or not at all (getrandom(2)).
  if (::getrandom(salt.data(), salt.size(), 0) != static_cast<ssize_t>(salt.size())) std::abort();
  return salt;
}

// Calls `take` with each payload from index `from` on, and sees that none is missing.
Status ReadInOrder(const Transaction& transaction, Table table, std::uint64_t from,
                   std::uint64_t count, const std::function<Status(BytesView)>& take) {
  count = std::min(count, Store::kMaxAuditRead);
  if (count == 0) return Done{};
  std::uint64_t index = from;
  return transaction.Walk(table, KeyOf(from), {},
                          [&](BytesView key, BytesView payload) -> Result<bool> {
                            if (!Equal(key, KeyOf(index))) {
                              return Damaged(table, KeyOf(index), "is missing");
                            }
                            if (auto taken = take(payload); !taken) return std::move(taken).error();
                            ++index;
                            return index - from < count;
                          });
}

}  // namespace

// Leaves, because they are small: the entry of the greatest index may fill several pages.
Result<std::uint64_t> AuditSizeOf(const Transaction& transaction) {
  const auto last = transaction.Last(Table::kAuditLeaves);
  if (!last) return last.error();
  if (!last->has_value()) return std::uint64_t{0};
  return ByteReader((*last)->key).U64() + 1;
}

Result<audit::Receipt> AppendEntry(WriteTransaction& transaction, const audit::Entry& entry,
                                   Environment environment) {
  return AppendEntry(transaction, Prepare(entry, environment));
}

// design.md section 10: every record says which environment it is of. Here, where all pass.
audit::PreparedEntry Prepare(const audit::Entry& entry, Environment environment) {
  return entry.Prepare(NewSalt, Name(environment));
}

Result<audit::Receipt> AppendEntry(WriteTransaction& transaction,
                                   const audit::PreparedEntry& entry) {
  const auto index = AuditSizeOf(transaction);
  if (!index) return index.error();
  const audit::SerialisedEntry written = entry.At(*index);
  auto receipt = AppendOctets(transaction, *index, written.octets);
  if (receipt && entry.is_alarm()) transaction.NoteAlarm();
  if (!receipt || written.disclosure.empty()) return receipt;
  Status kept =
      transaction.Append(Table::kAuditDisclosures, KeyOf(*index), AsBytes(written.disclosure));
  if (!kept) return std::move(kept).error();
  return receipt;
}

Result<audit::Receipt> AppendOctets(WriteTransaction& transaction, std::uint64_t index,
                                    std::string_view octets) {
  // C2SP tlog-tiles: the length of an entry in its bundle is a uint16.
  if (octets.size() > audit::kMaxEntryOctets) {
    return Failure(Reason::kStoreUnavailable, {},
                   "an audit entry of " + std::to_string(octets.size()) +
                       " octets is longer than the log takes");
  }
  const audit::Receipt receipt{index, audit::LeafHash(octets)};
  const auto nodes = CompletedBy(transaction, index, receipt.leaf);
  if (!nodes) return nodes.error();
  transaction.NoteEntry();
  const Bytes key = KeyOf(index);
  if (auto put = transaction.Append(Table::kAuditEntries, key, AsBytes(octets)); !put) {
    return std::move(put).error();
  }
  if (auto put = transaction.Append(Table::kAuditLeaves, key, receipt.leaf); !put) {
    return std::move(put).error();
  }
  for (const AuditNode& node : *nodes) {
    if (auto put = PutAuditNode(transaction, node); !put) return std::move(put).error();
  }
  return receipt;
}

Status CheckAuditEnd(const Transaction& transaction) {
  const auto entry = transaction.Last(Table::kAuditEntries);
  if (!entry) return entry.error();
  const auto leaf = transaction.Last(Table::kAuditLeaves);
  if (!leaf) return leaf.error();
  if (!entry->has_value() && !leaf->has_value()) return Done{};
  if (!entry->has_value() || !leaf->has_value() || (*entry)->key != (*leaf)->key) {
    return Damaged(Table::kAuditEntries, leaf->has_value() ? (*leaf)->key : Bytes{},
                   "and its leaf do not end the log together");
  }
  if (!Equal(audit::LeafHash(AsText((*entry)->payload)), (*leaf)->payload)) {
    return Damaged(Table::kAuditEntries, (*entry)->key, "does not hash to its leaf");
  }
  return Done{};
}

Result<std::vector<std::string>> ReadEntries(const Transaction& transaction, std::uint64_t from,
                                             std::uint64_t count) {
  std::vector<std::string> entries;
  auto read =
      ReadInOrder(transaction, Table::kAuditEntries, from, count, [&](BytesView payload) -> Status {
        entries.emplace_back(AsText(payload));
        return Done{};
      });
  if (!read) return std::move(read).error();
  return entries;
}

Result<std::vector<std::string>> ReadDisclosures(const Transaction& transaction, std::uint64_t from,
                                                 std::uint64_t count) {
  count = std::min(count, Store::kMaxAuditRead);
  std::vector<std::string> disclosures;
  auto read = transaction.Walk(Table::kAuditDisclosures, KeyOf(from), {},
                               [&](BytesView key, BytesView payload) -> Result<bool> {
                                 if (ByteReader(key).U64() - from >= count) return false;
                                 disclosures.emplace_back(AsText(payload));
                                 return true;
                               });
  if (!read) return std::move(read).error();
  return disclosures;
}

Result<std::vector<Sha256Digest>> ReadLeafHashes(const Transaction& transaction, std::uint64_t from,
                                                 std::uint64_t count) {
  std::vector<Sha256Digest> leaves;
  auto read =
      ReadInOrder(transaction, Table::kAuditLeaves, from, count, [&](BytesView payload) -> Status {
        Sha256Digest leaf;
        if (payload.size() != leaf.size()) {
          return Damaged(Table::kAuditLeaves, KeyOf(from + leaves.size()), "is no SHA-256");
        }
        std::ranges::copy(payload, leaf.begin());
        leaves.push_back(leaf);
        return Done{};
      });
  if (!read) return std::move(read).error();
  return leaves;
}

}  // namespace acb::store
