#include "store/agreements.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "store/fields.h"
#include "store/reading.h"

namespace acb::store {
namespace {

Bytes KeyOf(AgreedAct act, BytesView subject) {
  return ByteWriter().U8(static_cast<std::uint8_t>(act)).Raw(subject).bytes();
}

// A clock that was set back by less makes no word old; a word of the day after tomorrow was said
// while the clock stood ahead.
bool IsGood(const OperatorWord& word, UtcTime now) {
  return now < word.at.PlusSeconds(kWordSeconds) && word.at < now.PlusSeconds(kWordSeconds);
}

// Of those whose key begins with `prefix`.
Status DropWords(WriteTransaction& transaction, BytesView prefix,
                 const std::function<bool(const OperatorWord&)>& which) {
  std::vector<Bytes> dropped;
  Status walked = transaction.Walk(
      Table::kAgreements, prefix, prefix, [&](BytesView key, BytesView payload) -> Result<bool> {
        const auto word = DecodeWord(payload);
        if (!word) return Damaged(Table::kAgreements, key, "does not have the table's form");
        if (which(*word)) dropped.push_back(ToBytes(key));
        return dropped.size() < kMaxAgreements;
      });
  if (!walked) return walked;
  for (const Bytes& key : dropped) {
    if (Status gone = transaction.Delete(Table::kAgreements, key); !gone) return gone;
  }
  return Done{};
}

}  // namespace

Bytes EncodeWord(const OperatorWord& word) {
  ByteWriter out;
  out.U64(Biased(word.at));
  PutText(out, std::string_view(word.operator_name).substr(0, kMaxOperatorName));
  if (!word.operator_key.empty()) PutText(out, word.operator_key);
  return std::move(out).bytes();
}

std::optional<OperatorWord> DecodeWord(BytesView payload) {
  ByteReader in(payload);
  OperatorWord word;
  word.at = Unbiased(in.U64());
  word.operator_name = TakeText(in);
  if (!in.rest().empty()) word.operator_key = TakeText(in);
  if (!in.Finished() || word.operator_name.empty()) return {};
  return word;
}

Result<std::optional<OperatorWord>> FindFirstWord(const Transaction& transaction, AgreedAct act,
                                                  BytesView subject, const OperatorWord& word) {
  auto first = Find(transaction, Table::kAgreements, KeyOf(act, subject), DecodeWord);
  if (!first || !first->has_value()) return first;
  if (!IsGood(**first, word.at)) return std::optional<OperatorWord>();
  if ((*first)->operator_name == word.operator_name) {
    return Failure(Reason::kOtherOperator,
                   "operator " + word.operator_name + " has agreed to it already");
  }
  // Whoever holds the key is one operator, under whatever names.
  if (!word.operator_key.empty() && (*first)->operator_key == word.operator_key) {
    return Failure(Reason::kOtherOperator, "the certificates of " + (*first)->operator_name +
                                               " and " + word.operator_name +
                                               " are of one key, so of one operator");
  }
  return first;
}

Result<bool> WordWaits(const Transaction& transaction, AgreedAct act, BytesView subject,
                       std::string_view operator_name, UtcTime now) {
  const auto word = Find(transaction, Table::kAgreements, KeyOf(act, subject), DecodeWord);
  if (!word) return word.error();
  return word->has_value() && IsGood(**word, now) && (*word)->operator_name == operator_name;
}

Result<bool> AnyWordWaits(const Transaction& transaction, AgreedAct act,
                          std::string_view operator_name, UtcTime now) {
  bool waits = false;
  const Bytes prefix = KeyOf(act, {});
  Status walked = transaction.Walk(
      Table::kAgreements, prefix, prefix, [&](BytesView key, BytesView payload) -> Result<bool> {
        const auto word = DecodeWord(payload);
        if (!word) return Damaged(Table::kAgreements, key, "does not have the table's form");
        waits = IsGood(*word, now) && word->operator_name == operator_name;
        return !waits;
      });
  if (!walked) return std::move(walked).error();
  return waits;
}

Status KeepFirstWord(WriteTransaction& transaction, AgreedAct act, BytesView subject,
                     const OperatorWord& word) {
  auto count = transaction.Count(Table::kAgreements);
  if (!count) return std::move(count).error();
  if (*count >= kMaxAgreements) {
    Status dropped = DropWords(transaction, {},
                               [&](const OperatorWord& kept) { return !IsGood(kept, word.at); });
    if (!dropped) return dropped;
    count = transaction.Count(Table::kAgreements);
    if (!count) return std::move(count).error();
    if (*count >= kMaxAgreements) {
      return Failure(Reason::kBusy, "too many acts wait for a second operator: finish some first");
    }
  }
  return transaction.Put(Table::kAgreements, KeyOf(act, subject), EncodeWord(word));
}

Status UseFirstWord(WriteTransaction& transaction, AgreedAct act, BytesView subject) {
  const Bytes key = KeyOf(act, subject);
  const auto word = transaction.Get(Table::kAgreements, key);
  if (!word) return word.error();
  return word->has_value() ? transaction.Delete(Table::kAgreements, key) : Done{};
}

Status UseFirstWords(WriteTransaction& transaction, AgreedAct act) {
  return DropWords(transaction, KeyOf(act, {}), [](const OperatorWord&) { return true; });
}

Result<std::vector<std::string>> DropWordsOfOthers(WriteTransaction& transaction,
                                                   const std::vector<std::string>& operators) {
  std::vector<std::string> whose;
  Status dropped = DropWords(transaction, {}, [&](const OperatorWord& word) {
    if (std::ranges::count(operators, word.operator_name) != 0) return false;
    if (std::ranges::count(whose, word.operator_name) == 0) whose.push_back(word.operator_name);
    return true;
  });
  if (!dropped) return std::move(dropped).error();
  return whose;
}

audit::List NamesOf(const std::optional<OperatorWord>& first, std::string_view second) {
  audit::List names;
  if (first) names.emplace_back(first->operator_name);
  names.emplace_back(second);
  return names;
}

}  // namespace acb::store
