#include "firmware/keys/acceptance.h"

#include "firmware/smki/deny_list.h"

namespace acb::keys {
namespace {

Failure Wrong(const smki::Certificate& certificate, const std::string& why) {
  return Failure(Reason::kAcbCert, "the certificate (" + certificate.Label() + ") " + why);
}

}  // namespace

Status CheckCertificateFor(const KeyRecord& key, const smki::CertificatePtr& certificate, Eui64 acb,
                           const smki::Trust& trust, UtcTime at) {
  if (certificate->public_point() != key.point) {
    return Wrong(*certificate, "is of another key than " + key.label + " in the HSM");
  }
  // R-SEC3-47: of all parties the ACB alone.
  const auto role = static_cast<std::uint8_t>(RemotePartyRole::kAccessControlBroker);
  if (certificate->ou_role() != role) {
    return Failure(Reason::kRole, "the certificate (" + certificate->Label() +
                                      ") has not the role ACB (subject OU 04)");
  }
  if (certificate->key_usage() != UsageOf(key.role)) {
    return Wrong(*certificate,
                 "has another keyUsage than a " + std::string(Name(key.role)) + " key needs");
  }
  if (certificate->eui64() != acb) {
    return Wrong(*certificate, "is of another EUI-64 than the ACB's, " + acb.Hyphenated());
  }
  const bool live = trust.settings().environment == smki::Environment::kLive;
  if (live && smki::IsPublishedTestKey(key.point)) {
    return Failure(Reason::kTestKey, "key " + key.label + " is a published test key");
  }
  const auto path = trust.CheckPath(certificate, {}, at);
  if (path) return Done{};
  return Wrong(*certificate,
               "has no good path: " + std::string(Describe(path.error().reason).name) + ": " +
                   path.error().explanation);
}

}  // namespace acb::keys
