#include "firmware/checks/earlier_answer.h"

namespace acb::checks {

Result<std::optional<StoredRequest>> FindEarlierAnswer(const Records& records,
                                                       const RequestId& request,
                                                       const Sha256Digest& body) {
  auto stored = records.FindRequest(request);
  if (!stored || !stored->has_value()) return stored;
  if ((*stored)->body != body) {
    return Failure(Reason::kReplay, "other octets were received under this RequestID before");
  }
  switch ((*stored)->state) {
    case StoredRequest::State::kSigned:
    case StoredRequest::State::kRefused:
    case StoredRequest::State::kQuarantined:
      return stored;
    case StoredRequest::State::kAbandoned:
      return std::optional<StoredRequest>();
    case StoredRequest::State::kReserved:
      break;
  }
  return Failure(Reason::kBusy, "this request is being worked on");
}

}  // namespace acb::checks
