// The rules that a handover has to pass, each with where it comes from (R-074-6): for a reviewer,
// and for whoever asks why a request was refused.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "firmware/audit/entry.h"
#include "firmware/base/reason.h"

namespace acb {

// Raised with every change to the rules; every decision is recorded with it (R-SEC3-65).
inline constexpr std::string_view kRuleSetVersion = "6";

// How binding the source is today (requirements.md, "How to read this").
enum class Force : std::uint8_t {
  kLive,              // in the SEC or its subsidiary documents, as far as found
  kWithdrawnAdopted,  // of a proposal that was withdrawn; policy of this appliance
  kConsultation,  // 2013 consultation text: check the clause of today before claiming compliance
  kDerived,       // implied by the source for this appliance, not stated there
};
std::string_view Name(Force force);  // "withdrawn, adopted here"

// A few items in a constant: more than fit do not compile.
template <class T>
class Few {
 public:
  consteval Few(std::initializer_list<T> items) {
    for (const T& item : items) items_[size_++] = item;
  }
  constexpr const T* begin() const { return items_.data(); }
  constexpr const T* end() const { return items_.data() + size_; }
  constexpr std::size_t size() const { return size_; }

 private:
  static constexpr std::size_t kMost = 6;
  std::array<T, kMost> items_{};
  std::size_t size_ = 0;
};

struct Rule {
  std::string_view name;    // "registered-network-operator": stable
  std::string_view demand;  // what has to be true, one sentence
  std::string_view document;
  std::string_view clause;
  std::string_view version;  // of the document
  Force force;
  Few<std::string_view> requirements;  // of requirements.md: "R-063-1"
  Few<Reason> reasons;                 // what it can answer when it is not met
};

// In the order of Handover::Handle.
std::span<const Rule> AllRules();

// {"version", "sha256" of the canonical JSON of "rules", "rules": [...]}, for audit::CanonicalJson.
audit::Object RuleListing();

}  // namespace acb
