#include "firmware/checks/suspension.h"

#include "firmware/base/ascii.h"

namespace acb::checks {
namespace {

// The authority is the requester's to know: it is whom to ask.
std::string OrderOf(const Suspension& order) {
  return " since " + order.since.Iso() + " by order of " + order.authority;
}

// `what` says what is stopped: asked only when it is.
template <class What>
Status Find(const Records& records, SuspensionScope scope, std::string_view subject, Reason reason,
            const What& what) {
  const auto found = records.FindSuspension(scope, subject);
  if (!found) return found.error();
  if (!found->has_value()) return Done{};
  return Failure(reason, what() + OrderOf(**found));
}

}  // namespace

Status CheckSigningNotSuspended(const Records& records) {
  return Find(records, SuspensionScope::kAll, "", Reason::kSigningSuspended,
              [] { return std::string("all signing is suspended"); });
}

Status CheckUserNotSuspended(const Records& records, Eui64 user, std::string_view what,
                             bool say_by_whom, UtcTime at) {
  const auto rows = records.FindUser(user);
  if (!rows) return rows.error();
  for (const PartyRecord& row : *rows) {
    if (at < row.from) continue;
    const auto found = records.FindSuspension(SuspensionScope::kParty, row.party);
    if (!found) return found.error();
    // A name that the User had given up when the order was made is not meant.
    if (!found->has_value() || (row.to && *row.to <= (*found)->since)) continue;
    const std::string suspended = std::string(what) + " is suspended";
    return Failure(Reason::kSuspended, say_by_whom ? suspended + OrderOf(**found) : suspended);
  }
  return Done{};
}

std::string IssuerSubject(const smki::Name& issuer) { return LowerCase(issuer.Text()); }

Status CheckDeviceNotBlocked(const Records& records, Eui64 device) {
  return Find(records, SuspensionScope::kDevice, device.Hyphenated(), Reason::kBlocked,
              [&] { return "device " + device.Hyphenated() + " is blocked"; });
}

Status CheckSubjectNotBlocked(const Records& records, Eui64 subject, std::string_view what,
                              Reason reason) {
  const std::string name = subject.Hyphenated();
  return Find(records, SuspensionScope::kSubject, name, reason,
              [&] { return std::string(what) + ": subject " + name + " is blocked"; });
}

Status CheckCertificateNotBlocked(const Records& records, const smki::Certificate& certificate) {
  if (const auto subject = certificate.eui64()) {
    Status open = CheckSubjectNotBlocked(records, *subject, certificate.Label(), Reason::kBlocked);
    if (!open) return open;
  }
  return Find(records, SuspensionScope::kIssuer, IssuerSubject(certificate.issuer()),
              Reason::kBlocked, [&] { return certificate.Label() + ": its issuer is blocked"; });
}

}  // namespace acb::checks
