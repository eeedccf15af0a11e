#include "platform/feed_certificates.h"

#include <map>
#include <memory>
#include <set>

#include "firmware/checks/registration.h"
#include "firmware/feeds/device_certificates.h"
#include "firmware/smki/authority.h"
#include "firmware/smki/bundle.h"
#include "firmware/smki/device_identity.h"
#include "platform/feed_answers.h"

namespace acb::platform {
namespace {

struct FoundCertificate {
  std::size_t line;  // of the file
  smki::CertificatePtr certificate;
};

struct FoundCertificates {
  std::vector<FoundCertificate> parsed;  // in the order of the file
  Rejects rejects;
  std::size_t blocks = 0;
};

FoundCertificates ParseFile(const HttpRequest& request) {
  FoundCertificates found;
  found.blocks = ReadBundle(request, smki::BundleKind::kCertificates, found.rejects,
                            [&](std::size_t line, const Bytes& der) {
                              auto certificate = smki::Certificate::Parse(der);
                              if (certificate) {
                                found.parsed.push_back({line, *std::move(certificate)});
                              } else {
                                found.rejects.Add(line, certificate.error().explanation);
                              }
                            });
  return found;
}

std::string Named(const smki::Certificate& certificate) {
  return certificate.Label() + " SHA-256 " + ToHex(certificate.sha256());
}

// What was said of certificates of a file that are not what they should be.
struct Told {
  boost::json::object members;          // of the answer, to the sender
  std::optional<audit::Receipt> alarm;  // the newest, to the operators
};

Status Tell(const FeedContext& context, const FeedFile& file,
            const std::vector<std::string>& certificates, std::string_view alarm,
            std::string_view member, Told& told) {
  if (certificates.empty()) return Done{};
  audit::Entry entry = file.Alarm(alarm);
  entry.Set("count", std::to_string(certificates.size()))
      .Set("certificates", Shortened(certificates));
  const auto receipt = context.store.Append(entry);
  if (!receipt) return receipt.error();
  told.alarm = *receipt;
  boost::json::array named(certificates.begin(), certificates.end());
  if (named.size() > kMaxRejectsListed) named.resize(kMaxRejectsListed);
  told.members[member] = std::move(named);
  return Done{};
}

Status TellNotKept(const FeedContext& context, const FeedFile& file,
                   const std::vector<std::string>& certificates, std::string_view alarm,
                   std::string_view member, Told& told) {
  if (certificates.empty()) return Done{};
  told.members[std::string(member) + "_not_kept"] = std::to_string(certificates.size());
  return Tell(context, file, certificates, alarm, member, told);
}

// Of the device PKI, as far as this box can tell (R-SEC3-13).
class DevicePki {
 public:
  DevicePki(const smki::TrustSettings& settings, const std::vector<Bytes>& authorities)
      : organisation_(settings, {}) {
    for (const Bytes& der : authorities) authorities_.insert(Sha256(der));
  }
  // What an organisation root signed is no device CA: once the other feed kept such, and it would
  // be locked out for good.
  bool Contains(const smki::Certificate& certificate) const {
    return smki::DeviceEui64(certificate) || (authorities_.contains(certificate.sha256()) &&
                                              !organisation_.IsSignedByRoot(certificate));
  }

 private:
  const smki::AuthorityChecker organisation_;
  std::set<Sha256Digest> authorities_;
};

// R-128-6: of the certificates those that are new here and were issued after the gas network party
// of their EUI-64 gave notice. They are kept, and a handover with one is refused (GNP_NOT_USER).
class AfterNotice {
 public:
  explicit AfterNotice(const FeedContext& context)
      : context_(context), trust_(context.trust.Current()), now_(context.clock.Now()) {}

