// The Records port over one read transaction. Private to store/.
#pragma once

#include "firmware/ports.h"
#include "store/parties_against.h"
#include "store/transactions.h"

namespace acb::store {

class Snapshot final : public Records {
 public:
  // `against` lives longer.
  Snapshot(ReadTransaction transaction, PartiesAgainst& against)
      : transaction_(std::move(transaction)), against_(&against) {}

  Result<std::optional<Device>> FindDevice(Eui64 device) const override;
  Result<std::vector<PartyRecord>> FindUser(Eui64 user_id) const override;
  Result<std::vector<PartyRecord>> FindRowsAgainst(std::string_view party) const override;
  Result<std::vector<Registration>> FindRegistrations(std::string_view mpxn) const override;
  Result<std::optional<StoredRequest>> FindRequest(const RequestId& request) const override;
  Result<std::optional<MpanPrefix>> FindMpanPrefix(std::string_view prefix) const override;
  Result<std::vector<CertifiedProduct>> FindProducts(std::string_view model) const override;
  Result<std::optional<RepositoryEntry>> FindRepositoryEntry(
      const Sha256Digest& certificate) const override;
  Result<bool> HoldsCertificate(const Sha256Digest& certificate) const override;
  Result<std::vector<ProxyCertificate>> FindProxyCertificates(Eui64 device) const override;
  Result<std::optional<LastImport>> FindLastImport(Feed feed) const override;
  Result<std::optional<Suspension>> FindSuspension(SuspensionScope scope,
                                                   std::string_view subject) const override;

 private:
  ReadTransaction transaction_;
  PartiesAgainst* against_;
};

}  // namespace acb::store
