#include "platform/recorded_refusal.h"

#include <boost/json.hpp>

#include "platform/answers.h"

namespace acb::platform {

HttpResponse RefuseRecorded(Box& box, const HttpRequest& request, const RefusedAct& what,
                            const Failure& why, UtcTime now) {
  if (why.reason == Reason::kBusy) return Problem(why);
  audit::Entry entry("refused", now);
  entry.Set("act", what.act)
      .SetIfAny("scope", what.scope)
      .SetIfAny("subject", what.subject)
      .Set("client", request.client.name)
      .Set("reason", Describe(why.reason).name)
      .SealIfAny("explanation", why.explanation);
  const auto receipt = box.store().Append(entry);
  if (!receipt) return Problem(receipt.error());
  return Problem(why, {{"audit", ReceiptJson(*receipt)}});
}

}  // namespace acb::platform
