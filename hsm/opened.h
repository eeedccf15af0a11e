// A module that is loaded and a token that is logged in: what running and provisioning begin with.
#pragma once

#include <memory>

#include "firmware/base/result.h"
#include "hsm/hsm.h"
#include "hsm/login.h"
#include "hsm/module.h"
#include "hsm/token.h"

namespace acb::hsm {

// Destroyed from the last to the first: the login before the module.
struct Opened {
  std::unique_ptr<Module> module;
  Token token;
  std::unique_ptr<Login> login;
};

// The caller holds the StartLock. Wipes the PIN. Fails as Hsm::Open does.
Result<Opened> OpenToken(HsmSettings& settings, SessionAccess access);

}  // namespace acb::hsm
