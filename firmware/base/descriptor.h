// Owns a file descriptor and closes it.
#pragma once

#include <unistd.h>

#include <utility>

namespace acb {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { Close(); }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      Close();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return number_; }
  // The caller closes it from now on.
  int Release() noexcept { return std::exchange(number_, -1); }
  explicit operator bool() const { return number_ >= 0; }
  // The result of close() says nothing that could be acted on: sockets, and files that are read or
  // unlinked.
  void Close() noexcept {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }

 private:
  int number_ = -1;
};

}  // namespace acb
