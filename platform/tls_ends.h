// When what the TLS of the service rests on ends.
#pragma once

#include <map>
#include <string>

#include "firmware/base/time.h"

namespace acb::platform {

struct TlsEnds {
  UtcTime own{0};                              // notAfter of the server's certificate
  std::map<std::string, UtcTime> authorities;  // of each CA of clients, by subject (RFC 2253)
  // nextUpdate of each issuer's list; after it every client of that issuer is refused.
  std::map<std::string, UtcTime> lists;
};

}  // namespace acb::platform
