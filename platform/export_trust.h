// What an export tells of certificates, lists, settings and keys: what the decisions of its range
// can have rested on, and since which entry.
#pragma once

#include "platform/audit_export.h"

namespace acb::platform {

// certificates.pem, revocation-lists.pem, trust.json, keys.json. Fails as the store and the spool
// do; kRecordDamaged: what is named is not held.
Status WriteTrust(const store::Store& store, const ExportRange& range, const ExportKeys& keys,
                  ExportSpool& spool);

// The settings that a box decides with, in canonical JSON: the octets that its `start` entry names
// as trust_sha256.
std::string TrustSettingsJson(const smki::TrustSettings& settings,
                              const Sha256Digest& acb_digital_signing,
                              const Sha256Digest& acb_key_agreement);

}  // namespace acb::platform
