#include "firmware/answer_table.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "firmware/duis/response_code.h"
#include "firmware/feeds/csv.h"

namespace acb {
namespace {

constexpr std::size_t kMaxSentenceOctets = 500;
constexpr int kFirstHttpError = 400;

const std::vector<std::string>& Columns() {
  static const std::vector<std::string> kColumns = {"reason", "response_code", "sentence"};
  return kColumns;
}

// It stands in JSON, in XML and on terminals.
bool IsSentence(std::string_view text) {
  return text.size() <= kMaxSentenceOctets &&
         std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + "\"";
}

// The failures of one row do not say where it is.
Failure Wrong(std::string what) { return Failure(Reason::kConfiguration, std::move(what)); }

Result<std::pair<Reason, Answer>> ReadRow(const feeds::CsvRow& row) {
  const ReasonInfo* info = FindReason(row.Get("reason"));
  if (info == nullptr) return Wrong("there is no reason '" + std::string(row.Get("reason")) + "'");
  Answer answer{std::string(row.Get("response_code")), std::string(row.Get("sentence"))};
  if (!duis::IsResponseCode(answer.response_code)) {
    return Wrong("'" + answer.response_code + "' is not a response code of the DUIS schema V5.4");
  }
  // I0 and I99 say that a request was served: with an error of HTTP beside it that would be a lie.
  const bool error = info->http_status >= kFirstHttpError;
  if (error && !answer.response_code.starts_with('E')) {
    return Wrong(answer.response_code + " is no error, and " + std::string(info->name) + " is one");
  }
  // I0 is success; what waits in quarantine is at most acknowledged.
  if (info->kind == ReasonKind::kHold && answer.response_code == "I0") {
    return Wrong("I0 says success, and " + std::string(info->name) + " is none");
  }
  if (!IsSentence(answer.sentence)) {
    return Wrong("the sentence is not one line of at most " + std::to_string(kMaxSentenceOctets) +
                 " printable ASCII characters");
  }
  if (answer.sentence.empty()) answer.sentence = info->sentence;
  return std::pair(info->reason, std::move(answer));
}

}  // namespace

AnswerTable::AnswerTable() {
  for (const ReasonInfo& info : AllReasons()) {
    answers_.emplace(info.reason, Answer{std::string(info.duis_code), std::string(info.sentence)});
  }
}

Result<AnswerTable> AnswerTable::Parse(std::string_view csv, std::string_view name) {
  const auto at = [name](std::uint64_t line, const Failure& failure) {
    return Wrong(std::string(name) + ":" + std::to_string(line) + ": " + failure.explanation);
  };
  auto reader = feeds::CsvReader::Open(csv, Columns());
  if (!reader) return at(1, reader.error());
  AnswerTable table;
  std::map<Reason, std::uint64_t> lines;  // where each reason was named
  for (;;) {
    const auto row = reader->Next();
    if (!row) return at(reader->line(), row.error());
    if (!row->has_value()) return table;
    auto answer = ReadRow(**row);
    if (!answer) return at((*row)->line(), answer.error());
    const auto [first, fresh] = lines.emplace(answer->first, (*row)->line());
    if (!fresh) {
      return at((*row)->line(), Wrong("this reason is in line " + std::to_string(first->second)));
    }
    table.answers_.insert_or_assign(answer->first, std::move(answer->second));
  }
}

std::string AnswerTable::Csv() const {
  std::string csv = "reason,response_code,sentence\n";
  for (const ReasonInfo& info : AllReasons()) {
    const Answer& answer = Of(info.reason);
    csv.append(info.name).append(",").append(answer.response_code).append(",");
    csv.append(Quoted(answer.sentence)).append("\n");
  }
  return csv;
}

}  // namespace acb
