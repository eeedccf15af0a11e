// A look at the octets of a document before libxml2 sees them.
#pragma once

#include "firmware/base/bytes.h"
#include "firmware/base/result.h"
#include "firmware/duis/request.h"

namespace acb::duis {

// Enforces `limits` in one pass, and refuses what no Request needs: other encodings than UTF-8, XML
// 1.1, DOCTYPE, comments, processing instructions. libxml2 parses all attributes of a tag, in
// quadratic time, before it tells anyone: its own callbacks would come too late.
//
// It does not prove well-formedness; libxml2 does. Where the two could read markup differently the
// document is not well-formed ('<' inside a tag, an open quotation), and is refused here.
// Fails with kTooLarge (octets), kMalformed. Thread-safe; linear time, no allocation.
Status CheckMarkup(BytesView octets, const ParseLimits& limits);

}  // namespace acb::duis
