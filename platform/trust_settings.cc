#include "platform/trust_settings.h"

namespace acb::platform {
namespace {

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
