// The register of keys, kept with the entries of the ceremonies that changed it (R-SEC3-41).
#include "store/audit_log.h"
#include "store/core.h"
#include "store/reading.h"

namespace acb::store {

Result<std::optional<std::string>> Store::ReadKeyRegister() const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  // Absent is not damage here: a store from before the first ceremony has none.
  const auto payload = transaction->Get(Table::kSettings, KeyOf(Setting::kKeys));
  if (!payload) return payload.error();
  if (!payload->has_value()) return std::optional<std::string>();
  return std::optional(std::string(AsText(**payload)));
}

Result<audit::Receipt> Store::AppendCeremony(const audit::Entry& entry,
                                             const std::optional<std::string>& keys) {
  return core_->WriteOperatorsAct([&](WriteTransaction& transaction) -> Result<audit::Receipt> {
    const auto receipt = AppendEntry(transaction, entry, environment());
    if (!receipt) return receipt;
    if (keys) {
      Status put = transaction.Put(Table::kSettings, KeyOf(Setting::kKeys), AsBytes(*keys));
      if (!put) return std::move(put).error();
    }
    transaction.DemandAnchor();
    return receipt;
  });
}

}  // namespace acb::store
