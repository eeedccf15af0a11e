#include "firmware/feeds/repository_status.h"

#include "firmware/feeds/field.h"

namespace acb::feeds {

const std::vector<std::string>& RepositoryStatusColumns() {
  static const std::vector<std::string> kColumns = {"certificate_sha256", "status", "reason",
                                                    "since"};
  return kColumns;
}

Result<RepositoryEntry> ParseRepositoryStatus(const CsvRow& row) {
  constexpr std::size_t kMaxReason = 200;
  const auto certificate = Sha256Field(row, "certificate_sha256");
  if (!certificate) return certificate.error();
  const auto status = RepositoryStatusFromName(row.Get("status"));
  if (!status) {
    return Rejected("status", "in-use, not-in-use, revoked or expired", row.Get("status"));
  }
  auto reason = TextField(row, "reason", 0, kMaxReason);
  if (!reason) return std::move(reason).error();
  const auto since = TimeField(row, "since");
  if (!since) return since.error();
  return RepositoryEntry{*certificate, *status, *std::move(reason), *since};
}

Status CheckRepositoryChange(const RepositoryEntry& held, const RepositoryEntry& next) {
  if (held.status != RepositoryStatus::kRevoked || next.status != RepositoryStatus::kInUse) {
    return Done{};
  }
  return Rejected("status",
                  "anything but in-use: the certificate was revoked on " + held.since.Iso(),
                  Name(next.status));
}

}  // namespace acb::feeds
