// One entry of the audit log as the reports read it.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/base/time.h"

namespace acb::reports {

// What decides whether an entry is looked into, read without parsing it: of a million entries most
// stop here.
struct EntryHead {
  UtcTime time{0};
  std::string_view kind;
  std::string_view rules;  // version of the rule set; empty when the entry names none
};

// Nothing when the octets are no entry of the log: no time or no kind. The entry is canonical JSON
// (RFC 8785), in which a quotation mark of a text is escaped: `"time":"` is a member's name
// wherever it stands, and the members that are objects have none of these names. Points into
// `octets`.
std::optional<EntryHead> ReadHead(std::string_view octets);

// A parsed entry. Lives as long as the octets and the storage that it was parsed into.
class LogEntry {
 public:
  // Nothing when the octets are no JSON object.
  static std::optional<LogEntry> Parse(std::uint64_t index, const EntryHead& head,
                                       std::string_view octets, boost::json::storage_ptr storage);

  std::uint64_t index() const { return index_; }
  UtcTime time() const { return head_.time; }
  std::string_view kind() const { return head_.kind; }

  // Of the member, or of a member of the member ("hsm", "serial"); empty when it is absent or no
  // text.
  std::string_view Text(std::string_view name) const;
  std::string_view Text(std::string_view name, std::string_view inner) const;
  bool IsTrue(std::string_view name) const;
  bool IsFalse(std::string_view name) const;  // there, and false
  std::optional<std::uint64_t> Number(std::string_view name) const;
  // The texts of a list; empty when it is absent.
  std::vector<std::string> Texts(std::string_view name) const;
  // nullptr when absent.
  const boost::json::value* Find(std::string_view name) const;
  const boost::json::object& members() const { return json_.get_object(); }

 private:
  LogEntry(std::uint64_t index, const EntryHead& head, boost::json::value json)
      : index_(index), head_(head), json_(std::move(json)) {}

  std::uint64_t index_;
  EntryHead head_;
  boost::json::value json_;  // an object
};

// A value in one line of plain text: members as "name value", lists with commas.
std::string Plainly(const boost::json::value& value);

}  // namespace acb::reports
