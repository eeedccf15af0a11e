// The objects in the HSM in which the store's anchors are kept (design.md section 4, "Anchor").
// What their octets say is the store's business (store/anchor.h).
#pragma once

#include <string>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/result.h"

namespace acb {

// Private data objects of one token. None is ever overwritten. Other processes, and other boxes,
// create and destroy theirs at any time. One thread may call List while another calls the others;
// every call blocks for the HSM and fails with kHsmUnavailable.
class AnchorObjects {
 public:
  virtual ~AnchorObjects() = default;

  // The octets of each object, in no order, as the writer's own session sees them: it may be behind
  // what another process did a moment ago.
  virtual Result<std::vector<Bytes>> List() = 0;
  // The same by a process that loads the module anew: every object that was created before the call
  // is in it. For a listing that follows a creation.
  virtual Result<std::vector<Bytes>> ListAnew() = 0;
  // A new object, read back before this returns.
  virtual Status Create(BytesView octets) = 0;
  // Destroys every object with exactly these octets; good when there is none.
  virtual Status Destroy(BytesView octets) = 0;
  // Serial number of the token, without padding: at most 16 octets.
  virtual const std::string& token_serial() const = 0;
};

}  // namespace acb
