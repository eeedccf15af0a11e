// The profile of the certificates of the device PKI: gbcs-cs02b.md section 9.4 for a device's own,
// and what of section 9.2 holds for any CA for a device CA, of which no public one is known. Path
// and time are another question (device_path.h). R-SEC3-4, R-SEC3-5, R-SEC3-8.
//
// The number of the policy is not looked at: that of the live device PKI is in no public source,
// and the one of the test devices is of another arc than the organisations'.
#pragma once

#include "firmware/base/result.h"
#include "firmware/smki/certificate.h"

namespace acb::smki {

struct CertificateParts;

// What is wrong with them as a device's certificate; nullptr when nothing is. `point`: their key.
// Without a text to build, for files of millions of rows. Pure; thread-safe.
const char* FindDeviceFault(const CertificateParts& parts, const PublicPoint& point);

// Both fail with kProfile, also for the algorithm; the explanation names the certificate by
// Label().
Status CheckDeviceProfile(const Certificate& certificate);
Status CheckDeviceAuthorityProfile(const Certificate& certificate);

}  // namespace acb::smki
