#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/hsm/test_token.h"

namespace acb::hsm::testing {

// With shim_module.cc between the tests and SoftHSM: it obeys the file "fault". What else of the
// shim a test sets in the environment, but for ACB_SHIM_LOG, is its own to unset.
class ShimTest : public TokenTest {
 protected:
  void SetUp() override {
    TokenTest::SetUp();
    module_ = ACB_SHIM_PATH;
    setenv("ACB_SHIM_MODULE", kSoftHsm, 1);
    setenv("ACB_SHIM_FAULT", (directory_ / "fault").c_str(), 1);
  }
  void TearDown() override {
    for (const char* name : {"ACB_SHIM_MODULE", "ACB_SHIM_FAULT", "ACB_SHIM_LOG"}) unsetenv(name);
    TokenTest::TearDown();
  }
  // Whole or not at all: written beside and renamed.
  void SetFault(const std::string& fault) const {
    std::ofstream(directory_ / "fault.new") << fault << "\n";
    std::filesystem::rename(directory_ / "fault.new", directory_ / "fault");
  }
  void ClearFault() const { std::filesystem::remove(directory_ / "fault"); }
};

}  // namespace acb::hsm::testing
