#include "store/start.h"

#include <sys/random.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "store/anchors.h"
#include "store/audit_log.h"
#include "store/audit_tree.h"
#include "store/counters.h"
#include "store/reading.h"

namespace acb::store {
namespace {

constexpr const char* kRecover = "; the way out: acbctl recover (two operators)";

struct Listing {
  std::vector<Anchor> anchors;
  Anchor top;
  std::uint64_t greatest_epoch = 0;
};

Status CheckContained(const Transaction& transaction, const Anchor& top, std::uint64_t size) {
  std::string what;
  if (top.tree_size > size) {
    what = "is older than its anchor in the token: it holds " + std::to_string(size) + " entries";
  } else {
    const auto root = RootAt(transaction, top.tree_size);
    if (!root) return root.error();
    if (*root == top.root) return Done{};
    what = "is not the one that its anchor in the token names: its first " +
           std::to_string(top.tree_size) + " entries are others";
  }
  return Failure(Reason::kStoreRolledBack, "the store " + what + ", the anchor is of " +
                                               Describe(top) +
                                               ". Put back the newest state of the store, or" +
                                               std::string(kRecover).substr(1));
}

// The five steps of Start, in Run.
class Starter {
 public:
  Starter(const StartParts& parts, const StartOrder& order) : parts_(parts), order_(order) {}
  Result<Started> Run();

 private:
  Result<Listing> List();
  Status CheckAgainst(const Listing& listing);
  Status CheckOwn(const Listing& listing, const Anchor& anchor);
  void DestroyLeftOver(const Listing& listing);
  Status MakeClaim(const Listing& listing);
  Result<Listing> ListAfterClaim();
  Status DecideRaise(const Anchor& top);
  Status WriteStart();
  Status Confirm();
  Failure TakeBack(Failure why);

