#include "store/anchors.h"

#include <algorithm>
#include <string>

#include "store/audit_log.h"
#include "store/audit_tree.h"
#include "store/counters.h"
#include "store/reading.h"

namespace acb::store {

Result<std::vector<Anchor>> DecodeAnchors(const Result<std::vector<Bytes>>& objects) {
  if (!objects) return objects.error();
  if (objects->size() > kMaxAnchorObjects) {
    return Failure(Reason::kHsmUnavailable, {},
                   "the token holds " + std::to_string(objects->size()) + " anchor objects");
  }
  std::vector<Anchor> anchors;
  for (const Bytes& octets : *objects) {
    if (auto anchor = DecodeAnchor(octets)) anchors.push_back(*std::move(anchor));
  }
  return anchors;
}

const Anchor* TopOf(const std::vector<Anchor>& anchors) {
  const Anchor* top = nullptr;
  for (const Anchor& anchor : anchors) {
    if (anchor.state == Anchor::State::kClaim) continue;
    if (top == nullptr || anchor.IsAbove(*top)) top = &anchor;
  }
  return top;
}

const Anchor* FindSuccessor(const std::vector<Anchor>& anchors, const Anchor& own) {
  const auto found = std::ranges::find_if(anchors, [&](const Anchor& anchor) {
    return anchor.IsAbove(own) || (!own.IsAbove(anchor) && anchor != own);
  });
  return found == anchors.end() ? nullptr : &*found;
}

bool Contains(const std::vector<Anchor>& anchors, const Anchor& wanted) {
  return std::ranges::find(anchors, wanted) != anchors.end();
}

std::string Describe(const Anchor& anchor) {
  return "epoch " + std::to_string(anchor.epoch) + ", instance " + ToHex(anchor.instance) + ", " +
         std::to_string(anchor.tree_size) + " entries";
}

Failure Overtaken(const Anchor& successor, const Anchor& own) {
  return {Reason::kOvertaken,
          "another box with a copy of this store has taken over: its anchor is of " +
              Describe(successor) + ", this box's of " + Describe(own) +
              ". Stop one of the two; if this one is to go on, stop the other and let this store "
              "take in its log with acbctl recover"};
}

Status NameTree(const Transaction& transaction, Anchor& anchor) {
  const auto size = AuditSizeOf(transaction);
  if (!size) return size.error();
  const auto root = RootAt(transaction, *size);
  if (!root) return root.error();
  const auto fence = ReadSetting(transaction, Setting::kFence, DecodeFence);
  if (!fence) return fence.error();
  anchor.tree_size = *size;
  anchor.root = *root;
  anchor.exported = anchor.exported || fence->exported;
  return Done{};
}

void Anchors::Begin(AnchorObjects& objects, const Anchor& own) {
  objects_ = &objects;
  attempted_ = own;
  const std::lock_guard lock(mutex_);
  passed_at_ = std::chrono::steady_clock::now();
  state_.passed = own;
}

Anchors::State Anchors::state() const {
  const std::lock_guard lock(mutex_);
  State state = state_;
  state.outstanding = SincePassed().moved;
  state.passed_at = passed_at_;
  return state;
}

std::optional<Anchor> Anchors::WaitForPassed(std::uint64_t tree_size,
                                             std::chrono::milliseconds patience) const {
  std::unique_lock lock(mutex_);
  const auto covers = [&] { return state_.passed && state_.passed->tree_size > tree_size; };
  if (!passed_.wait_for(lock, patience, covers)) return {};
  return state_.passed;
}

void Anchors::Noted::Add(const Noted& more) {
  moved += std::min(more.moved, ~std::uint64_t{0} - moved);
  demanded |= more.demanded;
  grew |= more.grew;
}

// A failed attempt covers nothing: all of it is still outstanding.
Anchors::Noted Anchors::SincePassed() const {
  Noted all = covered_;
  all.Add(fresh_);
  return all;
}

void Anchors::Note(const BatchWrites& writes) {
  const std::lock_guard lock(mutex_);
  fresh_.Add({writes.moved, writes.anchor_demanded, writes.grew});
}

// design.md section 4: "An anchor is due at half a window, every 60 s while the log grows, and at
// once for ...". Each holds until an anchor has passed: a failed attempt is made again.
bool Anchors::IsDue() const {
  if (objects_ == nullptr) return false;
  const std::lock_guard lock(mutex_);
  const Noted noted = SincePassed();
  if (noted.demanded) return true;
  if (noted.grew && std::chrono::steady_clock::now() - passed_at_ >= age_) return true;
  return noted.moved >= std::max<std::uint64_t>(1, attempted_.window / 2);
}

// An entry and an object are spent for each attempt: none while the HSM is known not to answer, or
// cannot be listed anew, as the attempt will be.
Status Anchors::CheckReachable() {
  {
    const std::lock_guard lock(mutex_);
    if (!last_failed_) return Done{};
  }
  const auto listed = objects_->ListAnew();
  if (!listed) return Unmade(listed.error());
  return Done{};
}

audit::Entry Anchors::NewEntry() const {
  audit::Entry entry("anchor", clock_());
  entry.Set("epoch", std::to_string(attempted_.epoch)).Set("instance", ToHex(attempted_.instance));
  return entry;
}

Status Anchors::AppendAnchorEntry(WriteTransaction& transaction) {
  // A recovery has the entries alone: a counter that is about to go to the HSM, and has no entry of
  // its own yet, must not be forgotten by the anchor that passes it.
  const auto unanswered = ListUnanswered(transaction);
  if (!unanswered) return unanswered.error();
  audit::List given_out;
  for (const Unanswered& one : *unanswered) {
    if (given_out.size() == kMaxGivenOutPerEntry) {
      audit::Entry part = NewEntry();
      part.Set("unanswered", std::move(given_out)).Set("continues", true);
      given_out.clear();
      if (auto added = AppendEntry(transaction, part, environment_); !added) return added.error();
    }
    given_out.emplace_back(
        audit::Object{{"device", one.request.target.Hyphenated()},
                      {"originator_counter", std::to_string(one.counter.value())}});
  }
  audit::Entry entry = NewEntry();
  if (!given_out.empty()) entry.Set("unanswered", std::move(given_out));
  if (auto added = AppendEntry(transaction, entry, environment_); !added) return added.error();
  return Name(transaction);
}

// What the transaction sees is what the next object names: what comes after it is for the one after
// that, also when it comes before this one has passed.
Status Anchors::Name(const Transaction& transaction) {
  if (auto named = NameTree(transaction, attempted_); !named) return named;
  const std::lock_guard lock(mutex_);
  covered_.Add(std::exchange(fresh_, {}));
  return Done{};
}

Status Anchors::PrepareStopped(const WriteTransaction& transaction) {
  attempted_.state = Anchor::State::kStopped;
  return Name(transaction);
}

Status Anchors::Failed(Failure why) {
  const std::lock_guard lock(mutex_);
  last_failed_ = true;
  return why;
}

Status Anchors::Unmade(Failure why) {
  const std::lock_guard lock(mutex_);
  last_failed_ = true;
  state_.unmade = why;
  return why;
}

Status Anchors::CheckSuccessor(const std::vector<Anchor>& listed) const {
  const Anchor* successor = FindSuccessor(listed, attempted_);
  if (successor == nullptr) return Done{};
  return Overtaken(*successor, attempted_);
}

// R-NOW-7.
Status Anchors::LookForSuccessor() {
  if (objects_ == nullptr) return Done{};
  const auto listed = DecodeAnchors(objects_->List());
  if (!listed) return Failed(listed.error());
  return CheckSuccessor(*listed);
}

// R-NOW-7. A box overtaken without knowing it creates, then lists, as its successor does: so one of
// them sees the other.
Status Anchors::MakeObject() {
  if (Status clear = CheckLeftBehind(); !clear) return clear;
  const Status created = objects_->Create(EncodeAnchor(attempted_));
  // It may be there whatever was reported.
  auto listed = DecodeAnchors(objects_->ListAnew());
  if (!listed) return Unmade(listed.error());
  if (auto alone = CheckSuccessor(*listed); !alone) return alone;
  if (Contains(*listed, attempted_)) {
    listed_ = *std::move(listed);
    Passed();
    return created;
  }
  if (!created) return Unmade(created.error());
  return Unmade({Reason::kHsmUnavailable, {}, "the anchor that was just made is not listed"});
}

void Anchors::Passed() {
  {
    const std::lock_guard lock(mutex_);
    last_failed_ = false;
    state_.unmade.reset();
    passed_at_ = std::chrono::steady_clock::now();
    covered_ = {};
    state_.passed = attempted_;
    ++state_.made;
  }
  passed_.notify_all();
}

// Before one is made: the one that has passed stays.
Status Anchors::CheckLeftBehind() {
  if (left_behind_ < kMaxLeftBehind) return Done{};
  auto listed = DecodeAnchors(objects_->ListAnew());
  if (!listed) return Unmade(listed.error());
  listed_ = *std::move(listed);
  const auto passed = state().passed;
  if (passed) DestroyBelow(*passed);
  if (left_behind_ < kMaxLeftBehind) return Done{};
  return Unmade({Reason::kHsmUnavailable,
                 {},
                 "the HSM does not destroy old anchors: " + std::to_string(left_behind_) +
                     " are left, and no more are made"});
}

// "Then the box destroys its own old one." One that stays is lower, and goes with the next. After a
// failure the rest stays too: each call may take as long as the HSM lets it.
void Anchors::DestroyLower() {
  if (listed_.empty()) return;
  DestroyBelow(attempted_);
}

void Anchors::DestroyBelow(const Anchor& top) {
  left_behind_ = 0;
  for (const Anchor& anchor : std::exchange(listed_, {})) {
    if (anchor.start() != top.start() || !top.IsAbove(anchor)) continue;
    if (left_behind_ > 0 || !objects_->Destroy(EncodeAnchor(anchor))) ++left_behind_;
  }
}

// Nothing is given out above what waits for its anchor, as in the model: the writer ends a floor
// before it begins a reservation.
bool Anchors::MayReleaseReservations() const {
  if (objects_ == nullptr) return true;
  const std::lock_guard lock(mutex_);
  const Noted noted = SincePassed();
  return !noted.demanded && noted.moved <= attempted_.window;
}

}  // namespace acb::store
