// What entries of the log did to counters, cells and RequestIDs, done again from the entries alone
// (design.md section 4, "Recover"). Private to store/.
#pragma once

#include <boost/json/fwd.hpp>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "store/anchor.h"
#include "store/reading.h"
#include "store/transactions.h"

namespace acb::store {

// One after the other, in the order of the log. Nothing is ever lowered; where an entry does not
// tell enough, a cell becomes unknown.
class Replay {
 public:
  // `counter_jump`: OpenSettings. `top`: the token's highest anchor.
  Replay(WriteTransaction& transaction, std::uint64_t counter_jump, const Anchor& top)
      : transaction_(transaction), jump_(counter_jump), top_(top) {}

  // Of this store's own log. kBackupDamaged: an entry that has no place in such a log, or that
  // cannot be done again and leaves the counters unknown.
  Status Apply(const boost::json::object& entry);
  // Of another box's log, or behind the anchored tree. Nothing proves it, so what it says is taken
  // in as far as it only refuses: numbers rise, requests keep the RequestID that they were decided
  // under, orders to stop, fences and lost imports hold; nothing is answered, lifted or released.
  // Also kBackupDamaged: a number jumps further than counter_jump above what is known of the
  // device.
  Status TakeIn(const boost::json::object& entry);

  // What Apply could not do again.
  const std::set<std::string, std::less<>>& feeds() const { return feeds_; }
  const std::set<std::string, std::less<>>& lifted() const { return lifted_; }
  // Key ceremonies that TakeIn met, as "57 activate": what they made of keys is on no record here.
  const std::set<std::string, std::less<>>& ceremonies() const { return ceremonies_; }
  // Handovers in quarantine that TakeIn met, as "58 REQUESTID", and deletions, as "60 deleted 58".
  const std::set<std::string, std::less<>>& quarantine() const { return quarantine_; }
  // Devices came, with floors that are not in the log: every cell is to be unknown.
  bool cells_unknown() const { return cells_unknown_; }
  bool exported() const { return exported_; }
  std::uint64_t raise() const { return raise_; }  // the greatest named
  // P1: that TakeIn met. As after a start that follows an unclean one, a window was in force above
  // it, of which that log need not tell all.
  std::uint64_t unproven_raise() const { return unproven_raise_; }
  std::uint64_t base() const { return base_; }
  // P1: numbers that TakeIn raised. They are in no entry of this log until the recovery writes them
  // there: without that the next recovery would not know of them.
  struct Raised {
    Eui64 device{0};
    std::optional<RemotePartyRole> role;  // of a floor; nothing: the greatest issued
    std::uint64_t to = 0;
  };
  Result<std::vector<Raised>> Taken() const;
  // R-SEC3-56: orders to stop that TakeIn met, in force once the recovery writes them into this
  // log.
  const std::vector<std::vector<Suspension>>& orders() const { return orders_; }
  // P9: imports that TakeIn met: the recovery's entry has to tell the next one.
  const std::map<Feed, std::uint64_t>& imports() const { return imports_; }

 private:
  Status CheckJump(const boost::json::object& entry, Eui64 device, std::uint64_t value) const;
  Result<CountersRow> RowOf(Eui64 device);
  Status RaiseFence(const boost::json::object& entry);
  Status InFlight(const boost::json::object& entry);
  Status RaiseIssued(const boost::json::object& entry, std::string_view member);
  Status GivenOut(const boost::json::object& entry, std::string_view kind);
  Status RaiseFloor(const boost::json::object& entry, std::string_view member);
  Status Observed(const boost::json::object& entry);
  Status MarkNewest(const boost::json::object& entry, const boost::json::object& change,
                    Eui64 device, RemotePartyRole role);
  Status ForgetCells(const boost::json::object& entry);
  Status NoteFeed(const boost::json::object& entry);
  Status AddLost(Feed feed, std::uint64_t imports);
  void Exported(const boost::json::object& entry);
  Result<audit::Receipt> ReceiptOf(const boost::json::object& entry) const;
  Result<bool> AnswerIfOpen(const boost::json::object& entry, const RequestId& id,
                            StoredRequest::State state, const Failure& why);
  Status IntoQuarantine(const boost::json::object& entry);
  Status RequestIntoQuarantine(const boost::json::object& entry, QuarantinedItem& item);
  Status DeletedFromQuarantine(const boost::json::object& entry);
  Status Bind(const boost::json::object& entry);
  Status Operated(const boost::json::object& entry);
  Result<std::vector<Suspension>> OrderOf(const boost::json::object& entry) const;
  Status Suspended(const boost::json::object& entry);
  void Lifted(const boost::json::object& entry);
  Status Recovered(const boost::json::object& entry);
  Status Ceremony(const boost::json::object& entry);
  Status CountKeyOperationOf(const boost::json::object& entry);
  Result<std::optional<AcbKeyId>> AcbKeyOf(const Sha256Digest& certificate) const;
  Status OutOfQuarantine(const boost::json::object& entry);
  Status Numbers(const boost::json::object& entry, std::string_view kind);

  WriteTransaction& transaction_;
  const std::uint64_t jump_;
  const Anchor top_;
  bool proven_ = true;  // the entry that is being looked at
  std::set<std::string, std::less<>> feeds_;
  std::set<std::string, std::less<>> lifted_;
  std::set<std::string, std::less<>> ceremonies_;
  std::set<std::string, std::less<>> quarantine_;
  std::map<Sha256Digest, AcbKeyId> acb_keys_;  // by certificate
  std::map<Eui64, CountersRow> before_;        // rows that TakeIn met, as it met them first
  bool cells_unknown_ = false;
  bool exported_ = false;
  std::uint64_t raise_ = 0;
  std::uint64_t base_ = 0;
  std::uint64_t unproven_raise_ = 0;
  std::optional<Fence> fence_before_;  // what TakeIn met first
  std::vector<std::vector<Suspension>> orders_;
  std::map<Feed, std::uint64_t> imports_;
};

// A member that is a text; empty otherwise.
std::string_view EntryText(const boost::json::object& entry, std::string_view name);

}  // namespace acb::store
