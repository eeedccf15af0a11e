#include "store/recover.h"

#include <algorithm>
#include <boost/json.hpp>
#include <vector>

#include "store/acts.h"
#include "store/agreements.h"
#include "store/anchors.h"
#include "store/audit_log.h"
#include "store/audit_tree.h"
#include "store/feeds.h"
#include "store/reading.h"
#include "store/replay.h"
#include "store/suspensions.h"

namespace acb::store {
namespace {

constexpr std::uint64_t kRowsBeforeProgress = 10'000;

// What the token holds. An object that is not whole does not exist.
struct Listing {
  std::vector<Bytes> objects;  // every one, whole or not
  std::vector<Anchor> anchors;
  std::optional<Anchor> top;  // the highest that is running or stopped
  std::uint64_t epoch = 0;    // the greatest
  std::uint64_t raise = 0;
  std::uint64_t window = 0;
  std::uint64_t base = 0;
  bool exported = false;  // one says so
};

Result<Listing> List(AnchorObjects& objects) {
  auto octets = objects.ListAnew();
  if (!octets) return std::move(octets).error();
  Listing listing;
  auto anchors = DecodeAnchors(octets);
  if (!anchors) return std::move(anchors).error();
  listing.objects = *std::move(octets);
  listing.anchors = *std::move(anchors);
  if (const Anchor* top = TopOf(listing.anchors)) listing.top = *top;
  for (const Anchor& anchor : listing.anchors) {
    listing.epoch = std::max(listing.epoch, anchor.epoch);
    listing.raise = std::max(listing.raise, anchor.raise);
    listing.window = std::max(listing.window, anchor.window);
    listing.base = std::max(listing.base, anchor.base);
    listing.exported = listing.exported || anchor.exported;
  }
  return listing;
}

// Anchors of this store, made in this token, and the token not older than the store.
Status CheckListing(const StartParts& parts, const Listing& listing, const Own& own) {
  const std::string serial = SerialOf(parts.objects);
  if (!listing.top) {
    return Failure(Reason::kAnchorMissing,
                   "the token " + serial + " holds no anchor of store " + ToHex(parts.identity.id));
  }
  for (const Anchor& anchor : listing.anchors) {
    if (anchor.store != parts.identity.id) {
      return Failure(Reason::kAnchorForeign, "the token holds the anchor of another store, " +
                                                 ToHex(anchor.store) + " (" + Describe(anchor) +
                                                 "); this one is " + ToHex(parts.identity.id));
    }
    if (anchor.token_serial != serial) {
      return Failure(Reason::kAnchorForeign, "an anchor (" + Describe(anchor) +
                                                 ") was made in token " + anchor.token_serial +
                                                 " and this is token " + serial);
    }
  }
  if (own.epoch.epoch > listing.epoch) {
    return Failure(Reason::kStoreRolledBack,
                   "the token is older than the store: the store has seen epoch " +
                       std::to_string(own.epoch.epoch) + ", the token's greatest is " +
                       std::to_string(listing.epoch));
  }
  return Done{};
}

std::uint64_t GreatestOf(const CountersRow& row) {
  std::uint64_t greatest = row.last_issued;
  for (const CellState* cell : {&row.supplier, &row.network_operator}) {
    if (cell->floor) greatest = std::max(greatest, cell->floor->value());
  }
  return greatest;
}

struct EarlierBases {
  std::uint64_t least = 0;                // that a store or an anchor names: a claim too
  std::optional<std::uint64_t> finished;  // that the highest anchor but for claims names
};

// "N stated to be above every counter ever signed": above all that this store knows, at least. But
// a device that no base can be above has no counters left, as far as anybody knows, and stands in
// nobody else's way: it is named in `exhausted`.
Status CheckBase(const Transaction& transaction, const RecoverOrder& order,
                 const EarlierBases& before, std::vector<Eui64>& exhausted) {
  const std::uint64_t base = *order.base;
  if (base > kGreatestBase) {
    return Failure(Reason::kCounterLimit, "a base is at most " + std::to_string(kGreatestBase) +
                                              ", so that counters are left above it");
  }
  if (base < before.least) {
    return Failure(
        Reason::kCounterRegression,
        "an earlier recovery has base " + std::to_string(before.least) + ": nothing lowers it");
  }
  if (base == before.finished) {
    return Failure(Reason::kCounterRegression,
                   "a recovery with base " + std::to_string(base) +
                       " was finished, and a box may have run since: the base must be above what "
                       "it has issued. A store that has this recovery in its log starts without "
                       "another");
  }
  const auto count = transaction.Count(Table::kCounters);
  if (!count) return count.error();
  std::uint64_t seen = 0;
  return transaction.Walk(
      Table::kCounters, {}, {}, [&](BytesView key, BytesView payload) -> Result<bool> {
        const auto row = DecodeCounters(payload);
        if (!row) return Damaged(Table::kCounters, key, "does not have the table's form");
        const std::uint64_t greatest = GreatestOf(*row);
        if (greatest > kGreatestBase) {
          exhausted.emplace_back(ByteReader(key).U64());
        } else if (greatest >= base) {
          return Failure(Reason::kCounterRegression,
                         "the store knows " + std::to_string(greatest) + " of device " +
                             ToHex(key) + ": the base must be above every counter and floor");
        }
        ++seen;
        if (order.progress && (seen % kRowsBeforeProgress == 0 || seen == *count)) {
          order.progress(seen, *count);
        }
        return true;
      });
}

// The lines of EXPORT, against the store's log and the anchored tree.
class Importer {
 public:
  Importer(WriteTransaction& transaction, const RecoverOrder& order, const Anchor& top,
           std::uint64_t size, std::uint64_t counter_jump)
      : transaction_(transaction),
        order_(order),
        top_(top),
        replay_(transaction, counter_jump, top),
        size_(size) {}

