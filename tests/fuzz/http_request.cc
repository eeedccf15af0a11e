// platform::RequestParser: whatever comes over a connection. A message means the same however it is
// cut into pieces.
#include <string>

#include "platform/http_parser.h"
#include "tests/fuzz/fuzz.h"

namespace {

using acb::fuzz::Require;
using namespace acb::platform;

constexpr std::uint64_t kLimit = 4096;

struct Outcome {
  BodyState state = BodyState::kNeedMore;
  std::string body;
  std::size_t used = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome ReadBody(RequestParser& parser, std::string_view octets, std::size_t piece) {
  Outcome outcome;
  const BodySink sink = [&](std::string_view part) {
    outcome.body += part;
    return true;
  };
  while (outcome.state == BodyState::kNeedMore && outcome.used < octets.size()) {
    std::string_view rest = octets.substr(outcome.used, piece);
    // What was not taken is offered again, with more behind it.
    for (std::size_t offered = piece;; offered += piece) {
      rest = octets.substr(outcome.used, offered);
      std::size_t used = 0;
      outcome.state = parser.Body(rest, used, kLimit, sink);
      Require(used <= rest.size(), "no more is used than there was");
      outcome.used += used;
      if (used > 0 || outcome.state != BodyState::kNeedMore) break;
      if (outcome.used + offered >= octets.size()) return outcome;
    }
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view octets = acb::fuzz::Text({data, size});
  std::size_t searched = 0;
  const HeaderEnd end = FindHeaderEnd(octets, searched);
  std::size_t again = 0;
  for (std::size_t have = 1; have < octets.size(); have += 1 + have / 8) {
    const HeaderEnd early = FindHeaderEnd(octets.substr(0, have), again);
    if (early.state == HeaderEnd::State::kIncomplete) continue;
    Require(early.state == end.state, "the end of a header is where it is");
    break;
  }
  if (end.state != HeaderEnd::State::kComplete) return 0;
  Require(end.size <= octets.size(), "the header is inside");
  RequestParser whole;
  RequestParser pieces;
  const auto head = whole.Head(octets.substr(0, end.size));
  const auto same = pieces.Head(octets.substr(0, end.size));
  Require(head.has_value() == same.has_value(), "one verdict");
  if (!head) return 0;
  static_cast<void>(ParseTarget(head->target).has_value());
  if (!head->has_body()) return 0;
  const std::string_view body = octets.substr(end.size);
  const Outcome at_once = ReadBody(whole, body, body.size() + 1);
  const Outcome bit_by_bit = ReadBody(pieces, body, 3);
  Require(at_once.body.size() <= kLimit, "the limit holds");
  Require(at_once.state != BodyState::kComplete || at_once == bit_by_bit,
          "a body is the same in one piece and in many");
  Require(bit_by_bit.state != BodyState::kComplete || at_once == bit_by_bit,
          "a body is the same in many pieces and in one");
  return 0;
}
