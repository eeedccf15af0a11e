// Test vectors of Project Wycheproof: ../shared/vectors/wycheproof.
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string>

#include "firmware/base/bytes.h"
#include "tests/support/shared.h"

namespace acb::testing {

inline boost::json::value ReadWycheproof(const std::string& file) {
  return boost::json::parse(ReadText(SharedDir() / "vectors" / "wycheproof" / file));
}

// visit(group, test) for each test.
template <class Visit>
void ForEachWycheproof(const boost::json::value& file, Visit visit) {
  for (const auto& group : file.at("testGroups").as_array()) {
    for (const auto& test : group.at("tests").as_array()) {
      SCOPED_TRACE("tcId " + std::to_string(test.at("tcId").as_int64()) + ": " +
                   std::string(test.at("comment").as_string()));
      visit(group, test);
    }
  }
}

inline Bytes HexOf(const boost::json::value& object, std::string_view name) {
  const auto octets = FromHex(object.at(name).as_string());
  EXPECT_TRUE(octets.has_value()) << name;
  return octets.value_or(Bytes{});
}

}  // namespace acb::testing
