// The Records port over one read transaction. Private to store/.
#pragma once

#include "firmware/ports.h"
#include "store/transactions.h"

namespace acb::store {

class Snapshot final : public Records {
 public:
  explicit Snapshot(ReadTransaction transaction) : transaction_(std::move(transaction)) {}

  Result<std::optional<Device>> FindDevice(Eui64 device) const override;
  Result<std::vector<PartyRecord>> FindUser(Eui64 user_id) const override;
  Result<std::vector<Registration>> FindRegistrations(std::string_view mpxn) const override;
  Result<std::optional<StoredRequest>> FindRequest(const RequestId& request) const override;

 private:
  ReadTransaction transaction_;
};

}  // namespace acb::store
