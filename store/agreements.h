// The first word of two operators for an act (FORMAT.md, table 28).
// Private to store/.
//
// Two different operators, with different keys, say the same word: the first is kept, the second
// carries the act out. A word is good for kWordSeconds, and for as long as configuration names who
// said it; after that it is as if it had not been said.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/store.h"
#include "store/transactions.h"

namespace acb::store {

// Stored numbers: never reused.
enum class AgreedAct : std::uint8_t {
  kRaise = 1,
  kFencedExport = 2,
  kCountersImport = 3,
  kQuarantineRelease = 4,
  kQuarantineDelete = 5,
  kLift = 6,      // of one
  kLiftMany = 7,  // of a list
};

inline constexpr std::int64_t kWordSeconds = 24 * 60 * 60;
inline constexpr std::uint64_t kMaxAgreements = 10'000;   // words at one time
inline constexpr std::size_t kMaxAgreementSubject = 255;  // octets of what the word is about
inline constexpr std::size_t kMaxOperatorName = 255;

struct OperatorWord {
  UtcTime at{0};
  std::string operator_name;
  // SHA-256 of the SubjectPublicKeyInfo in the operator's certificate, hex; empty: not known.
  std::string operator_key = {};
};
Bytes EncodeWord(const OperatorWord& word);
std::optional<OperatorWord> DecodeWord(BytesView payload);

// The first operator's word for this act on exactly this subject; nothing: `word` is the first. Of
// the same operator, or of one key under another name: kOtherOperator. Part of what a job checks
// before it writes.
Result<std::optional<OperatorWord>> FindFirstWord(const Transaction& transaction, AgreedAct act,
                                                  BytesView subject, const OperatorWord& word);

// Whether this operator's word for the act, on this subject or on any, waits and counts at `now`.
Result<bool> WordWaits(const Transaction& transaction, AgreedAct act, BytesView subject,
                       std::string_view operator_name, UtcTime now);
Result<bool> AnyWordWaits(const Transaction& transaction, AgreedAct act,
                          std::string_view operator_name, UtcTime now);

// kBusy when kMaxAgreements words wait that are still good.
Status KeepFirstWord(WriteTransaction& transaction, AgreedAct act, BytesView subject,
                     const OperatorWord& word);

// The act is carried out, or no longer meant: a word that is there is used up.
Status UseFirstWord(WriteTransaction& transaction, AgreedAct act, BytesView subject);

// Likewise every word for the act, whatever it is about.
Status UseFirstWords(WriteTransaction& transaction, AgreedAct act);

// Drops the words of everybody who is not named here; gives whose they were, each once.
Result<std::vector<std::string>> DropWordsOfOthers(WriteTransaction& transaction,
                                                   const std::vector<std::string>& operators);

// Of an entry: both operators, or the one who has spoken so far.
audit::List NamesOf(const std::optional<OperatorWord>& first, std::string_view second);

}  // namespace acb::store
