// What the configuration says certificates are judged by.
#pragma once

#include <filesystem>

#include "firmware/smki/trust.h"
#include "platform/config.h"

namespace acb::platform {

// Exactly one certificate, PEM or DER, of at most 64 KiB. kConfiguration, naming the file.
Result<smki::CertificatePtr> LoadCertificate(const std::filesystem::path& file);

// Opens the files that [trust] names. kConfiguration.
Result<smki::TrustSettings> TrustSettingsOf(const Config& config);

}  // namespace acb::platform
