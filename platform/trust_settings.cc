#include "platform/trust_settings.h"

#include <fstream>
#include <iterator>

#include "firmware/smki/bundle.h"

namespace acb::platform {
namespace {

constexpr std::uintmax_t kMaxCertificateFile = 64 * 1024;

Result<Bytes> ReadSmallFile(const std::filesystem::path& file) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  std::ifstream in(file, std::ios::binary);
  if (error || !in || size > kMaxCertificateFile) {
    return Failure(Reason::kConfiguration, "cannot read " + file.string(), error.message());
  }
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

Result<smki::NamedAnchor> AnchorOf(const TrustAnchorSetting& setting) {
  const auto name = smki::Name::FromText(setting.name);
  if (!name || setting.public_key.size() != std::tuple_size_v<PublicPoint>) {
    return Failure(Reason::kConfiguration,
                   "test.trust_anchors: '" + setting.name + "' is not a name and a P-256 point");
  }
  smki::NamedAnchor anchor{.name = *name, .key = {}, .key_identifier = {}};
  std::ranges::copy(setting.public_key, anchor.key.begin());
  return anchor;
}

}  // namespace

Result<smki::CertificatePtr> LoadCertificate(const std::filesystem::path& file) {
  const auto octets = ReadSmallFile(file);
  if (!octets) return octets.error();
  const auto found = smki::SplitCertificates(*octets);
  if (!found)
    return Failure(Reason::kConfiguration, file.string() + ": " + found.error().explanation);
  if (found->size() != 1) {
    return Failure(Reason::kConfiguration,
                   file.string() + " does not hold exactly one certificate");
  }
  auto certificate = smki::Certificate::Parse(found->front());
  if (!certificate) {
    return Failure(Reason::kConfiguration, file.string() + ": " + certificate.error().explanation);
  }
  return certificate;
}

Result<smki::TrustSettings> TrustSettingsOf(const Config& config) {
  smki::TrustSettings settings;
  settings.environment = config.environment;
  settings.policy_oid = config.policy_oid;
  // platform/config.h: where validity is judged at a fixed instant, nextUpdate alone decides.
  const bool fixed = config.test.validation_time.has_value();
  if (config.crl_max_age) {
    settings.crl_max_age_seconds = std::chrono::seconds(*config.crl_max_age).count();
  } else if (fixed) {
    settings.crl_max_age_seconds = settings.arl_max_age_seconds;
  }
  settings.arl_max_age_seconds = std::chrono::seconds(config.arl_max_age).count();
  for (const auto& file : config.trust_roots) {
    auto root = LoadCertificate(file);
    if (!root) return std::move(root).error();
    settings.roots.push_back(*std::move(root));
  }
  for (const TrustAnchorSetting& setting : config.test.trust_anchors) {
    auto anchor = AnchorOf(setting);
    if (!anchor) return std::move(anchor).error();
    settings.named_anchors.push_back(*std::move(anchor));
  }
  for (const std::string& text : config.test.issuers_without_crl) {
    const auto name = smki::Name::FromText(text);
    if (!name) {
      return Failure(Reason::kConfiguration,
                     "test.issuers_without_crl: '" + text + "' is not a name");
    }
    settings.issuers_without_crl.push_back(*name);
  }
  settings.pinned_signers.insert(config.test.pinned_signers.begin(),
                                 config.test.pinned_signers.end());
  return settings;
}

}  // namespace acb::platform
