// The elements of a 6.21 and the values in them.
#pragma once

#include <libxml/tree.h>

#include <optional>
#include <string_view>

#include "firmware/duis/reading.h"
#include "firmware/duis/request.h"

namespace acb::duis {

// Schema versions whose rules for 6.21 are the ones below (duis-6.21.md 1.1: alike in V5.0, V5.1,
// V5.3a and V5.4). R-107-9.
inline constexpr std::string_view kSchemaVersions[] = {"5.0", "5.1", "5.3", "5.4"};

// The schemaVersion of `request` as kSchemaVersions spells it, whichever way this xs:decimal is
// written: "+5.40" is "5.4". Empty when it is none of them.
std::string_view SchemaVersionOf(const Sequence& request);

// The document element, when it is a Request of a supported schemaVersion.
const xmlNode* ReadRequestElement(Reading& reading, const xmlDoc& document);

// Reads Header and Body, the first two children of `request`, which is what ReadRequestElement
// gave. The caller looks at what follows. Nothing when `reading` failed, with kMalformed,
// kSrvNotSignedHere or kCommandVariant.
std::optional<HandoverRequest> ReadHandover(Reading& reading, Sequence& request);

}  // namespace acb::duis
