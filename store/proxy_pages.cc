#include "store/proxy_pages.h"

#include <algorithm>
#include <tuple>

#include "store/feed_rows.h"
#include "store/record.h"

namespace acb::store {
namespace {

// The source's first `count` rows from that device on: one row a device.
Status Collect(const Transaction& transaction, ProxySource source, Eui64 from, std::size_t count,
               std::vector<ProxyCertificate>& rows) {
  const std::size_t limit = rows.size() + count;
  return transaction.Walk(Table::kProxyCertificates, KeyOf(source, from), PrefixOf(source),
                          [&](BytesView key, BytesView payload) -> Result<bool> {
                            auto row = DecodeProxyCertificate(key, payload);
                            if (!row)
                              return Damaged(Table::kProxyCertificates, key,
                                             "does not have the table's form");
                            rows.push_back(*std::move(row));
                            return rows.size() < limit;
                          });
}

}  // namespace

Result<ProxyPage> ReadProxyPage(const Transaction& transaction, Eui64 from, std::size_t devices) {
  devices = std::clamp<std::size_t>(devices, 1, Store::kMaxProxyDevices);
  ProxyPage page;
  // One more than wanted of each source: whichever rows come first of both, no device among the
  // wanted ones lies beyond what was read of a source.
  for (const ProxySource source : {ProxySource::kDsp, ProxySource::kS1sp}) {
    if (auto read = Collect(transaction, source, from, devices + 1, page.rows); !read) {
      return std::move(read).error();
    }
  }
  std::ranges::sort(page.rows, {},
                    [](const ProxyCertificate& row) { return std::tuple(row.device, row.source); });
  std::size_t seen = 0;
  for (std::size_t i = 0; i < page.rows.size(); ++i) {
    if (i > 0 && page.rows[i].device == page.rows[i - 1].device) continue;
    if (++seen <= devices) continue;
    page.next = page.rows[i].device;
    page.rows.resize(i);
    break;
  }
  return page;
}

}  // namespace acb::store
