#include "firmware/checks/earlier_answer.h"

namespace acb::checks {

Result<std::optional<StoredRequest>> FindEarlierAnswer(const Records& records,
                                                       const RequestId& request,
                                                       const Sha256Digest& body) {
  auto stored = records.FindRequest(request);
  if (!stored || !stored->has_value()) return stored;
  const StoredRequest::State state = (*stored)->state;
  const bool answered = state == StoredRequest::State::kSigned ||
                        state == StoredRequest::State::kRefused ||
                        state == StoredRequest::State::kQuarantined;
  if (!answered || (*stored)->body != body) return std::optional<StoredRequest>();
  return stored;
}

Status CheckRequestIdOpen(const Records& records, const RequestId& request,
                          const Sha256Digest& body) {
  const auto stored = records.FindRequest(request);
  if (!stored) return stored.error();
  if (!stored->has_value()) return Done{};
  if ((*stored)->body != body) {
    return Failure(Reason::kReplay, "other octets were received under this RequestID before");
  }
  if ((*stored)->state == StoredRequest::State::kAbandoned) return Done{};
  return Failure(Reason::kBusy, "this request is being worked on");
}

}  // namespace acb::checks
