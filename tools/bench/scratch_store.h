// A store of its own below a directory, started, with its anchors in memory.
#pragma once

#include <filesystem>
#include <memory>

#include "store/store.h"
#include "tests/fakes/fake_anchor_objects.h"
#include "tools/bench/scratch.h"

namespace acb::bench {

// As a service has it but for the HSM: what its looks at the anchors cost is not in here.
class ScratchStore {
 public:
  // No thresholds of volume. Fails as the store's calls do.
  static Result<std::unique_ptr<ScratchStore>> Open(const std::filesystem::path& parent,
                                                    UtcTime now);
  ScratchStore(const ScratchStore&) = delete;
  ScratchStore& operator=(const ScratchStore&) = delete;

  store::Store& store() { return *store_; }

 private:
  explicit ScratchStore(const std::filesystem::path& parent) : directory_(parent) {}

  ScratchDirectory directory_;
  FakeToken token_;
  FakeAnchorObjects anchors_{token_};
  std::unique_ptr<store::Store> store_;  // first to go
};

// A device that the ACB may hand over: commissioned, both cells the ACB's with a known floor.
// `number` makes its meter point.
Device ScratchDevice(Eui64 id, std::uint64_t number);

}  // namespace acb::bench
