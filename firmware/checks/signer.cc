#include "firmware/checks/signer.h"

#include <algorithm>

#include "firmware/smki/deny_list.h"

namespace acb::checks {

smki::CertificatePtr ChooseSigner(const smki::Trust& trust, const duis::SignerName& name,
                                  const HasSigned& has_signed) {
  // A feed may bring any number under one name; those of trusted CAs come first.
  constexpr std::size_t kMaxTried = 16;
  const std::vector<smki::CertificatePtr> held = trust.FindAll(name.issuer, name.serial);
  if (held.empty()) return nullptr;
  if (has_signed && held.size() > 1) {
    const std::size_t tried = std::min(held.size(), kMaxTried);
    for (std::size_t i = 0; i < tried; ++i) {
      if (has_signed(*held[i])) return held[i];
    }
  }
  return held.front();
}

Result<FoundSigner> FindSigner(const smki::Trust& trust, const duis::SignerName& name, UtcTime at,
                               const HasSigned& has_signed) {
  const smki::CertificatePtr found = ChooseSigner(trust, name, has_signed);
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
