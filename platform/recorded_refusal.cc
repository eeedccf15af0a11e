#include "platform/recorded_refusal.h"

#include <boost/json.hpp>

#include "platform/answers.h"

namespace acb::platform {

HttpResponse RefuseRecorded(Box& box, const HttpRequest& request, const RefusedAct& what,
                            const Failure& why, UtcTime now) {
  if (why.reason == Reason::kBusy) return Problem(why);
  audit::Entry entry("refused", now);
  entry.Set("act", what.act).SetIfAny("scope", what.scope);
  // R-SEC3-69: what stands in place of a device and is no EUI-64 may be a meter point. Where a
  // second operator is asked for, the box knows what was named.
  if (const auto device = Eui64::FromText(what.subject)) {
    entry.Set("subject", device->Hyphenated());
  } else if (why.reason == Reason::kOtherOperator) {
    entry.SetIfAny("subject", what.subject);
  } else {
    entry.SealIfAny("subject", what.subject);
  }
  entry.Set("client", request.client.name)
      .Set("reason", Describe(why.reason).name)
      .SealIfAny("explanation", why.explanation);
  const auto receipt = box.store().Append(entry);
  if (!receipt) return Problem(receipt.error());
  return Problem(why, {{"audit", ReceiptJson(*receipt)}});
}

}  // namespace acb::platform
