// The audit log for auditors (design.md section 8): entries, checkpoint, tiles, proofs, and what
// opens the sealed fields.
#pragma once

#include "platform/box.h"
#include "platform/config.h"
#include "platform/log.h"
#include "platform/router.h"

namespace acb::platform {

// For the role auditor, all GET:
//   /v1/audit/entries?from=&count=       NDJSON, the octets of the log
//   /v1/audit/disclosures?from=&count=   NDJSON, for those of these entries that sealed something
//   /v1/audit/checkpoint                 the newest signed checkpoint, text/plain; the log's
//                                        public key (vkey) in the header ACB-Checkpoint-Key
//   /v1/audit/tile/...                   hash tiles and entry bundles (C2SP tlog-tiles) of its tree
//   /v1/audit/proof/{index}              JSON for `acb-verify receipt`: entry, inclusion proof and
//                                        checkpoint; one that the newest checkpoint does not cover
//                                        is anchored and covered first
// Every view is a line of the service's log and counted (R-SEC3-59). Afterwards every POST route of
// `router` answers with the newest checkpoint in the header ACB-Checkpoint, in base64: call it
// last. References outlive the routes.
void AddAuditRoutes(Router& router, Box& box, const Log& log);

}  // namespace acb::platform
