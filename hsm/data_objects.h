// Data objects of the token, found by their CKA_APPLICATION: what anchors are kept in (design.md
// section 4, "Anchor").
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/result.h"
#include "hsm/session.h"

namespace acb::hsm {

inline constexpr std::string_view kAnchorApplication = "acb-anchor";

// A box keeps one object and for a moment two, and makes no more once some dozen could not be
// destroyed (store/anchors.h). As many as this would mean that no start has cleaned up for long.
inline constexpr std::size_t kMaxDataObjects = 512;
inline constexpr std::size_t kMaxDataOctets = 512;  // an anchor has about 190

struct DataObject {
  CK_OBJECT_HANDLE handle;
  Bytes octets;
};

// The private token objects of that application as this session sees them. More than
// kMaxDataObjects, or one longer than kMaxDataOctets, is a failure and never a shorter list; so is
// a session that is not logged in, to which private objects do not exist. Another process may
// destroy one between its being found and its being read: all is then read again, in another
// session of `session`'s kind, which takes its place. Fails with kHsmUnavailable.
Result<std::vector<DataObject>> ReadDataObjects(Session& session, std::string_view application);

// Private, not modifiable (R-NOW-7); read back and compared before this returns. The caller holds
// the StartLock (ecosystem.md section 3, quirk 2). Fails with kHsmUnavailable; the object may then
// be there or not.
Status CreateDataObject(Session& session, std::string_view application, BytesView octets);

// Every object of that application with exactly these octets that this session sees. The caller
// holds the StartLock. Fails with kHsmUnavailable.
Status DestroyDataObjects(Session& session, std::string_view application, BytesView octets);

}  // namespace acb::hsm
