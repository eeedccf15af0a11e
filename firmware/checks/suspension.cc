#include "firmware/checks/suspension.h"

#include <algorithm>

namespace acb::checks {
namespace {

// The authority is the requester's to know: it is whom to ask. `what` says what is stopped: asked
// only when it is.
template <class What>
Status Find(const Records& records, SuspensionScope scope, std::string_view subject, Reason reason,
            const What& what) {
  const auto found = records.FindSuspension(scope, subject);
  if (!found) return found.error();
  if (!found->has_value()) return Done{};
  return Failure(
      reason, what() + " since " + (*found)->since.Iso() + " by order of " + (*found)->authority);
}

}  // namespace

Status CheckSigningNotSuspended(const Records& records) {
  return Find(records, SuspensionScope::kAll, "", Reason::kSigningSuspended,
              [] { return std::string("all signing is suspended"); });
}

Status CheckPartyNotSuspended(const Records& records, std::string_view party, std::string_view what,
                              bool say_by_whom) {
  Status open = Find(records, SuspensionScope::kParty, party, Reason::kSuspended,
                     [&] { return std::string(what) + " is suspended"; });
  if (open || say_by_whom || open.error().reason != Reason::kSuspended) return open;
  return Failure(Reason::kSuspended, std::string(what) + " is suspended");
}

std::string IssuerSubject(const smki::Name& issuer) {
  std::string text = issuer.Text();
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

Status CheckDeviceNotBlocked(const Records& records, Eui64 device) {
  return Find(records, SuspensionScope::kDevice, device.Hyphenated(), Reason::kBlocked,
              [&] { return "device " + device.Hyphenated() + " is blocked"; });
}

Status CheckCertificateNotBlocked(const Records& records, const smki::Certificate& certificate) {
  if (const auto subject = certificate.eui64()) {
    Status open =
        Find(records, SuspensionScope::kSubject, subject->Hyphenated(), Reason::kBlocked, [&] {
          return certificate.Label() + ": its subject " + subject->Hyphenated() + " is blocked";
        });
    if (!open) return open;
  }
  return Find(records, SuspensionScope::kIssuer, IssuerSubject(certificate.issuer()),
              Reason::kBlocked, [&] { return certificate.Label() + ": its issuer is blocked"; });
}

}  // namespace acb::checks
