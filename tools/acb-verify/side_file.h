// What lies beside the entries, read along with them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "firmware/audit/entry.h"
#include "tools/acb-verify/export_file.h"
#include "tools/acb-verify/findings.h"

namespace acb::verify {

// A file with at most one line for an entry, in the order of entries. One thread.
class SideFile {
 public:
  SideFile(std::string name, Lines lines, Findings& findings)
      : name_(std::move(name)), lines_(std::move(lines)), findings_(findings) {}

  // The line of entry `index`, if there is one. Those before it are of no entry that needs them.
  Result<std::optional<audit::Object>> Take(std::uint64_t index);
  // What is left belongs to no entry.
  Status Finish();

 private:
  Status Read();

  const std::string name_;
  Lines lines_;
  Findings& findings_;
  std::optional<audit::Object> next_;
  std::uint64_t next_index_ = 0;
  bool any_ = false;
  bool ended_ = false;
};

// What could not be looked at because it is not there. A recovery from a log restores entries and
// not what lay beside them. Anyone who can write an entry can write one that says so: it explains
// nothing unless the reviewer knows of the recovery from elsewhere. One thread.
class Absent {
 public:
  // `recovered`: the reviewer does.
  explicit Absent(bool recovered) : recovered_(recovered) {}

  void Add(std::uint64_t index, std::string_view what);
  // Entry `index` says that the log was recovered.
  void SeeRecovery(std::uint64_t index);
  void Finish(Findings& findings) const;

 private:
  struct Group {
    std::uint64_t first = 0;
    std::string what;
    std::uint64_t count = 0;
  };
  const bool recovered_;
  Group open_;
  Group explained_;
  std::optional<std::uint64_t> recovery_;
};

}  // namespace acb::verify
