// Time of RFC 5280 section 4.1.2.5.
#pragma once

#include <optional>

#include "firmware/base/time.h"
#include "firmware/smki/der.h"

namespace acb::smki {

struct X509Time {
  UtcTime time{0};
  bool generalized = false;
  // Dates through 2049 are UTCTime, later ones GeneralizedTime (RFC 5280 section 4.1.2.5).
  bool InRequiredForm() const;
};

// UTCTime YYMMDDHHMMSSZ or GeneralizedTime YYYYMMDDHHMMSSZ, and an instant that exists.
std::optional<X509Time> ParseTime(const der::Element& element);

}  // namespace acb::smki