  const StartParts& parts_;
  const StartOrder& order_;
  Own own_;
  Anchor claim_;
  Anchor running_;
};

// Every object that is whole, and the top, of this store and token.
Result<Listing> Starter::List() {
  auto anchors = DecodeAnchors(parts_.objects.ListAnew());
  if (!anchors) return std::move(anchors).error();
  Listing listing;
  listing.anchors = *std::move(anchors);
  const Anchor* top = TopOf(listing.anchors);
  // Absent is not zero: a missing anchor is never a first run.
  if (top == nullptr) {
    return Failure(Reason::kAnchorMissing,
                   "the token " + SerialOf(parts_.objects) +
                       " holds no anchor of this store (epoch " + std::to_string(own_.epoch.epoch) +
                       ", " + std::to_string(own_.size) +
                       " entries): it is another token, or its objects were lost" + kRecover);
  }
  listing.top = *top;
  for (const Anchor& anchor : listing.anchors) {
    listing.greatest_epoch = std::max(listing.greatest_epoch, anchor.epoch);
    if (anchor.store != parts_.identity.id) {
      return Failure(Reason::kAnchorForeign, "the token holds the anchor of another store, " +
                                                 ToHex(anchor.store) + " (" + Describe(anchor) +
                                                 "); this one is " + ToHex(parts_.identity.id) +
                                                 kRecover);
    }
    if (anchor.token_serial != SerialOf(parts_.objects)) {
      return Failure(Reason::kAnchorForeign, "the anchor (" + Describe(anchor) +
                                                 ") was made in token " + anchor.token_serial +
                                                 " and this is token " + SerialOf(parts_.objects) +
                                                 ": it was copied or restored" + kRecover);
    }
  }
  return listing;
}

// "No top, another store id or serial number, an epoch in the store above every one listed, or a
// store that does not contain the top's tree: refuse."
Status Starter::CheckAgainst(const Listing& listing) {
  if (own_.epoch.epoch > listing.greatest_epoch) {
    return Failure(Reason::kStoreRolledBack,
                   "the store has seen epoch " + std::to_string(own_.epoch.epoch) +
                       " and the greatest in the token is " +
                       std::to_string(listing.greatest_epoch) + " (" + Describe(listing.top) +
                       "): the token was put back to an earlier state" + kRecover);
  }
  const auto transaction = ReadTransaction::Begin(parts_.environment);
  if (!transaction) return transaction.error();
  return CheckContained(*transaction, listing.top, own_.size);
}

// What was just created is listed, and nothing above it.
Status Starter::CheckOwn(const Listing& listing, const Anchor& anchor) {
  if (const Anchor* successor = FindSuccessor(listing.anchors, anchor)) {
    return Overtaken(*successor, anchor);
  }
  if (Contains(listing.anchors, anchor)) return Done{};
  return Failure(Reason::kHsmUnavailable, {},
                 "an anchor that was just made is not listed: " + Describe(anchor));
}

// Starts that died left these, and a token holds no more than some hundred. Whoever made one has a
// successor already, and is overtaken with it or without it: above each stays the top, or the
// greatest claim, which holds the greatest epoch.
void Starter::DestroyLeftOver(const Listing& listing) {
  const Anchor* claim = nullptr;
  for (const Anchor& anchor : listing.anchors) {
    if (anchor.state != Anchor::State::kClaim) continue;
    if (claim == nullptr || anchor.IsAbove(*claim)) claim = &anchor;
  }
  for (const Anchor& anchor : listing.anchors) {
    const Anchor* above = anchor.state == Anchor::State::kClaim ? claim : &listing.top;
    if (above->IsAbove(anchor)) (void)parts_.objects.Destroy(EncodeAnchor(anchor));
  }
}

// Step 2: "Every start is a new epoch, clean or not."
Status Starter::MakeClaim(const Listing& listing) {
  if (listing.greatest_epoch >= kMaxSeqNumber) {
    return Failure(Reason::kAnchorForeign, "no epoch is left above " + Describe(listing.top));
  }
  claim_.store = parts_.identity.id;
  claim_.token_serial = SerialOf(parts_.objects);
  claim_.epoch = listing.greatest_epoch + 1;
  claim_.instance = NewInstance();
  claim_.state = Anchor::State::kClaim;
  claim_.window = parts_.window;
  claim_.raise = listing.top.raise;
  claim_.base = std::max(own_.fence.base, listing.top.base);
  claim_.exported = own_.fence.exported;
  for (const Anchor& anchor : listing.anchors) claim_.exported |= anchor.exported;
  claim_.tree_size = own_.size;
  claim_.root = own_.root;
  return parts_.objects.Create(EncodeAnchor(claim_));
}

// The claim must not stand in the way of the box that goes on.
Failure Starter::TakeBack(Failure why) {
  (void)parts_.objects.Destroy(EncodeAnchor(claim_));
  return why;
}

// Step 3.
Result<Listing> Starter::ListAfterClaim() {
  auto listing = List();
  if (!listing) return listing;
  if (auto own = CheckOwn(*listing, claim_); !own) return std::move(own).error();
  if (auto contained = CheckAgainst(*listing); !contained) return std::move(contained).error();
  return listing;
}

// Step 4: "raise = the top's raise + (running: the top's window; stopped: 0)". R-SEC3-78.
Status Starter::DecideRaise(const Anchor& top) {
  running_ = claim_;
  running_.state = Anchor::State::kRunning;
  const std::uint64_t added = top.state == Anchor::State::kRunning ? top.window : 0;
  if (added > kMaxSeqNumber - top.raise) {
    return Failure(Reason::kCounterExhausted, "no raise is left above " + Describe(top));
  }
  // Nothing anywhere lowers it: rows may have been written under the store's own.
  running_.raise = std::max(own_.fence.raise, top.raise + added);
  running_.base = std::max(own_.fence.base, top.base);
  return Done{};
}

Status Starter::WriteStart() {
  audit::Entry entry = order_.entry;
  entry.Set("epoch", std::to_string(running_.epoch))
      .Set("instance", ToHex(running_.instance))
      .Set("raise", std::to_string(running_.raise));
  Fence fence = own_.fence;
  fence.raise = running_.raise;
  fence.base = running_.base;
  fence.exported = running_.exported;
  const Epoch epoch{running_.epoch, running_.instance};
  const Environment environment = parts_.identity.environment;
  return parts_.write([&](WriteTransaction& transaction) -> Status {
    const Abandonment why{"RESTART", "the service stopped before the reservation was answered",
                          entry.at()};
    if (auto gone = AbandonAll(transaction, why, environment); !gone) return gone;
    if (auto added = AppendEntry(transaction, entry, environment); !added) return added.error();
    Status put = transaction.Put(Table::kSettings, KeyOf(Setting::kFence), EncodeFence(fence));
    if (!put) return put;
    put = transaction.Put(Table::kSettings, KeyOf(Setting::kEpoch), EncodeEpoch(epoch));
    if (!put) return put;
    return NameTree(transaction, running_);
  });
}

// Step 5.
Status Starter::Confirm() {
  if (auto made = parts_.objects.Create(EncodeAnchor(running_)); !made) return made;
  // If power fails now: no older state of the store, and no copy of it, can start.
  const auto anchors = DecodeAnchors(parts_.objects.ListAnew());
  if (!anchors) return anchors.error();
  if (auto own = CheckOwn({*anchors, running_, 0}, running_); !own) return own;
  for (const Anchor& other : *anchors) {
    // One that cannot be destroyed is lower, and goes with the next start.
    if (running_.IsAbove(other)) (void)parts_.objects.Destroy(EncodeAnchor(other));
  }
  return Done{};
}

Result<Started> Starter::Run() {
  {
    const auto transaction = ReadTransaction::Begin(parts_.environment);
    if (!transaction) return transaction.error();
    auto own = ReadOwn(*transaction);
    if (!own) return std::move(own).error();
    own_ = *std::move(own);
    if (auto sound = CompareEntriesWithCounters(*transaction); !sound) {
      return std::move(sound).error();
    }
  }
  const auto first = List();
  if (!first) return first.error();
  if (auto may = CheckAgainst(*first); !may) return std::move(may).error();
  DestroyLeftOver(*first);
  // If power fails now: what was listed is gone in part; the top and the greatest claim are there.

  if (auto claimed = MakeClaim(*first); !claimed) return TakeBack(claimed.error());
  // If power fails from here on: a claim that nobody follows. It is above the next start's listing,
  // which takes a greater epoch and destroys it.
  const auto second = ListAfterClaim();
  if (!second) return TakeBack(second.error());
  if (auto decided = DecideRaise(second->top); !decided) return TakeBack(decided.error());

  if (auto written = WriteStart(); !written) {
    if (written.error().reason == Reason::kStoreInDoubt) return std::move(written).error();
    return TakeBack(written.error());
  }
  // If power fails now: the store's epoch is that of the claim, which stays in the token for it.
  if (auto confirmed = Confirm(); !confirmed) return std::move(confirmed).error();
  return Started{running_, second->top.state == Anchor::State::kRunning};
}

}  // namespace

Result<Own> ReadOwn(const Transaction& transaction) {
  const auto epoch = ReadSetting(transaction, Setting::kEpoch, DecodeEpoch);
  if (!epoch) return epoch.error();
  const auto fence = ReadSetting(transaction, Setting::kFence, DecodeFence);
  if (!fence) return fence.error();
  const auto size = AuditSizeOf(transaction);
  if (!size) return size.error();
  const auto root = RootAt(transaction, *size);
  if (!root) return root.error();
  return Own{*epoch, *fence, *size, *root};
}

Instance NewInstance() {
  Instance instance;
  // Up to 256 octets come whole or not at all (getrandom(2)).
  if (::getrandom(instance.data(), instance.size(), 0) != static_cast<ssize_t>(instance.size())) {
    std::abort();
  }
  return instance;
}

std::string SerialOf(const AnchorObjects& objects) {
  return objects.token_serial().substr(0, Anchor::kMaxTokenSerial);
}

Status ProvisionAnchor(const StartParts& parts, const audit::Entry& provision) {
  const auto listed = DecodeAnchors(parts.objects.ListAnew());
  if (!listed) return listed.error();
  // design.md section 4, "Not covered": `acbctl provision` refuses a token that holds an anchor.
  if (!listed->empty()) {
    return Failure(Reason::kAnchorForeign,
                   "the token " + SerialOf(parts.objects) + " holds an anchor already, of store " +
                       ToHex(listed->front().store) + " (" + Describe(listed->front()) +
                       "): provision with an empty token");
  }
  Anchor first;
  first.store = parts.identity.id;
  first.token_serial = SerialOf(parts.objects);
  first.epoch = 1;
  first.instance = NewInstance();
  first.state = Anchor::State::kStopped;
  first.window = parts.window;
  auto written = parts.write([&](WriteTransaction& transaction) -> Status {
    const auto before = ReadSetting(transaction, Setting::kEpoch, DecodeEpoch);
    if (!before) return before.error();
    if (before->epoch != 0) {
      return Failure(Reason::kAnchorMissing,
                     "the store was provisioned before (epoch " + std::to_string(before->epoch) +
                         ") and the token holds no anchor of it" + kRecover);
    }
    auto added = AppendEntry(transaction, provision, parts.identity.environment);
    if (!added) return std::move(added).error();
    const Epoch epoch{first.epoch, first.instance};
    Status put = transaction.Put(Table::kSettings, KeyOf(Setting::kEpoch), EncodeEpoch(epoch));
    if (!put) return put;
    return NameTree(transaction, first);
  });
  if (!written) return written;
  // If power fails before the next line is done: a store that no anchor names, which Start refuses.
  // It is provisioned anew, in another directory.
  return parts.objects.Create(EncodeAnchor(first));
}

Result<Started> StartStore(const StartParts& parts, const StartOrder& order) {
  return Starter(parts, order).Run();
}

}  // namespace acb::store
