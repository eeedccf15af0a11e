// The appliance's own correlation: nobody else looks at a 6.21 command before it is signed.
#pragma once

#include "firmware/base/result.h"
#include "firmware/gbcs/update_security_credentials.h"

namespace acb::gbcs {

// Parses the octets that are about to be signed and compares every field with what was validated:
// originator, target, counter in the header and in the payload, message code and mode, authorising
// cell, replacement cells (of the role of `reserved` only, in order, none missing, none added),
// certificates and path octet for octet, floors, time checks; and that there is nothing else, as an
// execution time.
//
// Shares no code with the builder but the types. Thread-safe, does not block.
// Source: R-SEC3-6, R-NOW-5, gbcs-cs02b.md section 10 row 17.
// Fails with kCorrelation, naming the field that differs.
Status CheckCorrelation(const UnsignedCommand& built, const HandoverContent& wanted,
                        const ReservedCounter& reserved);
// The same for octets from DF to the end of the payload, wherever they come from.
Status CheckCorrelation(BytesView built, const HandoverContent& wanted,
                        const ReservedCounter& reserved);
// The same for one who only looks, and has no reservation: the record says what was reserved.
struct RecordedCounter {
  Eui64 device;
  RemotePartyRole role;
  OriginatorCounter counter;
};
Status CheckCorrelation(BytesView built, const HandoverContent& wanted,
                        const RecordedCounter& recorded);

}  // namespace acb::gbcs