  Status Add(const Records& records, const smki::Certificate& certificate) {
    const bool held = trust_->FindBySha256(certificate.sha256()) != nullptr;
    if (held || !certificate.eui64()) return Done{};
    const auto notice = NoticeOf(records, *certificate.eui64());
    if (!notice) return notice.error();
    if (*notice && **notice < certificate.not_before()) found_.insert(Named(certificate));
    return Done{};
  }
  std::vector<std::string> found() const { return {found_.begin(), found_.end()}; }

 private:
  Result<std::optional<UtcTime>> NoticeOf(const Records& records, Eui64 user) {
    const auto known = notices_.find(user);
    if (known != notices_.end()) return known->second;
    if (Status goes_on = context_.store.CheckGoesOn(); !goes_on) return std::move(goes_on).error();
    const auto rows = records.FindUser(user);
    if (!rows) return rows.error();
    const PartyRecord* row = checks::RowOfRole(*rows, UserRole::kGasTransporter, now_);
    std::optional<UtcTime> given;
    if (row != nullptr) {
      const auto notice = checks::NoticeGiven(records, *row, now_);
      if (!notice) return notice.error();
      given = *notice;
    }
    return notices_.emplace(user, given).first->second;
  }

  const FeedContext& context_;
  const std::shared_ptr<const smki::Trust> trust_;
  const UtcTime now_;
  std::map<Eui64, std::optional<UtcTime>> notices_;  // by User ID
  std::set<std::string> found_;
};

}  // namespace

// R-SEC3-12: a root comes by ceremony, never by a feed. R-SEC3-13: the two PKIs are kept apart in
// every store.
HttpResponse ImportCertificates(const FeedContext& context, const HttpRequest& request) {
  const FoundCertificates found = ParseFile(request);
  if (!found.rejects.empty()) return Rejected(found.rejects, found.blocks);
  const auto authorities = context.store.LoadDeviceAuthorities();
  if (!authorities) return Problem(authorities.error());
  const auto trust = context.trust.Current();
  const DevicePki device_pki(trust->settings(), *authorities);
  const auto records = context.store.Open();
  if (!records) return Problem(records.error());
  AfterNotice after_notice(context);
  std::vector<Bytes> kept;
  std::vector<std::string> roots;
  std::vector<std::string> of_devices;
  for (const auto& [line, certificate] : found.parsed) {
    // In test a signer that the configuration pins may be signed by itself.
    if (smki::IsSelfSigned(*certificate) && !trust->IsPinnedSigner(*certificate)) {
      roots.push_back(Named(*certificate));
    } else if (device_pki.Contains(*certificate)) {
      of_devices.push_back(Named(*certificate));
    } else {
      kept.push_back(ToBytes(certificate->der()));
      if (Status added = after_notice.Add(**records, *certificate); !added) {
        return Problem(added.error());
      }
    }
  }
  const FeedFile file(context, Feed::kOrganisationCertificates, request);
  Told told;
  Status said = TellNotKept(context, file, roots, "root in feed", "roots", told);
  if (said) {
    said =
        TellNotKept(context, file, of_devices, "device PKI in feed", "device_certificates", told);
  }
  if (!said) return Problem(said.error());
  if (kept.empty() && told.alarm) return NothingImported(file, *told.alarm, told.members);
  said = Tell(context, file, after_notice.found(), "new certificate after notice", "after_notice",
              told);
  if (!said) return Problem(said.error());
  return Imported(context, file, context.store.ImportCertificates(kept, file.Entry()),
                  told.members);
}

Result<smki::DevicePaths> HeldDevicePaths(const FeedContext& context) {
  smki::DevicePaths paths(context.device_roots, context.JudgedAt());
  if (context.device_roots.empty()) return paths;
  const auto held = context.store.LoadDeviceAuthorities();
  if (!held) return held.error();
  for (const smki::CertificatePtr& authority : ParseAll(*held)) paths.AddAuthority(authority);
  return paths;
}

namespace {

Failure OfOrganisations(const smki::Certificate& certificate) {
  return Failure(Reason::kFeedRejected,
                 certificate.Label() + ": it is of the organisation PKI, a CA of it is its issuer");
}

// Sorts a file of device certificates: each authority, each key, each that is only counted.
class DeviceCertificateFile {
 public:
  DeviceCertificateFile(const FeedContext& context, const Records& records,
                        smki::DevicePaths& paths)
      : trust_(context.trust.Current()),
        organisation_(trust_->settings(), {}),
        ask_for_path_(!context.device_roots.empty()),
        records_(records),
        paths_(paths) {}

