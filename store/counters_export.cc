#include <string>

#include "store/acts.h"
#include "store/agreements.h"
#include "store/audit_log.h"
#include "store/audit_tree.h"
#include "store/counters.h"
#include "store/interchange.h"
#include "store/reading.h"

namespace acb::store {

Result<Exporting> AgreeOnExport(WriteTransaction& transaction, const ExportWish& wish,
                                Environment environment) {
  auto fence = ReadSetting(transaction, Setting::kFence, DecodeFence);
  if (!fence) return std::move(fence).error();
  const OperatorWord word{wish.at, wish.operator_name, wish.operator_key};
  const bool fences = wish.fenced && !fence->exported;
  std::optional<OperatorWord> first;
  if (fences) {
    auto found = FindFirstWord(transaction, AgreedAct::kFencedExport, {}, word);
    if (!found) return std::move(found).error();
    first = *std::move(found);
  }
  const bool complete = !fences || first.has_value();

  Exporting exporting{.complete = complete, .fenced = fence->exported || (fences && complete)};
  audit::Entry entry("export", wish.at);
  entry.Set("act", acts::kCountersExport)
      .Set("fenced", wish.fenced || fence->exported)
      .Set("operators", NamesOf(first, wish.operator_name))
      .Set("complete", complete);
  const auto receipt = AppendEntry(transaction, entry, environment);
  if (!receipt) return receipt.error();
  exporting.receipt = *receipt;
  // What an export says of the tree, and that nothing is signed any more, is anchored first.
  transaction.DemandAnchor();
  if (!complete) {
    Status kept = KeepFirstWord(transaction, AgreedAct::kFencedExport, {}, word);
    if (!kept) return std::move(kept).error();
    return exporting;
  }
  if (!fences) return exporting;
  fence->exported = true;
  Status put = transaction.Put(Table::kSettings, KeyOf(Setting::kFence), EncodeFence(*fence));
  if (put) put = UseFirstWord(transaction, AgreedAct::kFencedExport, {});
  // design.md section 4: the source signs no more for these devices, once it is answered. Also what
  // is reserved already: the other box may have signed with a greater counter by then.
  const Abandonment why{Describe(Reason::kCountersExported).name,
                        "a fenced export came before the command was signed", wish.at};
  if (put) put = AbandonAll(transaction, why, environment);
  if (!put) return std::move(put).error();
  return exporting;
}

Status ReadExport(const Transaction& transaction,
                  const std::function<Status(const ExportHead&)>& begin,
                  const std::function<Status(const ExportedCounters&)>& row) {
  const auto identity = ReadSetting(transaction, Setting::kIdentity, DecodeIdentity);
  if (!identity) return identity.error();
  const auto fence = ReadSetting(transaction, Setting::kFence, DecodeFence);
  if (!fence) return fence.error();
  const auto epoch = ReadSetting(transaction, Setting::kEpoch, DecodeEpoch);
  if (!epoch) return epoch.error();
  const auto size = AuditSizeOf(transaction);
  if (!size) return size.error();
  const auto root = RootAt(transaction, *size);
  if (!root) return root.error();
  Status begun = begin({.store = identity->id,
                        .environment = identity->environment,
                        .epoch = epoch->epoch,
                        .raise = fence->raise,
                        .base = fence->base,
                        .tree_size = *size,
                        .root = *root});
  if (!begun) return begun;
  return transaction.Walk(
      Table::kCounters, {}, {}, [&](BytesView key, BytesView payload) -> Result<bool> {
        const auto written = DecodeCounters(payload);
        if (!written || key.size() != 8) {
          return Damaged(Table::kCounters, key, "does not have the table's form");
        }
        const Eui64 device(ByteReader(key).U64());
        // Its cells are as they count now; what it lost is for the reader to add.
        CountersRow now = *written;
        if (Status current = BringUpToDate(now, *fence, device); !current) {
          return std::move(current).error();
        }
        Status taken = row({.device = device,
                            .last_issued = written->last_issued,
                            .raise = written->raise,
                            .supplier = now.supplier,
                            .network_operator = now.network_operator});
        if (!taken) return std::move(taken).error();
        return true;
      });
}

}  // namespace acb::store
