// Reads DER (X.690), or what the devices send instead of it. Bounded: the caller names every
// element it expects, so there is no recursion and no depth that the octets could choose.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "firmware/base/bytes.h"

namespace acb::gbcs {

enum class LengthForm {
  kMinimal,      // DER: commands (gbcs-cs02b.md section 3.2)
  kAnyDefinite,  // responses and alerts: 9 of 20 vectors write 82 00 xx where 81 xx would do
};

// What went wrong first in one parse; the readers of all nested elements share it.
class DerFault {
 public:
  // Later faults follow from the first and are dropped.
  void Set(std::string_view element, std::string_view what);
  explicit operator bool() const { return !text_.empty(); }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// The elements inside one constructed value, in order. After a fault, here or in any reader with
// the same DerFault, every call gives zeros and empty views and More() is false: a caller reads all
// fields and looks at the fault once. Views point into the octets given, which must outlive them.
// `fault` must outlive the reader. Each `element` argument is the ASN.1 name, for the explanation.
class DerReader {
 public:
  DerReader(BytesView octets, LengthForm form, DerFault& fault)
      : rest_(octets), form_(form), fault_(&fault) {}

  // Something is left to read.
  bool More() const { return !*fault_ && !rest_.empty(); }
  // The next element has this tag; nothing is read.
  bool NextIs(std::uint8_t tag) const { return More() && rest_.front() == tag; }

  // The content octets of the next element.
  BytesView Content(std::uint8_t tag, std::string_view element);
  // The same with tag and length octets: a certificate as it was sent.
  BytesView Whole(std::uint8_t tag, std::string_view element);
  // A reader for what is inside the next, constructed, element.
  DerReader Enter(std::uint8_t tag, std::string_view element);

  // An INTEGER (or ENUMERATED, or an IMPLICIT tag of either) from 0 to `max`, minimal in every
  // form.
  std::uint64_t Unsigned(std::uint8_t tag, std::uint64_t max, std::string_view element);

  // A fault of the caller's: a value that is well encoded but not one the type has.
  void Refuse(std::string_view element, std::string_view what) { fault_->Set(element, what); }
  // A fault when something is left: nothing may trail the last element.
  void End(std::string_view element);

 private:
  // Reads one element; `whole` says whether tag and length octets belong to the answer.
  BytesView Take(std::uint8_t tag, std::string_view element, bool whole);
  std::optional<std::size_t> TakeLength(ByteReader& from) const;

  BytesView rest_;
  LengthForm form_;
  DerFault* fault_;
};

}  // namespace acb::gbcs
