// The rules of the certificate profile, one field each, shared by leaf, issuing CA and root.
#pragma once

#include <initializer_list>

#include "firmware/base/result.h"
#include "firmware/smki/certificate_fields.h"

namespace acb::smki {

// "<Label>: <what>".
Failure ProfileFailure(const Certificate& certificate, Reason reason, std::string_view what);

Status CheckVersion3(const Certificate& certificate);
Status CheckSignatureAlgorithms(const Certificate& certificate);
Status CheckKey(const Certificate& certificate);
Status CheckSerial(const Certificate& certificate);
// The value of a CN: a PrintableString or UTF8String of 1 to 64 characters (RFC 5280 appendix A.1,
// ub-common-name), none of them a control character, which would not be seen where it is shown.
bool IsCommonName(const der::Element& value);
// `ou_expected`: the name of a CA of the organisation PKI itself. In a leaf's issuer the OU may be
// missing: no CA that has none is trusted, and the reason is then the broken chain (R-SEC3-13).
Status CheckAuthorityName(const Certificate& certificate, BytesView name, std::string_view field,
                          bool ou_expected);
Status CheckValidityForm(const Certificate& certificate);
Status CheckSubjectKeyIdentifier(const Certificate& certificate);
Status CheckAuthorityKeyIdentifier(const Certificate& certificate);
Status CheckPolicy(const Certificate& certificate, std::string_view policy_oid);
Status CheckNoUniqueIds(const Certificate& certificate);
Status CheckNoDuplicateExtension(const Certificate& certificate);
// Critical extensions other than `understood` are refused.
Status CheckCriticalExtensions(const Certificate& certificate,
                               std::initializer_list<std::string_view> understood);
// Extensions that limit what a certificate may be used for, or what lies below it, and that the
// SMKI has no use for: nameConstraints, policyMappings, policyConstraints, extKeyUsage,
// inhibitAnyPolicy. They bind whether critical or not (RFC 5280 section 4.2.1), so they are
// refused.
Status CheckNoOtherLimits(const Certificate& certificate);

}  // namespace acb::smki
