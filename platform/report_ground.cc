#include "platform/report_ground.h"

#include <algorithm>

#include "firmware/feeds/revocation_lists.h"

namespace acb::platform {
namespace {

// Some 4 MB at a time.
constexpr std::uint64_t kEntriesAtATime = 4'096;
constexpr std::size_t kDevicesAtATime = 5'000;
static_assert(kEntriesAtATime <= store::Store::kMaxAuditRead);
static_assert(kDevicesAtATime <= store::Store::kMaxDevicePage);

// Of certificates for XML signatures: they are in no cell.
constexpr std::uint8_t kXmlSigningOu = 0x87;
constexpr UtcTime kFarFuture(253'402'300'799'000);  // the end of year 9999

// Whichever says so first. The next list says the same of it: what was reported of a past period
// stays so. A list in force is obeyed whatever dates it has: thisUpdate, at the latest.
std::optional<UtcTime> RevokedSince(const smki::Certificate& certificate,
                                    const std::optional<RepositoryEntry>& repository,
                                    const std::vector<smki::RevocationListPtr>& lists) {
  std::optional<UtcTime> since;
  if (repository && repository->status == RepositoryStatus::kRevoked) since = repository->since;
  for (const smki::RevocationListPtr& list : lists) {
    if (list->issuer() != certificate.issuer()) continue;
    const auto revoked = list->RevokedAt(certificate.serial());
    if (!revoked) continue;
    const UtcTime listed = std::min(*revoked, list->this_update());
    since = since ? std::min(*since, listed) : listed;
  }
  return since;
}

}  // namespace

std::vector<smki::RevocationListPtr> SignedLists(const store::TrustMaterial& material,
                                                 const smki::TrustSettings& settings) {
  std::vector<smki::CertificatePtr> certificates;
  for (const Bytes& der : material.certificates) {
    if (auto certificate = smki::Certificate::Parse(der)) {
      certificates.push_back(*std::move(certificate));
    }
  }
  std::vector<smki::RevocationListPtr> lists;
  for (const Bytes& der : material.revocation_lists) {
    if (auto list = smki::RevocationList::Parse(der)) lists.push_back(*std::move(list));
  }
  return feeds::SignedLists({settings, certificates, lists});
}

Status ReadLog(store::Store& store, std::uint64_t size, const reports::Period& period,
               reports::LogReport& report, std::set<std::string>& rule_sets) {
  reports::LogPass pass(period, report);
  std::uint64_t index = 0;
  while (index < size) {
    if (Status goes_on = store.CheckGoesOn(); !goes_on) return goes_on;
    const auto entries = store.ReadAudit(index, std::min(kEntriesAtATime, size - index));
    if (!entries) return entries.error();
    if (entries->empty()) {
      return Failure(Reason::kRecordDamaged, {},
                     "audit entry " + std::to_string(index) + " is missing");
    }
    for (const std::string& octets : *entries) {
      if (Status taken = pass.Take(index++, octets); !taken) return taken;
    }
  }
  rule_sets.insert(pass.rule_sets().begin(), pass.rule_sets().end());
  return Done{};
}

Status WalkDevices(store::Store& store, Eui64 first, reports::DeviceReport& report) {
  std::optional<Eui64> from = first;
  while (from && !report.done()) {  // each page begins after the one before
    if (Status goes_on = store.CheckGoesOn(); !goes_on) return goes_on;
    const auto page = store.ListDevices(*from, kDevicesAtATime);
    if (!page) return page.error();
    const auto records = store.Open();
    if (!records) return records.error();
    for (const Device& device : page->devices) {
      if (Status taken = report.Take(device, **records); !taken) return taken;
    }
    from = page->next;
  }
  return Done{};
}

Result<std::vector<reports::HeldCertificate>> LoadHeldCertificates(
    store::Store& store, const smki::TrustSettings& settings,
    std::optional<UtcTime> validation_time) {
  const auto material = store.LoadTrustMaterial();
  if (!material) return material.error();
  const auto records = store.Open();
  if (!records) return records.error();
  const auto lists = SignedLists(*material, settings);
  std::vector<reports::HeldCertificate> held;
  for (const Bytes& der : material->certificates) {
    const auto certificate = smki::Certificate::Parse(der);
    if (!certificate || !(*certificate)->eui64() || !(*certificate)->key_usage() ||
        (*certificate)->ou_role() == kXmlSigningOu) {
      continue;
    }
    const auto repository = (*records)->FindRepositoryEntry((*certificate)->sha256());
    if (!repository) return repository.error();
    reports::HeldCertificate one{
        .subject = *(*certificate)->eui64(),
        .signs = (*certificate)->key_usage() == KeyUsage::kDigitalSignature,
        .not_before = (*certificate)->not_before(),
        .not_after = (*certificate)->not_after(),
        .revoked = RevokedSince(**certificate, *repository, lists),
        .withdrawn = {}};
    const bool withdrawn =
        repository->has_value() && ((*repository)->status == RepositoryStatus::kNotInUse ||
                                    (*repository)->status == RepositoryStatus::kExpired);
    if (withdrawn) one.withdrawn = (*repository)->since;
    if (validation_time && one.not_before <= *validation_time &&
        *validation_time <= one.not_after) {
      one.not_after = kFarFuture;
    }
    held.push_back(one);
  }
  return held;
}

Result<std::vector<reports::HeldList>> LoadHeldLists(store::Store& store,
                                                     const smki::TrustSettings& settings) {
  const auto material = store.LoadTrustMaterial();
  if (!material) return material.error();
  std::vector<reports::HeldList> held;
  for (const smki::RevocationListPtr& list : SignedLists(*material, settings)) {
    held.push_back({list->issuer().Text(), list->number().Text(), ToHex(list->sha256()),
                    list->this_update(), list->next_update(), list->size()});
  }
  return held;
}

}  // namespace acb::platform
