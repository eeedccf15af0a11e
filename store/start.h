// The first anchor, and the five steps of a start (design.md section 4, "Start"). Private to
// store/.
//
// Each function runs as an act of the writer (writer.h).
#pragma once

#include <functional>
#include <memory>

#include "firmware/anchor_objects.h"
#include "store/anchor.h"
#include "store/environment.h"
#include "store/rows.h"
#include "store/writer.h"

namespace acb::store {

struct StartParts {
  std::shared_ptr<const LmdbEnvironment> environment;
  Identity identity;
  AnchorObjects& objects;
  std::uint64_t window;
  std::function<Status(const Writer::Work&)> write;  // Writer::WriteNow
};

// What the store says of itself. Fails with kRecordDamaged.
struct Own {
  Epoch epoch;
  Fence fence;
  std::uint64_t size = 0;  // entries of the log
  Sha256Digest root{};     // of the tree over them
};
Result<Own> ReadOwn(const Transaction& transaction);

Instance NewInstance();
// As Anchor keeps it.
std::string SerialOf(const AnchorObjects& objects);

// Store::Provision.
Status ProvisionAnchor(const StartParts& parts, const audit::Entry& provision);

// Store::Start: the running anchor, which has passed.
struct Started {
  Anchor running;
  bool after_unclean_stop = false;  // the top was `running`
};
Result<Started> StartStore(const StartParts& parts, const StartOrder& order);

// design.md section 6: "start compares the signed entries since the last two anchors with the
// counters". Also entries `abandoned` and `reserved-elsewhere`; of the newest kMaxEntriesCompared
// at most. kRecordDamaged: a row is below an entry, or an entry or row is damaged.
inline constexpr std::uint64_t kMaxEntriesCompared = 100'000;
Status CompareEntriesWithCounters(const Transaction& transaction);

}  // namespace acb::store
