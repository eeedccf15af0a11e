// The three feeds that are PEM or DER.
#pragma once

#include "firmware/smki/device_path.h"
#include "platform/feed_import.h"

namespace acb::platform {

HttpResponse ImportCertificates(const FeedContext& context, const HttpRequest& request);
HttpResponse ImportRevocationLists(const FeedContext& context, const HttpRequest& request);
HttpResponse ImportDeviceCertificates(const FeedContext& context, const HttpRequest& request);

// The device CAs held, under the device roots of the configuration. kRecordDamaged,
// kStoreUnavailable, kStoreInDoubt.
Result<smki::DevicePaths> HeldDevicePaths(const FeedContext& context);

// What its keys alone say of a certificate of a device or a device CA. kFeedRejected: in live, it
// is a published test key (P8); its issuer's is one of the organisation PKI (R-SEC3-13).
Status CheckDeviceKeys(const smki::Trust& trust, const smki::Certificate& certificate);

}  // namespace acb::platform
