#include "firmware/checks/signer.h"

#include "firmware/smki/deny_list.h"

namespace acb::checks {

Result<FoundSigner> FindSigner(const smki::Trust& trust, const duis::SignerName& name, UtcTime at) {
  const smki::CertificatePtr found = trust.Find(name.issuer, name.serial);
  if (!found) {
    return Failure(Reason::kSenderAuth,
                   "no certificate with the issuer and serial number in KeyInfo is held here");
  }
  const bool test = trust.settings().environment == smki::Environment::kTest;
  if (trust.IsPinnedSigner(*found)) {
    if (at < found->not_before() || found->not_after() < at) {
      return Failure(Reason::kCertExpired, found->Label() + " is not in date at " + at.Iso());
    }
    return FoundSigner{found, {std::string(Describe(Reason::kRevocationNotChecked).name)}};
  }
  // R-SEC3-33: checked before the path, so that the reason says what matters.
  const auto point = found->public_point();
  if (!test && point && smki::IsPublishedTestKey(*point)) {
    return Failure(Reason::kTestKey,
                   "the signing key of " + found->Label() + " is a published one");
  }
  // duis-6.21.md 4.2: the User's XML signing certificate has OU 87, apart from those on devices.
  if (found->ou_role() != kOuXmlSigning) {
    return Failure(Reason::kSenderAuth,
                   found->Label() + " is not an XML signing certificate (subject OU 87)");
  }
  auto path = trust.CheckPath(found, {}, at);
  if (!path) return std::move(path).error();
  return FoundSigner{found, path->observations};
}

}  // namespace acb::checks
