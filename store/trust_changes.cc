#include "store/trust_changes.h"

#include <algorithm>

#include "firmware/audit/merkle.h"
#include "store/core.h"
#include "store/record.h"
#include "store/rows.h"

namespace acb::store {
namespace {

// 67 octets each in the entry: well below what an entry of the log may have.
constexpr std::size_t kMaxNamed = 400;

Status KeepAsEvidence(WriteTransaction& transaction, BytesView octets) {
  const Sha256Digest sha256 = Sha256(octets);
  const auto held = transaction.Get(Table::kEvidence, sha256);
  if (!held) return held.error();
  if (held->has_value()) return Done{};
  return transaction.Put(Table::kEvidence, sha256, octets);
}

}  // namespace

Status NameInEntry(WriteTransaction& transaction, std::string_view name,
                   const std::set<Sha256Digest>& digests, audit::Entry& entry) {
  if (digests.empty()) return Done{};
  audit::List texts;
  for (const Sha256Digest& digest : digests) texts.emplace_back(ToHex(digest));
  if (digests.size() <= kMaxNamed) {
    entry.Set(name, std::move(texts));
    return Done{};
  }
  const std::string list = audit::CanonicalJson(audit::Value(std::move(texts)));
  entry.Set(std::string(name) + "_sha256", ToHex(Sha256(AsBytes(list))));
  return KeepAsEvidence(transaction, AsBytes(list));
}

Status PutTrustChange(WriteTransaction& transaction, const TrustChange& change) {
  ByteWriter key;
  key.Raw(KeyOf(change.index)).U8(static_cast<std::uint8_t>(change.what)).Raw(change.sha256);
  return transaction.Put(Table::kTrustChanges, key.bytes(), {});
}

Status WalkTrustChanges(const Transaction& transaction, std::uint64_t end,
                        const std::function<Status(const TrustChange&)>& visit) {
  return transaction.Walk(
      Table::kTrustChanges, {}, {}, [&](BytesView key, BytesView) -> Result<bool> {
        ByteReader in(key);
        const std::uint64_t index = in.U64();
        const std::uint8_t what = in.U8();
        const auto sha256 = audit::ToDigest(in.rest());
        if (!in.ok() || !sha256 || what < 1 ||
            what > static_cast<std::uint8_t>(TrustChange::What::kNamedCertificate)) {
          return Damaged(Table::kTrustChanges, key, "has no such form");
        }
        if (index >= end) return false;
        Status seen = visit({index, static_cast<TrustChange::What>(what), *sha256});
        if (!seen) return std::move(seen).error();
        return true;
      });
}

Result<std::optional<Bytes>> FindTrustOctets(const Transaction& transaction,
                                             const Sha256Digest& sha256) {
  for (const Table table : {Table::kCertificates, Table::kRevocationLists}) {
    auto found = transaction.Get(table, sha256);
    if (!found || found->has_value()) return found;
  }
  return transaction.Get(Table::kEvidence, sha256);
}

Status KeepSettings(WriteTransaction& transaction, std::uint64_t index, std::string_view settings,
                    const std::vector<Bytes>& certificates) {
  if (Status kept = KeepAsEvidence(transaction, AsBytes(settings)); !kept) return kept;
  Status put =
      PutTrustChange(transaction, {index, TrustChange::What::kSettings, Sha256(AsBytes(settings))});
  if (!put) return put;
  for (const Bytes& der : certificates) {
    if (Status kept = KeepAsEvidence(transaction, der); !kept) return kept;
    put = PutTrustChange(transaction, {index, TrustChange::What::kNamedCertificate, Sha256(der)});
    if (!put) return put;
  }
  return Done{};
}

Status Store::KeepTrustSettings(std::uint64_t start, std::string_view settings,
                                const std::vector<Bytes>& certificates) {
  return core_->Run(Lane::kFinish, [&](WriteTransaction& transaction) {
    return KeepSettings(transaction, start, settings, certificates);
  });
}

Status Store::ReadTrustChanges(std::uint64_t end,
                               const std::function<Status(const TrustChange&)>& visit) const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  return WalkTrustChanges(*transaction, end, visit);
}

Result<std::optional<Bytes>> Store::FindTrustMaterial(const Sha256Digest& sha256) const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  return FindTrustOctets(*transaction, sha256);
}

}  // namespace acb::store
