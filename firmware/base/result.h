// Result<T>: a value, or a Failure that says why not. Member names as std::expected (C++23).
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "firmware/base/reason.h"

namespace acb {

struct Failure {
  Reason reason;
  // For the requester: which element, which certificate (serial and issuer), what was expected.
  // Never secret, never another party's data. May be empty: the reason's sentence then says it all.
  std::string explanation;
  // For the operator's log only: library error texts, file names. Never sent out, never secret.
  std::string detail;

  Failure(Reason why, std::string explained = {}, std::string for_operator = {})
      : reason(why), explanation(std::move(explained)), detail(std::move(for_operator)) {}
};

struct Done {};

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Failure failure) : state_(std::in_place_index<1>, std::move(failure)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  // Using the value of a failure, or the error of a value, is a bug: std::get then throws, and no
  // one catches it.
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  Failure& error() & { return std::get<1>(state_); }
  const Failure& error() const& { return std::get<1>(state_); }
  Failure&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Failure> state_;
};

using Status = Result<Done>;

}  // namespace acb
