// The box's own anchors while it serves, and what a listing says (design.md section 4, "Anchor" and
// "The writer"). Private to store/.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "firmware/anchor_objects.h"
#include "store/anchor.h"
#include "store/anchor_keeper.h"

namespace acb::store {

// An anchor is due after this time while the log grows (design.md section 4, "Outstanding").
inline constexpr std::chrono::milliseconds kAnchorAge{60'000};
// Objects of one listing: a box leaves one or two behind, and each start destroys the lower ones.
inline constexpr std::size_t kMaxAnchorObjects = 10'000;

// Lower objects of this start that the HSM did not destroy, beyond which none is made: the token
// must not fill up with what nobody can take away any more.
inline constexpr std::size_t kMaxLeftBehind = 12;

// Counters that one `anchor` entry names, some 80 octets each: further ones have an entry of their
// own before it, marked "continues".
inline constexpr std::size_t kMaxGivenOutPerEntry = 500;

// The anchors among `objects`: what is not whole does not exist. kHsmUnavailable: too many.
Result<std::vector<Anchor>> DecodeAnchors(const Result<std::vector<Bytes>>& objects);
// "The top is the highest that is running or stopped." nullptr: none.
const Anchor* TopOf(const std::vector<Anchor>& anchors);
// The first that is above `own`, or says another thing in its place (a copy of the running box):
// another box took over. nullptr: none.
const Anchor* FindSuccessor(const std::vector<Anchor>& anchors, const Anchor& own);
bool Contains(const std::vector<Anchor>& anchors, const Anchor& wanted);
// For the operator: "epoch 7, instance 0011..., 1234 entries".
std::string Describe(const Anchor& anchor);
Failure Overtaken(const Anchor& successor, const Anchor& own);

// Lets `anchor` name the tree of all entries that the transaction sees, and say whether its
// counters were exported for good.
Status NameTree(const Transaction& transaction, Anchor& anchor);

// Does nothing and finds nothing before Begin.
class Anchors final : public AnchorKeeper {
 public:
  using WallClock = std::function<UtcTime()>;  // of the `anchor` entries

  Anchors(Environment environment, WallClock clock, std::chrono::milliseconds age)
      : environment_(environment), clock_(std::move(clock)), age_(age) {}

  // By the writer's thread: from now on `objects` is looked at and `own`, which has passed, is this
  // box's anchor. `objects` outlives this.
  void Begin(AnchorObjects& objects, const Anchor& own);
  // The next object is the last: `stopped`, the tree of the transaction.
  Status PrepareStopped(const WriteTransaction& transaction);

  void Note(const BatchWrites& writes) override;
  bool IsDue() const override;
  Status CheckReachable() override;
  Status AppendAnchorEntry(WriteTransaction& transaction) override;
  Status LookForSuccessor() override;
  bool MayReleaseReservations() const override;
  Status MakeObject() override;
  void DestroyLower() override;

  // Thread-safe.
  struct State {
    std::optional<Anchor> passed;  // the newest; nothing before Begin
    std::uint64_t outstanding = 0;
    std::uint64_t made = 0;                             // since Begin
    std::chrono::steady_clock::time_point passed_at{};  // with `passed`
    std::optional<Failure> unmade{};                    // why the last attempt at one came to none
  };
  State state() const;
  // The newest that has passed, once its tree has more than `tree_size` entries; nothing when it
  // has not come to that within `patience`.
  std::optional<Anchor> WaitForPassed(std::uint64_t tree_size,
                                      std::chrono::milliseconds patience) const;

 private:
  // What was noted since an anchor's entry was appended.
  struct Noted {
    std::uint64_t moved = 0;  // stays at its greatest value
    bool demanded = false;
    bool grew = false;  // an entry or a counter's move

    void Add(const Noted& more);
  };

  audit::Entry NewEntry() const;
  Status Name(const Transaction& transaction);
  Status Failed(Failure why);
  Status Unmade(Failure why);
  Status CheckLeftBehind();
  void DestroyBelow(const Anchor& top);
  Status CheckSuccessor(const std::vector<Anchor>& listed) const;
  void Passed();
  Noted SincePassed() const;  // with the mutex held

  const Environment environment_;
  const WallClock clock_;
  const std::chrono::milliseconds age_;
  AnchorObjects* objects_ = nullptr;
  // The newest that was tried: no other box made it. Written by the writer's thread, while none is
  // in the making.
  Anchor attempted_;
  // Of the thread that makes them: what was listed anew when the last one passed, and how many
  // lower ones of this start stayed.
  std::vector<Anchor> listed_;
  std::size_t left_behind_ = 0;

  mutable std::mutex mutex_;  // guards what follows
  State state_;
  bool last_failed_ = false;
  Noted covered_;  // since the anchor that has passed, and named by the one that was tried last
  Noted fresh_;    // since the entry of that
  std::chrono::steady_clock::time_point passed_at_;
  mutable std::condition_variable passed_;
};

}  // namespace acb::store
