// One entry of the audit log: a JSON object in canonical form (RFC 8785), and its RFC 6962 leaf.
#pragma once

#include <array>
#include <boost/container/flat_map.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/sha256.h"
#include "firmware/base/time.h"

namespace acb::audit {

class Value;
using List = std::vector<Value>;
// Sorted by octets, which for ASCII names is the order of RFC 8785 (UTF-16 code units).
// In one piece, as entries are made and thrown away with every request.
using Object = boost::container::flat_map<std::string, Value, std::less<>>;

// There are no numbers: 64-bit values are decimal strings (design.md section 8).
class Value {
 public:
  Value(std::string text) : value_(std::move(text)) {}
  Value(std::string_view text) : value_(std::string(text)) {}
  Value(const char* text) : value_(std::string(text)) {}
  Value(bool truth) : value_(truth) {}
  // Without this a number or a pointer would silently become true.
  template <class T>
  Value(T) requires(std::is_arithmetic_v<T> ||
                    (std::is_pointer_v<T> && !std::is_convertible_v<T, std::string_view>)) = delete;
  Value(List list) : value_(std::move(list)) {}
  Value(Object object) : value_(std::move(object)) {}

  const std::variant<std::string, bool, List, Object>& get() const { return value_; }

 private:
  std::variant<std::string, bool, List, Object> value_;
};

// Canonical JSON, no white space. Text must be UTF-8; an ill-formed octet is written as U+FFFD, so
// that the entry is always valid JSON.
std::string CanonicalJson(const Value& value);

// Where an entry went. `leaf` is SHA-256(00 || entry), RFC 6962 section 2.1.
struct Receipt {
  std::uint64_t index;
  Sha256Digest leaf;
};

// 128 random bits. A source gives other ones at each call.
using Salt = std::array<std::uint8_t, 16>;
using SaltSource = std::function<Salt()>;

// What an entry holds in place of a sealed field: SHA-256 of the canonical JSON array
// ["name","salt in lower-case hex",value]. Without the salt no one can try what the value was.
Sha256Digest SealHash(std::string_view name, const Salt& salt, const Value& value);

struct SerialisedEntry {
  std::string octets;  // of the log
  // Canonical JSON, {"index":"5","sealed":{"mpxn":{"salt":"..","value":".."}}}: what opens the
  // seals, kept beside the log. Empty when nothing is sealed.
  std::string disclosure;
};

// An entry in canonical form but for its index: what any thread can do before the one that gives
// out the indices has its turn.
class PreparedEntry {
 public:
  SerialisedEntry At(std::uint64_t index) const;
  bool is_alarm() const { return is_alarm_; }

 private:
  friend class Entry;
  // Around the digits of the index.
  std::string before_;
  std::string after_;
  std::string disclosure_after_;  // empty when nothing is sealed
  bool is_alarm_ = false;
};

// An entry without its index, which the log gives when it appends. `kind` is one of design.md
// section 7: start, stop, anchor, provision, ceremony, feed, signed, refused, quarantined,
// released, observed, reserved-elsewhere, abandoned, configuration, operator, export, alarm.
class Entry {
 public:
  Entry(std::string_view kind, UtcTime at);
  Entry& Set(std::string_view name, Value value);
  // Left out when empty.
  Entry& SetIfAny(std::string_view name, std::string_view text);

  // A field that not everyone who reads the log may see (the Panel; requirements.md section 3, item
  // 28): the entry commits to it by its SealHash, in its member "sealed".
  Entry& Seal(std::string_view name, Value value);
  // Left out when empty.
  Entry& SealIfAny(std::string_view name, std::string_view text);

  UtcTime at() const { return at_; }

  // With "index" as a decimal string, and a salt drawn for each sealed field.
  SerialisedEntry Serialise(std::uint64_t index, const SaltSource& salts) const {
    return Prepare(salts).At(index);
  }
  // The same, to be ended later. `environment`: for the member of that name, when it is not empty.
  PreparedEntry Prepare(const SaltSource& salts, std::string_view environment = {}) const;

 private:
  UtcTime at_;
  Object fields_;
  Object sealed_;
};

Sha256Digest LeafHash(std::string_view entry);

}  // namespace acb::audit
