// Owns an object of a C library and frees it with the function that library names.
#pragma once

#include <memory>

namespace acb {

template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};

template <class T, auto Free>
using Handle = std::unique_ptr<T, FreeWith<Free>>;

}  // namespace acb
