// The anchors' objects with a deadline.
#pragma once

#include <string>
#include <vector>

#include "firmware/anchor_objects.h"
#include "hsm/supervisor.h"

namespace acb::hsm {

// Every call is made by the supervisor's thread for anchors, one after the other, but ListAnew,
// which has another: whoever lists, creates or destroys does not wait for it. Whoever waits (the
// store's two threads that write) does not hang with the HSM. kHsmUnavailable at once while the
// breaker is open, or after the deadline; twice of it, and more before the first signature is asked
// for, where a lock or another process may have to be waited for. What was given up may still
// happen: an object may be created or destroyed later, before the next creation or destruction, and
// before the breaker closes.
class SupervisedAnchors final : public AnchorObjects {
 public:
  // Both outlive it, and `anchors` every call of the supervisor's.
  SupervisedAnchors(Supervisor& supervisor, AnchorObjects& anchors)
      : supervisor_(supervisor), anchors_(anchors) {}

  Result<std::vector<Bytes>> List() override;
  Result<std::vector<Bytes>> ListAnew() override;
  Status Create(BytesView octets) override;
  Status Destroy(BytesView octets) override;
  const std::string& token_serial() const override { return anchors_.token_serial(); }

 private:
  Supervisor& supervisor_;
  AnchorObjects& anchors_;
};

}  // namespace acb::hsm