  Status Run();
  const Replay& replay() const { return replay_; }
  std::uint64_t appended() const { return appended_; }
  std::uint64_t taken_in() const { return taken_in_; }

 private:
  Status Take(std::string_view line);
  Status CheckPlace(const boost::json::object& entry);
  Result<bool> IsOurs(std::string_view line) const;

  WriteTransaction& transaction_;
  const RecoverOrder& order_;
  const Anchor& top_;
  Replay replay_;
  const std::uint64_t size_;  // of the store's log before
  std::optional<std::uint64_t> next_;
  bool diverged_ = false;
  bool shares_ = false;  // an entry with the store's log
  std::uint64_t lines_ = 0;
  std::uint64_t appended_ = 0;
  std::uint64_t taken_in_ = 0;
};

Failure BadExport(std::string what) { return Failure(Reason::kBackupDamaged, std::move(what)); }

Status Importer::CheckPlace(const boost::json::object& entry) {
  const auto index = ParseDecimal(EntryText(entry, "index"));
  if (!index) return BadExport("a line of the export is no entry of an audit log: it has no index");
  if (next_ && *index != *next_) {
    return BadExport("the export has entry " + std::to_string(*index) + " where " +
                     std::to_string(*next_) + " should be");
  }
  if (!next_ && *index > size_) {
    return BadExport("the export begins with entry " + std::to_string(*index) +
                     " and the store has " + std::to_string(size_) +
                     " entries: those between are "
                     "missing");
  }
  next_ = *index;
  return Done{};
}

Result<bool> Importer::IsOurs(std::string_view line) const {
  const auto leaf = transaction_.Get(Table::kAuditLeaves, KeyOf(*next_));
  if (!leaf) return leaf.error();
  if (!leaf->has_value()) return Damaged(Table::kAuditLeaves, KeyOf(*next_), "is missing");
  return Equal(**leaf, audit::LeafHash(line));
}

Status Importer::Take(std::string_view line) {
  boost::json::error_code error;
  const auto value = boost::json::parse(line, error);
  if (error || !value.is_object()) return BadExport("a line of the export is no JSON object");
  const boost::json::object& entry = value.get_object();
  if (Status placed = CheckPlace(entry); !placed) return placed;
  if (!diverged_ && *next_ < size_) {
    const auto ours = IsOurs(line);
    if (!ours) return ours.error();
    diverged_ = !*ours;
    if (*ours) {
      shares_ = true;
      ++*next_;
      return Done{};
    }
  }
  // Behind the anchored tree nothing proves an entry; of an overtaken box's log nothing is ours.
  const bool append = !diverged_ && *next_ < top_.tree_size;
  if (append) {
    const auto receipt = AppendOctets(transaction_, *next_, line);
    if (!receipt) return receipt.error();
    ++appended_;
  } else {
    ++taken_in_;
  }
  ++*next_;
  Status done = append ? replay_.Apply(entry) : replay_.TakeIn(entry);
  if (done || done.error().reason != Reason::kBackupDamaged) return done;
  return BadExport("line " + std::to_string(lines_) +
                   " of the export: " + done.error().explanation);
}

Status Importer::Run() {
  while (true) {  // ends with the export
    const auto line = order_.next_line();
    if (!line) return line.error();
    if (!line->has_value()) break;
    ++lines_;
    if (Status taken = Take(**line); !taken) return taken;
    if (order_.progress && (appended_ + taken_in_) % kRowsBeforeProgress == 0) {
      order_.progress(appended_ + taken_in_, 0);
    }
  }
  // The log of an overtaken box begins as this one does; that of any other box says nothing of
  // these counters.
  if (taken_in_ != 0 && appended_ == 0 && !shares_) {
    return BadExport(
        "no entry of the export is in this store's log: it is of another box, or begins too late");
  }
  const auto contained = ContainsTree(transaction_, top_.tree_size, top_.root);
  if (!contained) return contained.error();
  if (*contained) return Done{};
  return Failure(
      Reason::kStoreRolledBack,
      diverged_ ? "the export is of another log: it differs from the store's, which does not reach "
                  "the anchored tree (" +
                      Describe(top_) +
                      "); a backup may have entries that an earlier recovery left out: take an "
                      "older one"
                : "with the export the log does not come to the anchored tree (" + Describe(top_) +
                      "): it ends before, or an entry was changed");
}

// The five steps of recover.h.
class Recoverer {
 public:
  Recoverer(const StartParts& parts, const RecoverOrder& order, std::uint64_t counter_jump)
      : parts_(parts), order_(order), counter_jump_(counter_jump) {}
  Result<Recovery> Run();

