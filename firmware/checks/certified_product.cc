#include "firmware/checks/certified_product.h"

#include <algorithm>

namespace acb::checks {

Status CheckCertifiedProduct(const Records& records, const Policy& policy, const Device& device,
                             UtcTime at) {
  const auto import = records.FindLastImport(Feed::kCertifiedProducts);
  if (!import) return import.error();
  if (!import->has_value()) {
    if (!policy.products_required) return Done{};
    return Failure(Reason::kFeedStale, "feed certified-products was never imported");
  }
  if (device.model.empty()) {
    return Failure(Reason::kDeviceStatus,
                   "the device's model is not recorded, so it is not on the Certified Products "
                   "List");
  }
  const auto entries = records.FindProducts(device.model);
  if (!entries) return entries.error();
  const bool listed = std::ranges::any_of(
      *entries, [at](const CertifiedProduct& entry) { return entry.InForce(at); });
  if (listed) return Done{};
  return Failure(Reason::kDeviceStatus, "the device's model " + device.model +
                                            " has no entry in force on the Certified Products "
                                            "List at " +
                                            at.Iso());
}

}  // namespace acb::checks
