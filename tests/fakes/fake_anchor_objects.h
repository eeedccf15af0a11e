// A token in memory that several boxes share, and how one box sees it: with faults at each call.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "firmware/anchor_objects.h"

namespace acb {

// What every box sees. Thread-safe.
class FakeToken {
 public:
  explicit FakeToken(std::string serial = "0123456789abcdef") : serial_(std::move(serial)) {}

  std::vector<Bytes> List() const {
    const std::lock_guard lock(mutex_);
    return objects_;
  }
  void Add(Bytes octets) {
    const std::lock_guard lock(mutex_);
    objects_.push_back(std::move(octets));
  }
  void Remove(BytesView octets) {
    const std::lock_guard lock(mutex_);
    std::erase_if(objects_, [&](const Bytes& object) { return Equal(object, octets); });
  }
  // A token that was put back or restored.
  void Restore(std::vector<Bytes> objects) {
    const std::lock_guard lock(mutex_);
    objects_ = std::move(objects);
  }
  const std::string& serial() const { return serial_; }

 private:
  const std::string serial_;
  mutable std::mutex mutex_;
  std::vector<Bytes> objects_;
};

// One box's way to the token. `stale` is set while no call runs.
class FakeAnchorObjects final : public AnchorObjects {
 public:
  enum class Call { kList, kListAnew, kCreate, kDestroy };
  enum class Fault {
    kNone,
    kFails,         // nothing was done
    kDoneButFails,  // it was done, and is reported as failed
    kTorn,          // of Create: half the object is there, and it is reported as made
  };

  using Decider = std::function<Fault(Call call, int number)>;
  // Set by a test while threads of the store ask it.
  class Deciding {
   public:
    Deciding& operator=(Decider decider) {
      const std::lock_guard lock(mutex_);
      decider_ = std::move(decider);
      return *this;
    }
    void Clear() { *this = Decider(); }
    Fault operator()(Call call, int number) const {
      Decider decider;
      {
        const std::lock_guard lock(mutex_);
        decider = decider_;
      }
      return decider ? decider(call, number) : Fault::kNone;
    }

   private:
    mutable std::mutex mutex_;
    Decider decider_;
  };

  explicit FakeAnchorObjects(FakeToken& token) : token_(token) {}

  // Every call fails: the HSM is away.
  std::atomic<bool> broken = false;
  // Decides about each call, which has this number, from 1; it may do something else meanwhile.
  Deciding fault;
  // What List gives in place of what is there: it lags behind other processes.
  std::optional<std::vector<Bytes>> stale;

  int calls() const { return calls_; }
  int CallsOf(Call call) const { return calls_of_[static_cast<std::size_t>(call)]; }

  Result<std::vector<Bytes>> List() override {
    if (Decide(Call::kList) != Fault::kNone) return Away();
    return stale ? *stale : token_.List();
  }
  Result<std::vector<Bytes>> ListAnew() override {
    if (Decide(Call::kListAnew) != Fault::kNone) return Away();
    return token_.List();
  }
  Status Create(BytesView octets) override {
    const Fault decided = Decide(Call::kCreate);
    if (decided == Fault::kFails) return Away();
    token_.Add(ToBytes(decided == Fault::kTorn ? octets.first(octets.size() / 2) : octets));
    if (decided == Fault::kDoneButFails) return Away();
    return Done{};
  }
  Status Destroy(BytesView octets) override {
    const Fault decided = Decide(Call::kDestroy);
    if (decided == Fault::kFails) return Away();
    token_.Remove(octets);
    if (decided == Fault::kDoneButFails) return Away();
    return Done{};
  }
  const std::string& token_serial() const override { return token_.serial(); }

 private:
  static Failure Away() { return {Reason::kHsmUnavailable, {}, "the fake token is away"}; }
  Fault Decide(Call call) {
    ++calls_;
    ++calls_of_[static_cast<std::size_t>(call)];
    if (broken) return Fault::kFails;
    return fault(call, calls_);
  }

  FakeToken& token_;
  std::atomic<int> calls_ = 0;
  std::array<std::atomic<int>, 4> calls_of_{};
};

}  // namespace acb