 private:
  Status Decide();
  Status DecideRaise();
  Status RaiseAbove(std::uint64_t raise);
  Status Claim();
  Status Write();
  Status WriteIn(WriteTransaction& transaction);
  Status TakeInExport(WriteTransaction& transaction);
  Status Exhaust(WriteTransaction& transaction);
  Status AppendRaise(WriteTransaction& transaction, const Replay::Raised& raised);
  Status RepeatOrder(WriteTransaction& transaction, std::vector<Suspension> order);
  Result<audit::Receipt> AppendRecord(WriteTransaction& transaction) const;
  Status Confirm();
  Failure TakeBack(Failure why);

  const StartParts& parts_;
  const RecoverOrder& order_;
  const std::uint64_t counter_jump_;
  Listing before_;
  Own own_;
  Fence fence_;  // the new one
  Anchor anchor_;
  Recovery recovery_;
  std::uint64_t raised_ = 0;   // entries of AppendRaise
  std::uint64_t ordered_ = 0;  // of RepeatOrder
  audit::Object imports_;      // Replay::imports
};

Status Recoverer::Decide() {
  auto listing = List(parts_.objects);
  if (!listing) return std::move(listing).error();
  before_ = *std::move(listing);
  const auto transaction = ReadTransaction::Begin(parts_.environment);
  if (!transaction) return transaction.error();
  auto own = ReadOwn(*transaction);
  if (!own) return std::move(own).error();
  own_ = *own;
  fence_ = own_.fence;
  fence_.base = std::max({own_.fence.base, before_.base, order_.base.value_or(0)});
  // A copy from before the fence does not undo it: another box signs for these devices.
  fence_.exported = own_.fence.exported || before_.exported;
  if (Status raised = DecideRaise(); !raised) return raised;
  if (order_.base) {
    EarlierBases bases{.least = std::max(own_.fence.base, before_.base), .finished = {}};
    if (before_.top && before_.top->base != 0) bases.finished = before_.top->base;
    return CheckBase(*transaction, order_, bases, recovery_.exhausted);
  }
  // Entries prove nothing without an anchor of this store and token that names their root.
  Status fits = CheckListing(parts_, before_, own_);
  if (fits) return fits;
  return Failure(fits.error().reason,
                 fits.error().explanation + ": no export can prove the counters; use --base");
}

// "Then a start above every epoch seen, raise + window."
Status Recoverer::DecideRaise() {
  const std::uint64_t epoch = std::max(own_.epoch.epoch, before_.epoch);
  if (epoch >= kMaxSeqNumber) {
    return Failure(Reason::kCounterExhausted, "no epoch is left for a recovery");
  }
  anchor_.epoch = epoch + 1;
  return RaiseAbove(std::max(own_.fence.raise, before_.raise));
}

Status Recoverer::RaiseAbove(std::uint64_t raise) {
  const std::uint64_t window = std::max(before_.window, parts_.window);
  if (raise > kMaxSeqNumber || window > kMaxSeqNumber - raise) {
    return Failure(Reason::kCounterExhausted, "no raise is left for a recovery");
  }
  fence_.raise = std::max(fence_.raise, raise + window);
  return Done{};
}

Status Recoverer::Claim() {
  anchor_.store = parts_.identity.id;
  anchor_.token_serial = SerialOf(parts_.objects);
  anchor_.instance = NewInstance();
  anchor_.window = parts_.window;
  anchor_.raise = fence_.raise;
  anchor_.base = fence_.base;
  anchor_.exported = fence_.exported;
  anchor_.state = Anchor::State::kClaim;
  const auto transaction = ReadTransaction::Begin(parts_.environment);
  if (!transaction) return transaction.error();
  if (Status named = NameTree(*transaction, anchor_); !named) return named;
  if (Status made = parts_.objects.Create(EncodeAnchor(anchor_)); !made) return made;
  const auto listing = List(parts_.objects);
  if (!listing) return listing.error();
  for (const Anchor& other : listing->anchors) {
    if (other.IsAbove(anchor_)) {
      return Failure(Reason::kOvertaken, "another box starts or runs with this token (" +
                                             Describe(other) + "): stop it, and try again");
    }
  }
  // A box that still runs may have made another anchor, or a box another raise, since the first
  // listing: what was decided may be too low.
  if (listing->raise <= std::max(before_.raise, fence_.raise) &&
      listing->window <= std::max(before_.window, parts_.window) && listing->top == before_.top) {
    return Done{};
  }
  return Failure(Reason::kBusy, "a box is running with this token: stop it, and try again");
}

// The claim must not stand in anyone's way.
Failure Recoverer::TakeBack(Failure why) {
  (void)parts_.objects.Destroy(EncodeAnchor(anchor_));
  return why;
}

Status Recoverer::TakeInExport(WriteTransaction& transaction) {
  Importer importer(transaction, order_, *before_.top, own_.size, counter_jump_);
  if (Status taken = importer.Run(); !taken) return taken;
  const Replay& replay = importer.replay();
  recovery_.appended = importer.appended();
  recovery_.taken_in = importer.taken_in();
  recovery_.feeds.assign(replay.feeds().begin(), replay.feeds().end());
  recovery_.lifted.assign(replay.lifted().begin(), replay.lifted().end());
  recovery_.ceremonies.assign(replay.ceremonies().begin(), replay.ceremonies().end());
  recovery_.quarantine.assign(replay.quarantine().begin(), replay.quarantine().end());
  recovery_.cells_unknown = replay.cells_unknown();
  for (const std::vector<Suspension>& order : replay.orders()) {
    if (Status told = RepeatOrder(transaction, order); !told) return told;
  }
  const auto raised = replay.Taken();
  if (!raised) return raised.error();
  for (const Replay::Raised& one : *raised) {
    if (Status told = AppendRaise(transaction, one); !told) return told;
  }
  for (const auto& [feed, lost] : replay.imports()) {
    imports_.emplace(Name(feed), std::to_string(lost));
  }
  if (Status above = RaiseAbove(replay.unproven_raise()); !above) return above;
  fence_.raise = std::max(fence_.raise, replay.raise());
  fence_.base = std::max(fence_.base, replay.base());
  fence_.exported = fence_.exported || replay.exported();
  return Done{};
}

// P1: what such a device was given above what the store knows went with the disk.
Status Recoverer::Exhaust(WriteTransaction& transaction) {
  for (const Eui64 device : recovery_.exhausted) {
    auto row = FindCurrentCounters(transaction, device);
    if (!row) return std::move(row).error();
    if (!row->has_value()) return Failure(Reason::kDeviceUnknown);
    (*row)->last_issued = kMaxSeqNumber;
    Status put = transaction.Put(Table::kCounters, KeyOf(device), EncodeCounters(**row));
    if (put) put = AppendRaise(transaction, {device, {}, kMaxSeqNumber});
    if (!put) return put;
  }
  return Done{};
}

// P1: what a recovery does to one number is in the log as what operators do to one, so that the
// next recovery does it again.
Status Recoverer::AppendRaise(WriteTransaction& transaction, const Replay::Raised& raised) {
  audit::Entry entry("operator", order_.at);
  entry.Set("act", acts::kCounterRaise)
      .Set("device", raised.device.Hyphenated())
      .Set("to", std::to_string(raised.to))
      .SetIfAny("role", raised.role ? acb::Name(*raised.role) : "")
      .Set("explanation", "by the recovery whose entry follows")
      .Set("operators", audit::List(order_.operators.begin(), order_.operators.end()))
      .Set("complete", true);
  const auto receipt = AppendEntry(transaction, entry, parts_.identity.environment);
  if (!receipt) return receipt.error();
  ++raised_;
  return Done{};
}

// R-SEC3-56: no anchor proves that it was given; who recovers from that log gives it.
Status Recoverer::RepeatOrder(WriteTransaction& transaction, std::vector<Suspension> order) {
  if (!order_.operators.empty()) {
    for (Suspension& row : order) row.by = order_.operators.front();
  }
  const auto before = AuditSizeOf(transaction);
  if (!before) return before.error();
  const auto receipt = PutOrder(transaction, order, order_.at, parts_.identity.environment);
  if (!receipt) return receipt.error();
  const auto after = AuditSizeOf(transaction);
  if (!after) return after.error();
  ordered_ += *after - *before;
  return Done{};
}

Result<audit::Receipt> Recoverer::AppendRecord(WriteTransaction& transaction) const {
  audit::Entry entry("operator", order_.at);
  audit::List operators(order_.operators.begin(), order_.operators.end());
  entry.Set("act", acts::kRecover)
      .Set("operators", std::move(operators))
      .Set("complete", true)
      .Set("explanation", order_.reason)
      .Set("how", order_.base ? "base" : "export")
      .Set("base", std::to_string(fence_.base))
      .Set("raise", std::to_string(fence_.raise))
      .Set("epoch", std::to_string(anchor_.epoch))
      .Set("instance", ToHex(anchor_.instance))
      .Set("cells_unknown", recovery_.cells_unknown)
      .Set("anchors_before", std::to_string(before_.anchors.size()));
  if (raised_ != 0) entry.Set("raised", std::to_string(raised_));
  if (ordered_ != 0) entry.Set("suspended", std::to_string(ordered_));
  if (!imports_.empty()) entry.Set("imports_taken_in", imports_);
  if (fence_.exported) entry.Set("fenced", true);
  if (before_.top) entry.Set("top_before", Describe(*before_.top));
  if (!recovery_.exhausted.empty()) {
    entry.Set("exhausted", std::to_string(recovery_.exhausted.size()));
  }
  if (!order_.base) {
    entry.Set("export_sha256", ToHex(order_.export_sha256))
        .Set("appended", std::to_string(recovery_.appended))
        .Set("taken_in", std::to_string(recovery_.taken_in));
  }
  return AppendEntry(transaction, entry, parts_.identity.environment);
}

Status Recoverer::WriteIn(WriteTransaction& transaction) {
  if (order_.base) {
    recovery_.cells_unknown = true;
    if (Status none_left = Exhaust(transaction); !none_left) return none_left;
  } else if (Status taken = TakeInExport(transaction); !taken) {
    return taken;
  }
  // A word that was used or taken back after the backup would be alive again.
  if (auto dropped = DropWordsOfOthers(transaction, {}); !dropped) {
    return std::move(dropped).error();
  }
  // "every cell is unknown until an observation or a device import supplies its floor."
  if (recovery_.cells_unknown) fence_.recovered = fence_.raise;
  const auto receipt = AppendRecord(transaction);
  if (!receipt) return receipt.error();
  recovery_.receipt = *receipt;
  fence_.recovered_at = receipt->index;
  const Epoch epoch{anchor_.epoch, anchor_.instance};
  const std::pair<Setting, Bytes> settings[] = {{Setting::kFence, EncodeFence(fence_)},
                                                {Setting::kEpoch, EncodeEpoch(epoch)}};
  for (const auto& [setting, payload] : settings) {
    Status put = transaction.Put(Table::kSettings, KeyOf(setting), payload);
    if (!put) return put;
  }
  if (Status raised = RaiseTrustGeneration(transaction); !raised) return raised;
  return NameTree(transaction, anchor_);
}

Status Recoverer::Confirm() {
  anchor_.state = Anchor::State::kStopped;
  anchor_.raise = fence_.raise;
  anchor_.base = fence_.base;
  if (Status made = parts_.objects.Create(EncodeAnchor(anchor_)); !made) return made;
  const auto listing = List(parts_.objects);
  if (!listing) return listing.error();
  if (listing->top != anchor_) {
    return Failure(Reason::kOvertaken, "another box starts or runs with this token");
  }
  const Bytes ours = EncodeAnchor(anchor_);
  for (const Bytes& object : listing->objects) {
    if (object == ours) continue;
    // If power fails here: lower ones are left, which the next start destroys; those of another
    // store keep it from starting, and recover can be run again.
    if (Status gone = parts_.objects.Destroy(object); !gone) return gone;
  }
  return Done{};
}

Result<Recovery> Recoverer::Run() {
  if (Status decided = Decide(); !decided) return std::move(decided).error();
  if (Status claimed = Claim(); !claimed) return TakeBack(std::move(claimed).error());
  // If power fails now: a claim that nobody follows, and the store as it was.
  const Anchor claim = anchor_;
  Status written =
      parts_.write([this](WriteTransaction& transaction) { return WriteIn(transaction); });
  if (!written) {
    const Reason reason = written.error().reason;
    if (reason != Reason::kStoreInDoubt) {
      (void)parts_.objects.Destroy(EncodeAnchor(claim));
    }
    return std::move(written).error();
  }
  // If power fails now: the store has the recovery and the token the claim. A store that contains
  // the anchored tree starts; any other is recovered again.
  if (Status confirmed = Confirm(); !confirmed) return std::move(confirmed).error();
  recovery_.epoch = anchor_.epoch;
  recovery_.raise = anchor_.raise;
  recovery_.base = anchor_.base;
  recovery_.tree_size = anchor_.tree_size;
  recovery_.root = anchor_.root;
  recovery_.fenced = fence_.exported;
  return recovery_;
}

}  // namespace

Status CheckAnchorsOf(const StartParts& parts) {
  const auto listing = List(parts.objects);
  if (!listing) return listing.error();
  const auto transaction = ReadTransaction::Begin(parts.environment);
  if (!transaction) return transaction.error();
  const auto own = ReadOwn(*transaction);
  if (!own) return own.error();
  if (Status fits = CheckListing(parts, *listing, *own); !fits) return fits;
  const auto contained = ContainsTree(*transaction, listing->top->tree_size, listing->top->root);
  if (!contained) return contained.error();
  if (*contained) return Done{};
  return Failure(Reason::kStoreRolledBack, "the store is older than the anchor in the token (" +
                                               Describe(*listing->top) + "): it has " +
                                               std::to_string(own->size) + " entries");
}

Result<Recovery> RecoverStore(const StartParts& parts, const RecoverOrder& order,
                              std::uint64_t counter_jump) {
  return Recoverer(parts, order, counter_jump).Run();
}

}  // namespace acb::store
