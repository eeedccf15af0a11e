// The one table of endpoints: who may use each, and in which states of the box it answers
// (design.md section 8). The router takes its roles from here, /openapi.json is made of it, and a
// test tries every endpoint, state, role and method against it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "firmware/base/result.h"
#include "platform/http_message.h"

namespace acb::platform {

// What the box can do. A process that could not open its store or token stays up to say why; only
// what would be dangerous to survive ends it (another box has taken over).
enum class State : std::uint8_t {
  kUnprovisioned,  // there is no store: acbctl provision, restore or recover makes one
  kLocked,         // the token is not open: no PIN, a wrong one, or no token
  kOperational,    // it decides; readiness says what may still keep it from signing
  kSuspended,      // operators have stopped all signing
  kFailed,         // the store or its anchor is not to be trusted until a restart or a recovery
};
inline constexpr State kStates[] = {State::kUnprovisioned, State::kLocked, State::kOperational,
                                    State::kSuspended, State::kFailed};

// "Unprovisioned" and so on.
std::string_view Name(State state);
// Of a box that did not open for this reason.
State StateOfClosed(Reason why);

class StateSet {
 public:
  constexpr StateSet(std::initializer_list<State> states) {
    for (const State state : states) bits_ |= Bit(state);
  }
  constexpr bool Has(State state) const { return (bits_ & Bit(state)) != 0; }

 private:
  static constexpr unsigned Bit(State state) { return 1U << static_cast<unsigned>(state); }
  unsigned bits_ = 0;
};

// What else the description says of an endpoint. Lists are parted by blanks.
struct EndpointExtras {
  // What it refuses is an entry of the log (P4); not what is no act at all: no such file.
  // Where it signs or gives out a counter it says no itself while signing is suspended.
  bool records_refusal = false;
  bool waits = false;  // 202: taken, and it waits for operators
  std::string_view query = {};
  std::string_view headers = {};
  std::string_view needed_headers = {};
};

struct EndpointRule {
  std::string_view method;
  std::string_view pattern;
  RoleSet roles;
  // In each other state the answer is 503 with the reason.
  StateSet states;
  std::string_view takes;  // media types of its body, parted by blanks; empty: it takes none
  std::string_view does;
  EndpointExtras more = {};

  bool looks_itself() const { return more.records_refusal && !states.Has(State::kSuspended); }
};

// In the order that the router tries them.
std::span<const EndpointRule> EndpointTable();

// Beside a file of counters: its source's public key, SubjectPublicKeyInfo in Base64.
inline constexpr const char* kCheckpointKeyHeader = "X-Checkpoint-Key";

// The table as an OpenAPI 3.1 document, for GET /openapi.json.
std::string OpenApiDocument();

}  // namespace acb::platform
