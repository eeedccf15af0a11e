// What reports read of the store: the log in one pass, the devices in one walk, and what both are
// judged by.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "firmware/reports/device_reports.h"
#include "firmware/reports/trust_status.h"
#include "firmware/smki/revocation_list.h"
#include "platform/box.h"

namespace acb::platform {

// Shows the first `size` entries of the log to the report, page by page, in constant memory beside
// what the report keeps. Adds the rule sets of the period. Fails as the store does.
Status ReadLog(store::Store& store, std::uint64_t size, const reports::Period& period,
               reports::LogReport& report, std::set<std::string>& rule_sets);

// Shows every device from `first` on to the report, each page as of its own moment.
Status WalkDevices(store::Store& store, Eui64 first, reports::DeviceReport& report);

// R-SEC3-17: the lists held that a trusted issuer signed. The feed takes others, which say nothing.
std::vector<smki::RevocationListPtr> SignedLists(const store::TrustMaterial& material,
                                                 const smki::TrustSettings& settings);

// Organisation certificates held, but for those that sign requests, with what the repository and
// the lists in hand say. `validation_time`, of environment test: what is valid then counts as valid
// still.
Result<std::vector<reports::HeldCertificate>> LoadHeldCertificates(
    store::Store& store, const smki::TrustSettings& settings,
    std::optional<UtcTime> validation_time);
Result<std::vector<reports::HeldList>> LoadHeldLists(store::Store& store,
                                                     const smki::TrustSettings& settings);

}  // namespace acb::platform
