// Table proxy-certificates by device, page by page. Private to store/.
#pragma once

#include "store/store.h"
#include "store/transactions.h"

namespace acb::store {

// As Store::ListProxyCertificates.
Result<ProxyPage> ReadProxyPage(const Transaction& transaction, Eui64 from, std::size_t devices);

}  // namespace acb::store
