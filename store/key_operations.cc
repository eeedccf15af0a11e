#include "store/key_operations.h"

#include "firmware/keys/limits.h"
#include "store/audit_log.h"
#include "store/core.h"
#include "store/reading.h"

namespace acb::store {
namespace {

Bytes KeyOfOperations(AcbKeyId key) {
  return ByteWriter().Raw(KeyOf(Setting::kKeyOperations)).U64(key.value).bytes();
}

}  // namespace

Result<std::uint64_t> ReadKeyOperations(const Transaction& transaction, AcbKeyId key) {
  const auto count = Find(transaction, Table::kSettings, KeyOfOperations(key), DecodeNumber);
  if (!count) return count.error();
  return count->value_or(0);
}

Status CheckKeyOperations(const Transaction& transaction, AcbKeyId key,
                          const KeyOperationLimits& limits) {
  const auto done = ReadKeyOperations(transaction, key);
  if (!done) return done.error();
  return keys::CheckOperations(*done, limits);
}

Result<std::uint64_t> AddKeyOperation(WriteTransaction& transaction, AcbKeyId key) {
  const auto done = ReadKeyOperations(transaction, key);
  if (!done) return done;
  const std::uint64_t now = *done + 1;
  Status put = transaction.Put(Table::kSettings, KeyOfOperations(key), EncodeNumber(now));
  if (!put) return std::move(put).error();
  return now;
}

Status CountKeyOperation(WriteTransaction& transaction, AcbKeyId key, UtcTime at,
                         const KeyOperationLimits& limits, Environment environment) {
  const auto now = AddKeyOperation(transaction, key);
  if (!now) return now.error();
  if (limits.most == 0 || (*now != limits.warn_at && *now != limits.most)) return Done{};
  audit::Entry alarm("alarm", at);
  alarm.Set("alarm", *now == limits.most ? "key limit reached" : "key limit near")
      .Set("key", ToHex(ByteWriter().U64(key.value).bytes()))
      .Set("operations", std::to_string(*now))
      .Set("limit", std::to_string(limits.most));
  if (auto added = AppendEntry(transaction, alarm, environment); !added) return added.error();
  return Done{};
}

Result<std::uint64_t> Store::KeyOperations(AcbKeyId key) const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  return ReadKeyOperations(*transaction, key);
}

}  // namespace acb::store