  // kFeedRejected: the certificate is a reject. Another reason: the store failed.
  Status Add(const smki::CertificatePtr& certificate) {
    // R-SEC3-12: roots are configuration's.
    if (smki::IsDeviceAuthority(*certificate) && smki::IsSelfSigned(*certificate)) {
      roots_.push_back(Named(*certificate));
      return Done{};
    }
    const auto sorted = feeds::SortDeviceCertificate(*certificate);
    if (!sorted) return sorted.error();
    if (IsOfOrganisations(*certificate, sorted->kind)) {
      of_organisations_.push_back(Named(*certificate));
      return OfOrganisations(*certificate);
    }
    if (const Status fit = CheckDeviceKeys(*trust_, *certificate); !fit) return fit;
    switch (sorted->kind) {
      case feeds::DeviceCertificate::Kind::kAuthority:
        return AddAuthority(*certificate);
      case feeds::DeviceCertificate::Kind::kKeyAgreement:
        return AddKey(*certificate, *sorted);
      case feeds::DeviceCertificate::Kind::kDigitalSigning:
        return AddSigningKey(*certificate, *sorted);
    }
    return Done{};
  }
  const store::DeviceCertificates& rows() const { return rows_; }
  const std::vector<std::string>& roots() const { return roots_; }  // not kept
  const std::vector<std::string>& of_organisations() const { return of_organisations_; }  // rejects

 private:
  // R-SEC3-13: the two PKIs are kept apart in every store. A CA that this feed kept, the other one
  // would not take: of the few CAs the signature is asked as well.
  bool IsOfOrganisations(const smki::Certificate& certificate,
                         feeds::DeviceCertificate::Kind kind) const {
    return trust_->IsOrganisationKey(certificate.authority_key_identifier()) ||
           (kind == feeds::DeviceCertificate::Kind::kAuthority &&
            organisation_.IsSignedByRoot(certificate));
  }

  Status AddAuthority(const smki::Certificate& certificate) {
    rows_.authorities.push_back(ToBytes(certificate.der()));
    return Done{};
  }

  Status AddKey(const smki::Certificate& certificate, const feeds::DeviceCertificate& sorted) {
    const auto known = records_.FindDevice(sorted.device);
    if (!known) return known.error();
    if (!known->has_value()) {
      return Failure(Reason::kFeedRejected,
                     certificate.Label() + ": device " + sorted.device.Plain() + " is not known");
    }
    if (!devices_.insert(sorted.device).second) {
      return Failure(Reason::kFeedRejected, certificate.Label() +
                                                ": a second key agreement certificate of device " +
                                                sorted.device.Plain());
    }
    if (ask_for_path_) {
      if (const Status path = paths_.Check(certificate); !path) {
        return Failure(Reason::kFeedRejected, path.error().explanation);
      }
    }
    rows_.keys.push_back({sorted.device, sorted.key, certificate.sha256()});
    return Done{};
  }

  // What checks the signatures of responses that are observed. A file for devices that are not here
  // yet is as good as before: their signing certificates are counted.
  Status AddSigningKey(const smki::Certificate& certificate,
                       const feeds::DeviceCertificate& sorted) {
    const auto known = records_.FindDevice(sorted.device);
    if (!known) return known.error();
    if (!known->has_value()) {
      ++rows_.not_kept;
      return Done{};
    }
    if (!signing_devices_.insert(sorted.device).second) {
      return Failure(Reason::kFeedRejected,
                     certificate.Label() + ": a second digital signing certificate of device " +
                         sorted.device.Plain());
    }
    if (ask_for_path_) {
      if (const Status path = paths_.Check(certificate); !path) {
        return Failure(Reason::kFeedRejected, path.error().explanation);
      }
    }
    rows_.signing_keys.push_back({sorted.device, sorted.key, certificate.sha256()});
    return Done{};
  }

