// The newest release of the software that started on this store (R-SEC3-55).
#include "store/core.h"
#include "store/reading.h"

namespace acb::store {
namespace {

Result<std::optional<std::uint64_t>> ReadNewest(const Transaction& transaction) {
  // Absent is not damage here: a store from before there were releases has none.
  return Find(transaction, Table::kSettings, KeyOf(Setting::kNewestRelease), DecodeNumber);
}

}  // namespace

Result<std::optional<std::uint64_t>> Store::NewestRelease() const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  return ReadNewest(*transaction);
}

Status Store::KeepRelease(std::uint64_t release) {
  return core_->Run(Lane::kFinish, [&](WriteTransaction& transaction) -> Status {
    const auto newest = ReadNewest(transaction);
    if (!newest) return newest.error();
    if (newest->has_value() && **newest >= release) return Done{};
    return transaction.Put(Table::kSettings, KeyOf(Setting::kNewestRelease), EncodeNumber(release));
  });
}

}  // namespace acb::store
