// Registers: one row for each entry of some kinds, as the log has it (requirements section 3, items
// 1, 2, 8, 10, 13 to 16, 18, 28).
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>

#include "firmware/reports/report.h"

namespace acb::reports {

// One column of a register.
struct RegisterColumn {
  enum class From {
    kIndex,    // of the entry
    kTime,     // of the entry
    kKind,     // of the entry
    kMember,   // the member, as text; "a/b": member b of member a
    kDetails,  // every member that no other column shows
  };
  std::string_view name;
  From from = From::kMember;
  std::string_view member = {};  // empty: as `name`
};

struct RegisterSpec {
  std::string_view name;  // of the report
  std::string_view what;  // "commands signed": what the total counts
  std::span<const std::string_view> kinds;
  // Of the entries of those kinds, which; nullptr: all.
  bool (*takes)(const LogEntry&);
  std::span<const RegisterColumn> columns;
  // The total is also given for each value of this member; empty: not.
  std::string_view group_by;
  // What the reader must know.
  std::span<const std::string_view> notices;
  // And for each text in this list of the entry; empty: not.
  std::string_view each_of = {};
};

// nullptr when there is no register of that name.
const RegisterSpec* FindRegister(std::string_view name);
std::span<const RegisterSpec> AllRegisters();

class Register final : public LogReport {
 public:
  // `first`: the page begins with the entry of this index; the totals are those of the whole period
  // on the first page (0) and left out on others.
  Register(const RegisterSpec& spec, std::uint64_t first, const Listing& listing)
      : spec_(spec), first_(first), listing_(listing) {}

  bool Wants(const EntryHead& head, Where where) const override;
  void Take(const LogEntry& entry, Where where) override;
  Report Finish() override;

 private:
  // Values of group_by that are told apart; the rest is one group.
  static constexpr std::size_t kMaxGroups = 200;

  const RegisterSpec& spec_;
  std::uint64_t first_;
  Listing listing_;
  Count all_;
  void AddTo(std::map<std::string, Count>& groups, std::string name, std::uint64_t index);

  std::map<std::string, Count> groups_;
  std::map<std::string, Count> each_;
  Report report_;
};

}  // namespace acb::reports
