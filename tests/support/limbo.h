// Cases in the JSON of x509-limbo: certificates and lists as PEM in texts.
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string_view>
#include <vector>

#include "firmware/base/base64.h"
#include "firmware/base/bytes.h"

namespace acb::testing {

// Of one PEM block, whatever is inside: some cases are not DER on purpose.
inline Bytes FromPem(std::string_view pem) {
  const std::size_t begin = pem.find('\n');
  const std::size_t end = pem.rfind("\n-----END");
  const auto octets = FromBase64(pem.substr(begin, end - begin));
  EXPECT_TRUE(octets.has_value()) << pem;
  return octets.value_or(Bytes{});
}

inline std::vector<Bytes> AllFromPem(const boost::json::value& list) {
  std::vector<Bytes> all;
  for (const auto& pem : list.as_array()) all.push_back(FromPem(pem.as_string()));
  return all;
}

}  // namespace acb::testing
