#include "firmware/checks/repository.h"

namespace acb::checks {
namespace {

Status CheckOne(const Records& records, const smki::Certificate& certificate) {
  const auto entry = records.FindRepositoryEntry(certificate.sha256());
  if (!entry) return entry.error();
  if (entry->has_value()) {
    const RepositoryEntry& row = **entry;
    switch (row.status) {
      case RepositoryStatus::kInUse:
        return Done{};
      case RepositoryStatus::kRevoked:
        return Failure(Reason::kCertRevoked,
                       certificate.Label() + ": the SMKI Repository has it as revoked since " +
                           row.since.Iso() + (row.reason.empty() ? "" : " (" + row.reason + ")"));
      case RepositoryStatus::kNotInUse:
      case RepositoryStatus::kExpired:
        return Failure(Reason::kNotInRepository,
                       certificate.Label() + ": the SMKI Repository has it as " +
                           std::string(Name(row.status)) + ", expected in-use");
    }
  }
  const auto held = records.HoldsCertificate(certificate.sha256());
  if (!held) return held.error();
  if (*held) return Done{};
  return Failure(Reason::kNotInRepository,
                 certificate.Label() + ": the SMKI Repository, as imported here, does not have it");
}

}  // namespace

Status CheckNotRevokedInRepository(const Records& records, const smki::Certificate& certificate,
                                   Reason revoked) {
  const auto entry = records.FindRepositoryEntry(certificate.sha256());
  if (!entry) return entry.error();
  if (!entry->has_value() || (*entry)->status != RepositoryStatus::kRevoked) return Done{};
  return Failure(revoked, certificate.Label() + ": the SMKI Repository has it as revoked since " +
                              (*entry)->since.Iso());
}

Status CheckRepository(const Records& records, const Policy& policy,
                       const std::vector<smki::CertificatePtr>& certificates) {
  const auto import = records.FindLastImport(Feed::kRepositoryStatus);
  if (!import) return import.error();
  if (!import->has_value()) {
    if (!policy.repository_required) return Done{};
    return Failure(Reason::kFeedStale, "feed repository-status was never imported");
  }
  for (const smki::CertificatePtr& certificate : certificates) {
    if (Status listed = CheckOne(records, *certificate); !listed) return listed;
  }
  return Done{};
}

}  // namespace acb::checks
