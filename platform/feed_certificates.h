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

// P8: kFeedRejected when, in live, a device's or a device CA's key is a published test key.
Status CheckNoTestKey(const smki::TrustSettings& settings, const smki::Certificate& certificate);

}  // namespace acb::platform
