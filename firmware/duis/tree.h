// libxml2's tree of a document, built without touching anything but the octets given.
#pragma once

#include <libxml/tree.h>

#include "firmware/base/bytes.h"
#include "firmware/base/handle.h"
#include "firmware/base/result.h"

namespace acb::duis {

using Tree = Handle<xmlDoc, xmlFreeDoc>;

// At most 2^31-1 octets. No entity is replaced from outside, no DTD is kept, CDATA sections are
// text. Fails with kMalformed: not well-formed, namespaces not well-formed; the line is named.
// Thread-safe.
Result<Tree> BuildTree(BytesView octets);

}  // namespace acb::duis
