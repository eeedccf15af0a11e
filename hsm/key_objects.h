// The keys in a token as objects, for whoever keeps their inventory: what is there, and how it
// ends. Private to hsm/.
#pragma once

#include <vector>

#include "firmware/base/result.h"
#include "hsm/key.h"
#include "hsm/key_listing.h"
#include "hsm/session.h"

namespace acb::hsm {

// Every key object of the token that this session sees, in no order: private, public and secret
// ones. Not more than kMaxKeyObjects. Fails with kHsmUnavailable.
Result<std::vector<KeyObject>> ReadKeyObjects(Session& session);

// Destroys every object of that label, the private half first, each call with its return code, also
// those that failed. The caller holds the StartLock. Fails with kHsmUnavailable when the objects
// cannot be found; kNotFound when there is none.
Result<std::vector<Destruction>> DestroyKeyObjects(Session& session, std::string_view label);

// A signature of a key whose purpose is agreement, over its own certificate request and nothing
// else (R-SEC3-43): the key may sign (CKA_SIGN) in this call and at no other time. `session` is a
// read-write one; another one of its kind takes its place. The caller holds the StartLock.
//
// If the process ends in the middle the key may still sign. Key::Find then refuses it, so that the
// box does not use it; this function, called again, puts it in order.
// Fails with kHsmUnavailable: the module allows no such change, say.
Result<Bytes> SignOwnRequest(Session& session, std::string_view label, BytesView request);

}  // namespace acb::hsm
