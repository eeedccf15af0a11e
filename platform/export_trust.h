// What an export tells of certificates, lists, settings and keys: what the decisions of its range
// can have rested on, and since which entry.
#pragma once

#include "platform/audit_export.h"

namespace acb::platform {

// certificates.pem, revocation-lists.pem, trust.json, keys.json. Fails as the store and the spool
// do; kRecordDamaged: what is named is not held.
Status WriteTrust(const store::Store& store, const ExportRange& range, const ExportKeys& keys,
                  ExportSpool& spool);

// SHA-256 of the certificates of a pair of the ACB's keys.
struct AcbPairDigests {
  Sha256Digest digital_signing{};
  Sha256Digest key_agreement{};
};

// The settings that a box decides with, in canonical JSON: the octets that its `start` entry names
// as trust_sha256. `pairs`: in use, oldest first, at least one.
std::string TrustSettingsJson(const smki::TrustSettings& settings,
                              const std::vector<AcbPairDigests>& pairs);

}  // namespace acb::platform
