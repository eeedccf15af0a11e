// What the requester is told for each reason: DUIS response code and sentence. A site changes both
// with a file; the reason itself, its name and its number, never changes (R-063-10).
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "firmware/base/result.h"

namespace acb {

struct Answer {
  std::string response_code;  // of the schema's enumeration (firmware/duis/response_code.h)
  std::string sentence;       // in plain words
};

// Immutable: any number of threads may read one.
class AnswerTable {
 public:
  // The built-in answers: those of ReasonInfo.
  AnswerTable();

  // The built-in answers with those of a CSV `reason,response_code,sentence` in their place. A
  // reason that it does not name keeps its built-in answer; an empty sentence, the built-in
  // sentence. `name` is the file's, for what is wrong.
  //
  // kConfiguration, explained as "response-codes.csv:3: ...": not such a CSV, an unknown reason or
  // code, a reason twice, a success code (I..) for a reason that is answered with an HTTP error.
  static Result<AnswerTable> Parse(std::string_view csv, std::string_view name);

  const Answer& Of(Reason reason) const { return answers_.at(reason); }

  // As a file that Parse reads, with a row for every reason, in order of number.
  std::string Csv() const;

 private:
  std::map<Reason, Answer> answers_;
};

}  // namespace acb