  const std::shared_ptr<const smki::Trust> trust_;
  const smki::AuthorityChecker organisation_;  // refers to settings of trust_
  const bool ask_for_path_;
  const Records& records_;
  smki::DevicePaths& paths_;
  std::set<Eui64> devices_;
  std::set<Eui64> signing_devices_;
  std::vector<std::string> roots_;
  std::vector<std::string> of_organisations_;
  store::DeviceCertificates rows_;
};

}  // namespace

Status CheckDeviceKeys(const smki::Trust& trust, const smki::Certificate& certificate) {
  if (trust.IsOrganisationKey(certificate.authority_key_identifier())) {
    return OfOrganisations(certificate);
  }
  if (!smki::IsTestKeyInLive(trust.settings(), certificate.public_point())) return Done{};
  return Failure(Reason::kFeedRejected,
                 certificate.Label() + ": its key is a published test key (P8)");
}

namespace {

// R-SEC3-13: the operators hear of it, as where the other feed brings what is of devices.
HttpResponse RejectedDevices(const FeedContext& context, const FeedFile& file,
                             const DeviceCertificateFile& sorted, const Rejects& rejects,
                             std::size_t rows) {
  Told unused;
  const Status said = TellNotKept(context, file, sorted.of_organisations(),
                                  "organisation PKI in feed", "certificates", unused);
  return said ? Rejected(rejects, rows) : Problem(said.error());
}

}  // namespace

HttpResponse ImportDeviceCertificates(const FeedContext& context, const HttpRequest& request) {
  const FoundCertificates found = ParseFile(request);
  if (!found.rejects.empty()) return Rejected(found.rejects, found.blocks);
  auto paths = HeldDevicePaths(context);
  if (!paths) return Problem(paths.error());
  const auto records = context.store.Open();
  if (!records) return Problem(records.error());
  // A device may stand before its CA.
  for (const auto& [line, certificate] : found.parsed) paths->AddAuthority(certificate);
  DeviceCertificateFile sorted(context, **records, *paths);
  Rejects rejects;
  for (const auto& [line, certificate] : found.parsed) {
    if (const Status goes_on = context.store.CheckGoesOn(); !goes_on) {
      return Problem(goes_on.error());
    }
    const Status added = sorted.Add(certificate);
    if (added) continue;
    if (added.error().reason != Reason::kFeedRejected) return Problem(added.error());
    rejects.Add(line, added.error().explanation);
  }
  const FeedFile file(context, Feed::kDeviceCertificates, request);
  if (!rejects.empty()) return RejectedDevices(context, file, sorted, rejects, found.blocks);
  const store::DeviceCertificates& rows = sorted.rows();
  Told told{.members = {{"authorities", std::to_string(rows.authorities.size())},
                        {"keys", std::to_string(rows.keys.size())},
                        {"signing_keys", std::to_string(rows.signing_keys.size())},
                        {"not_kept", std::to_string(rows.not_kept)}},
            .alarm = {}};
  const Status said = TellNotKept(context, file, sorted.roots(), "root in feed", "roots", told);
  if (!said) return Problem(said.error());
  const bool kept = !rows.authorities.empty() || !rows.keys.empty() || !rows.signing_keys.empty();
  if (!kept && told.alarm) return NothingImported(file, *told.alarm, told.members);
  return Imported(context, file, context.store.ImportDeviceCertificates(rows, file.Entry()),
                  told.members);
}

}  // namespace acb::platform
