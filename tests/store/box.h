// One of several boxes on one token, each with a directory of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "store/anchor.h"
#include "tests/store/store_fixture.h"

namespace acb::store {

// What of a store's directory lasts; of one that no commit is under way in.
inline void CopyStore(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::filesystem::remove_all(to);
  std::filesystem::create_directories(to);
  for (const char* file : {"data.mdb", "store.lock"}) {
    std::filesystem::copy_file(from / file, to / file);
  }
}

// The whole anchors of the token, lowest first.
inline std::vector<Anchor> AnchorsIn(const FakeToken& token) {
  std::vector<Anchor> anchors;
  for (const Bytes& object : token.List()) {
    if (const auto anchor = DecodeAnchor(object)) anchors.push_back(*anchor);
  }
  std::ranges::sort(anchors, [](const Anchor& a, const Anchor& b) { return b.IsAbove(a); });
  return anchors;
}

// True when `condition` holds within ten seconds.
inline bool Soon(const std::function<bool()>& condition) {
  for (int i = 0; i < 10'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

struct Box {
  Box(FakeToken& token, OpenSettings given, const std::filesystem::path& directory)
      : objects(token), settings(std::move(given)) {
    settings.directory = directory;
  }

  Status Start(Seams seams = {}) {
    store.reset();
    auto opened = Store::Open(settings, std::move(seams));
    if (!opened) return std::move(opened).error();
    store = *std::move(opened);
    return store->Start(objects, OrderToStart());
  }
  Status Stop() { return store->Stop(audit::Entry("stop", kNow)); }
  void Kill() { store.reset(); }

  Result<ReservedCounter> Reserve(const RequestId& request,
                                  std::optional<std::uint64_t> proposed = {}) {
    const auto generation = store->TrustGeneration();
    return store->Reserve({request, Sha256(AsBytes(BodyOf(request))), kSupplierRole,
                           proposed ? OriginatorCounter::From(*proposed) : std::nullopt,
                           generation ? *generation : 0, kNow});
  }
  // Reserves and signs: what the HSM would have seen.
  Result<std::uint64_t> Spend(const RequestId& request) {
    auto counter = Reserve(request);
    if (!counter) return counter.error();
    auto receipt = store->AppendSigned(*counter, SignedEntry(*counter), kAcb, {Bytes{1}},
                                       AsBytes(BodyOf(request)));
    // The counter was handed to the HSM, whatever became of the answer.
    (void)receipt;
    return counter->counter().value();
  }

  FakeAnchorObjects objects;
  OpenSettings settings;
  std::unique_ptr<Store> store;
};

}  // namespace acb::store
