#include "platform/config.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

#include "firmware/base/ascii.h"
#include "firmware/base/trust_anchor_cell.h"
#include "firmware/smki/bundle.h"
#include "platform/config_section.h"
#include "platform/https_client.h"

namespace acb::platform {
namespace {

constexpr std::size_t kMaxConfigOctets = 1024 * 1024;
constexpr std::uintmax_t kMaxCertificateFile = 64 * 1024;
constexpr std::size_t kMaxTokenLabelOctets = 32;  // PKCS#11: CK_TOKEN_INFO.label
constexpr std::size_t kMaxDnsNameOctets = 253;
constexpr std::size_t kMaxChannelOctets = 32;
constexpr std::size_t kPublicPointOctets = 1 + 32 + 32;

constexpr std::uint64_t kMiB = 1024 * 1024;
// 0 to 2 are the service's own.
constexpr Range kPinDescriptors{3, 1023};
// A request waits for two of them at most, and has to be answered within 5 s.
constexpr Range kDeadlines{100, 2000};

bool IsNumericAddress(const std::string& text) {
  in6_addr address{};
  return ::inet_pton(AF_INET, text.c_str(), &address) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

bool IsDnsName(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  };
  return !text.empty() && text.size() <= kMaxDnsNameOctets && std::ranges::all_of(text, allowed);
}

bool IsVariableName(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !text.empty() && std::ranges::all_of(text, allowed);
}

// systemd.exec(5): a file name.
bool IsCredentialName(std::string_view text) {
  return !text.empty() && text.size() <= 255 && text != "." && text != ".." &&
         text.find('/') == std::string_view::npos && text.find('\0') == std::string_view::npos;
}

bool IsChannelName(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !text.empty() && text.size() <= kMaxChannelOctets && std::ranges::all_of(text, allowed);
}
constexpr const char* kChannelForm = "must be 1 to 32 of a-z, 0-9 and -";

bool IsObjectIdentifier(std::string_view text) {
  std::size_t arcs = 0;
  for (;;) {
    const std::size_t dot = text.find('.');
    if (!ParseDecimal(text.substr(0, dot))) return false;
    ++arcs;
    if (dot == std::string_view::npos) return arcs >= 2;
    text.remove_prefix(dot + 1);
  }
}

void ReadEnvironment(Section& root, Config& config) {
  const std::string text = root.Text("environment");
  if (text == "test") {
    config.environment = smki::Environment::kTest;
  } else if (text != "live" && !text.empty()) {
    root.Wrong(*root.Find("environment"), "environment", "must be \"test\" or \"live\"");
  }
}

void ReadListen(Section section, Config& config) {
  config.listen_address = section.TextOr("address", config.listen_address);
  if (!config.listen_address.empty() && !IsNumericAddress(config.listen_address)) {
    section.Wrong(*section.Find("address"), "address", "must be an IPv4 or IPv6 address");
  }
  config.listen_port =
      static_cast<std::uint16_t>(section.IntegerOr("port", {0, 65535}, config.listen_port));
  section.Finish();
}

void ReadTls(Section section, const Paths& paths, Config& config) {
  config.tls_certificate = paths.Resolve(section.Text("certificate"));
  config.tls_key = paths.Resolve(section.Text("key"));
  config.tls_client_ca = paths.Resolve(section.Text("client_ca"));
  section.Finish();
}

// Which Users' requests a client of role dsp may hand in, and which endpoints of its role it may
// use.
void ReadRights(Section& section, std::optional<Role> role, KnownClient& client) {
  client.endpoints = section.Texts("endpoints");
  const toml::node* endpoints = section.Find("endpoints");
  if (endpoints != nullptr && client.endpoints.empty()) {
    section.Wrong(*endpoints, "endpoints", "must name an endpoint: leave it out for all of them");
  }
  const toml::node* originators = section.Find("originators");
  for (const std::string& text : section.Texts("originators")) {
    if (const auto eui = Eui64::FromText(text)) {
      client.originators.push_back(*eui);
    } else {
      section.Wrong(*originators, "originators",
                    "must hold EUI-64s such as 90-B3-D5-1F-30-01-00-00");
    }
  }
  if (originators != nullptr && client.originators.empty()) {
    section.Wrong(*originators, "originators", "must name a User: leave it out for all of them");
  } else if (originators != nullptr && role && *role != Role::kDsp) {
    section.Wrong(*originators, "originators", "is for the role dsp alone");
  }
  client.connections = section.IntegerOr("connections", {1, 10'000}, 0);
}

void ReadClient(Section section, const Paths& paths, std::set<std::string, std::less<>>& names,
                Config& config) {
  std::string identity = LowerCase(section.Text("identity"));
  const std::string role_name = section.Text("role");
  const auto role = RoleFromName(role_name);
  if (!identity.empty() && !IsDnsName(identity)) {
    section.Wrong(*section.Find("identity"), "identity", "must be a DNS name");
  } else if (!identity.empty() && !names.insert(identity).second) {
    section.Wrong(*section.Find("identity"), "identity", "is given to an earlier client");
  }
  if (!role_name.empty() && !role) {
    section.Wrong(*section.Find("role"), "role",
                  "must be dsp, northbound, feed, auditor or operator");
  }
  std::string channel = section.TextOr("channel", std::string(kUsualChannel));
  if (!channel.empty() && !IsChannelName(channel)) {
    section.Wrong(*section.Find("channel"), "channel", kChannelForm);
  }
  KnownClient client{.identity = std::move(identity),
                     .role = role.value_or(Role::kAuditor),
                     .channel = std::move(channel)};
  client.issuer = paths.Resolve(section.TextOr("issuer", {}));
  ReadRights(section, role, client);
  section.Finish();
  if (role) config.clients.push_back(std::move(client));
}

void ReadClients(Section& root, const Paths& paths, Errors& errors, Config& config) {
  std::set<std::string, std::less<>> names;
  const auto clients = root.List("client");
  for (const toml::node* entry : clients) {
    if (!entry->is_table()) {
      root.Wrong(*entry, "client", "must be a table: [[client]]");
      return;
    }
    ReadClient(Section(entry->as_table(), "client", errors), paths, names, config);
  }
  if (clients.empty()) root.Missing("client", "is missing: nobody could use the service");
}

void ReadAnswers(Section section, const Paths& paths, Config& config) {
  config.response_codes = paths.Resolve(section.TextOr("response_codes", {}));
  section.Finish();
}

// R-074-5: without the list every channel may ask for a handover.
void ReadHandover(Section section, Config& config) {
  config.handover_channels = section.Texts("channels");
  const toml::node* channels = section.Find("channels");
  if (channels != nullptr && config.handover_channels.empty()) {
    section.Wrong(*channels, "channels", "must name a channel: nobody could ask for a handover");
  }
  if (!std::ranges::all_of(config.handover_channels, IsChannelName)) {
    section.Wrong(*channels, "channels", kChannelForm);
  }
  section.Finish();
}

// R-NOW-9: 140-2 is an exception that somebody owns, and that ends.
void ReadApprovedModule(Section section, Config& config) {
  ApprovedModule module;
  module.manufacturer = section.Text("manufacturer");
  module.model = section.Text("model");
  module.firmware = section.Text("firmware");
  module.certificate = section.Text("certificate");
  module.standard = section.TextOr("standard", "140-3");
  if (module.standard != "140-3" && module.standard != "140-2") {
    section.Wrong(*section.Find("standard"), "standard", "must be 140-3 or 140-2");
  }
  module.level = section.IntegerOr("level", {1, 4}, 0);
  if (section.Find("level") == nullptr) section.Missing("level", "is missing");
  module.exception_owner = section.TextOr("exception_owner", {});
  if (const toml::node* until = section.Find("exception_until"); until != nullptr) {
    module.exception_until = UtcTime::FromIsoDate(section.TextOf(*until, "exception_until"));
    if (!module.exception_until) section.Wrong(*until, "exception_until", "must be a date");
    if (module.exception_owner.empty()) section.Missing("exception_owner", "has to be there too");
  } else if (!module.exception_owner.empty()) {
    section.Missing("exception_until", "has to be there too: an exception ends");
  }
  section.Finish();
  config.approved_modules.push_back(std::move(module));
}

void ReadApprovedModules(Section& hsm, Errors& errors, Config& config) {
  for (const toml::node* entry : hsm.List("approved")) {
    if (!entry->is_table()) {
      hsm.Wrong(*entry, "approved", "must be a table: [[hsm.approved]]");
      return;
    }
    ReadApprovedModule(Section(entry->as_table(), "hsm.approved", errors), config);
  }
}

// P7: from a file, a credential of systemd's or a descriptor; never from arguments or environment,
// which others can read.
void ReadPinSource(Section& section, const Paths& paths, Config& config) {
  const toml::node* credential = section.Find("pin_credential");
  const toml::node* descriptor = section.Find("pin_fd");
  if (credential == nullptr && descriptor == nullptr) {
    config.hsm_pin_file = paths.Resolve(section.Text("pin_file"));
    return;
  }
  const toml::node* file = section.Find("pin_file");
  if (file != nullptr || (credential != nullptr && descriptor != nullptr)) {
    const toml::node* second = file != nullptr ? file : descriptor;
    section.Wrong(*second, file != nullptr ? "pin_file" : "pin_fd", "is a second place of the PIN");
    return;
  }
  if (descriptor != nullptr) {
    config.hsm_pin_descriptor = section.IntegerOr("pin_fd", kPinDescriptors, 0);
    return;
  }
  config.hsm_pin_credential = section.TextOf(*credential, "pin_credential");
  if (!IsCredentialName(config.hsm_pin_credential)) {
    section.Wrong(*credential, "pin_credential",
                  "must be the name of a credential: no '/', no '..'");
  }
}

void ReadHsm(Section section, const Paths& paths, Errors& errors, Config& config) {
  config.hsm_module = paths.Resolve(section.Text("module"));
  config.hsm_token_label = section.Text("token_label");
  if (config.hsm_token_label.size() > kMaxTokenLabelOctets) {
    section.Wrong(*section.Find("token_label"), "token_label", "must have 32 octets at most");
  }
  ReadPinSource(section, paths, config);
  const std::string verify = section.TextOr("verify_agreements", "every");
  if (verify == "sampled") {
    config.hsm_verify_agreements = hsm::VerifyAgreements::kSampled;
  } else if (verify != "every") {
    section.Wrong(*section.Find("verify_agreements"), "verify_agreements",
                  "must be every or sampled");
  }
  config.hsm_deadline =
      std::chrono::milliseconds(section.IntegerOr("deadline_ms", kDeadlines, 1500));
  if (section.Find("lock_file") != nullptr) {
    config.hsm_lock_file = paths.Resolve(section.Text("lock_file"));
  }
  const toml::node* environment = section.Find("environment");
  if (environment != nullptr && !environment->is_table()) {
    section.Wrong(*environment, "environment", "must be a table");
  } else if (environment != nullptr) {
    for (const auto& [key, node] : *environment->as_table()) {
      const std::string name = "environment." + std::string(key.str());
      if (!IsVariableName(key.str())) section.Wrong(node, name, "is not a variable's name");
      config.hsm_environment[std::string(key.str())] = section.TextOf(node, name);
    }
  }
  ReadApprovedModules(section, errors, config);
  section.Finish();
}

// SoftHSM's configuration is the one file that all who use a token of it on this machine name.
std::filesystem::path UsualLockFile(const Config& config) {
  const auto found = config.hsm_environment.find("SOFTHSM2_CONF");
  if (found == config.hsm_environment.end()) return config.store_directory / "hsm.lock";
  return found->second + ".lock";
}

void ReadStore(Section section, const Paths& paths, Config& config) {
  config.store_directory = paths.Resolve(section.Text("directory"));
  config.store_map_size = section.IntegerOr("map_size_gib", {1, 16 * 1024}, 64) << 30U;
  config.anchor_every =
      section.IntegerOr("anchor_every", {2, std::uint64_t{1} << 32U}, config.anchor_every);
  if (section.Find("reserve_mib") != nullptr) {
    config.store_reserve = section.IntegerOr("reserve_mib", {0, 1024 * 1024}, 0) << 20U;
  }
  section.Finish();
}

void ReadAcb(Section section, const Paths& paths, Config& config) {
  config.acb_digital_signing_certificate =
      paths.Resolve(section.Text("digital_signing_certificate"));
  config.acb_key_agreement_certificate = paths.Resolve(section.Text("key_agreement_certificate"));
  section.Finish();
}

void ReadTrust(Section section, const Paths& paths, Config& config) {
  for (const std::string& root : section.Texts("roots")) {
    config.trust_roots.push_back(paths.Resolve(root));
  }
  for (const std::string& root : section.Texts("device_roots")) {
    config.device_roots.push_back(paths.Resolve(root));
  }
  config.policy_oid = section.TextOr("policy_oid", config.policy_oid);
  if (!config.policy_oid.empty() && !IsObjectIdentifier(config.policy_oid)) {
    section.Wrong(*section.Find("policy_oid"), "policy_oid", "must be an object identifier");
  }
  // R-SEC3-14, R-SEC3-16: 12 hours with a tolerance, 12 months; a test stands for longer.
  const bool live = config.environment == smki::Environment::kLive;
  if (section.Find("crl_max_age_hours") != nullptr) {
    config.crl_max_age = std::chrono::hours(
        section.IntegerOr("crl_max_age_hours", {1, live ? 24U : 366U * 24U}, 13));
  }
  config.arl_max_age =
      std::chrono::hours(24 * section.IntegerOr("arl_max_age_days", {1, live ? 366U : 3660U}, 366));
  // Without one no certificate could ever be accepted. In test, [test] may name anchors instead.
  if (config.trust_roots.empty() && config.environment == smki::Environment::kLive) {
    section.Missing("roots", "must name at least one root certificate in live");
  }
  section.Finish();
}

void ReadLimits(Section section, Config& config) {
  const Range counters{1, kMaxSeqNumber};
  config.counter_jump = section.DecimalOr("counter_jump", counters, config.counter_jump);
  config.policy.requested_floor_limit =
      section.DecimalOr("floor", counters, config.policy.requested_floor_limit);
  config.body_octets = section.IntegerOr("body_octets", {1024, 64 * kMiB}, config.body_octets);
  config.request_octets =
      section.IntegerOr("request_octets", {1024, 16 * kMiB}, config.request_octets);
  config.feed_octets =
      section.IntegerOr("feed_octets", {1024, 64 * 1024 * kMiB}, config.feed_octets);
  config.connections = section.IntegerOr("connections", {1, 10'000}, config.connections);
  config.client_connections = section.IntegerOr("client_connections", {1, 10'000}, 0);
  config.admission.at_once =
      section.IntegerOr("handovers_at_once", {1, 10'000}, config.admission.at_once);
  config.admission.waiting =
      section.IntegerOr("handovers_waiting", {0, 10'000}, config.admission.waiting);
  config.admission.patience =
      std::chrono::milliseconds(section.IntegerOr("handover_wait_ms", {1, 60'000}, 1000));
  config.header_octets = static_cast<std::uint32_t>(
      section.IntegerOr("header_octets", {1024, 64 * 1024}, config.header_octets));
  config.idle = std::chrono::seconds(section.IntegerOr("idle_seconds", {1, 3600}, 60));
  config.request = std::chrono::seconds(section.IntegerOr("request_seconds", {1, 600}, 10));
  section.Finish();
}

void ReadChecks(Section section, Config& config) {
  checks::Policy& policy = config.policy;
  const bool live = config.environment == smki::Environment::kLive;
  policy.network_operator_registration = section.TruthOr("network_operator_registration", true);
  policy.refuse_absent_floor = section.TruthOr("refuse_absent_floor", false);
  policy.repository_required = section.TruthOr("repository_required", live);
  policy.products_required = section.TruthOr("certified_products_required", live);
  section.Finish();
}

// In live what decides has to be fresh; a test box stands for weeks with the data it was given.
constexpr std::pair<Feed, std::uint64_t> kLiveFeedHours[] = {
    {Feed::kParties, 48},          {Feed::kRegistrations, 48},
    {Feed::kDevices, 48},          {Feed::kOrganisationCertificates, 168},
    {Feed::kRepositoryStatus, 24}, {Feed::kCertifiedProducts, 168}};
constexpr std::uint64_t kMaxFeedHours = 10 * 366 * 24;

// [feeds.max_age_hours]: a feed by its name; 0 takes its limit away.
void ReadFeeds(Section section, Config& config) {
  std::map<Feed, std::uint64_t> hours;
  if (config.environment == smki::Environment::kLive) {
    hours.insert(std::begin(kLiveFeedHours), std::end(kLiveFeedHours));
  }
  Section ages = section.Sub("max_age_hours");
  for (const Feed feed : kFeeds) {
    hours[feed] = ages.IntegerOr(Name(feed), {0, kMaxFeedHours}, hours[feed]);
  }
  ages.Finish();
  for (const auto& [feed, limit] : hours) {
    if (limit != 0) config.policy.feed_max_age[feed] = std::chrono::hours(limit);
  }
  section.Finish();
}

// What no test of an integrator comes near, but a loop gone wild does.
constexpr VolumeLimits kTestVolume{1'000'000, 10'000'000, 1'000'000, 10'000'000};

// DCC-set thresholds (R-NOW-11); 0 takes one away.
void ReadVolume(Section section, Config& config) {
  if (config.environment == smki::Environment::kTest) config.volume = kTestVolume;
  const Range any{0, kMaxSeqNumber};
  VolumeLimits& volume = config.volume;
  volume.user_hour = section.IntegerOr("user_hour", any, volume.user_hour);
  volume.user_day = section.IntegerOr("user_day", any, volume.user_day);
  volume.total_hour = section.IntegerOr("total_hour", any, volume.total_hour);
  volume.total_day = section.IntegerOr("total_day", any, volume.total_day);
  section.Finish();
}

// R-SEC3-21.
void ReadKeyLimits(Section section, Config& config) {
  keys::Limits& limits = config.key_limits;
  const auto days = static_cast<std::uint64_t>(limits.max_age.count());
  limits.max_age =
      std::chrono::days(section.IntegerOr("max_age_days", {1, keys::Limits::kMostDays}, days));
  limits.max_operations = section.IntegerOr("max_operations", {1, keys::Limits::kMostOperations},
                                            limits.max_operations);
  limits.warn_percent = section.IntegerOr("warn_percent", {1, 99}, limits.warn_percent);
  section.Finish();
}

void ReadBackup(Section section, const Paths& paths, Config& config) {
  config.backup_public_key = paths.Resolve(section.TextOr("public_key", {}));
  config.backup_directory = paths.Resolve(section.TextOr("directory", {}));
  section.Finish();
}

// R-SEC3-55: always in live, where a manifest that is missing keeps the box from signing.
void ReadFirmware(Section section, const Paths& paths, Config& config) {
  const std::string manifest = section.TextOr("manifest", "/usr/share/acbd/manifest.json");
  const std::string key = section.TextOr("key", "release-key.pem");
  section.Finish();
  if (config.environment == smki::Environment::kTest && !section.present()) return;
  config.firmware_manifest = paths.Resolve(manifest);
  config.firmware_key = paths.Resolve(key);
}

// "https://host[:port][/prefix]", the prefix of what a path may hold without an escape.
bool ReadWitnessUrl(std::string_view url, WitnessSetting& witness) {
  constexpr std::size_t kAfterScheme = std::string_view("https://").size();
  const std::size_t slash = std::min(url.find('/', std::min(kAfterScheme, url.size())), url.size());
  constexpr std::uint16_t kHttpsPort = 443;
  const auto server = ParseServerUrl(url.substr(0, slash), kHttpsPort);
  if (!server) return false;
  witness.host = server->host;
  witness.port = server->port;
  witness.prefix = url.substr(slash);
  while (witness.prefix.ends_with('/')) witness.prefix.pop_back();
  return std::ranges::all_of(witness.prefix, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("/-._~").find(c) != std::string_view::npos;
  });
}

void ReadWitness(Section section, const Paths& paths, Config& config) {
  WitnessSetting witness;
  const std::string url = section.Text("url");
  const std::string key = section.Text("key");
  if (!url.empty() && !ReadWitnessUrl(url, witness)) {
    section.Wrong(*section.Find("url"), "url", "must be https://host[:port][/prefix]");
  }
  const auto parsed = audit::ParseKey(key);
  if (parsed && parsed->type == audit::NoteKey::Type::kCosignature) {
    witness.key = *parsed;
  } else if (!key.empty()) {
    section.Wrong(*section.Find("key"), "key",
                  "must be a witness's key, name+hash+base64 (C2SP tlog-cosignature, Ed25519)");
  }
  for (const WitnessSetting& other : config.witnesses) {
    if (parsed && other.key.name == parsed->name) {
      section.Wrong(*section.Find("key"), "key", "has the name of an earlier witness");
    }
  }
  witness.ca = paths.Resolve(section.TextOr("ca", std::string(kUsualAuthorities)));
  section.Finish();
  config.witnesses.push_back(std::move(witness));
}

void ReadAudit(Section section, const Paths& paths, Errors& errors, Config& config) {
  config.checkpoint_file = paths.Resolve(section.TextOr("checkpoint_file", {}));
  for (const toml::node* entry : section.List("witness")) {
    if (!entry->is_table()) {
      section.Wrong(*entry, "witness", "must be a table: [[audit.witness]]");
      return;
    }
    if (config.witnesses.size() == kMaxWitnesses) {
      section.Wrong(*entry, "witness", "16 at most");
      return;
    }
    ReadWitness(Section(entry->as_table(), "audit.witness", errors), paths, config);
  }
  section.Finish();
}

void ReadHardening(Section section, const Paths& paths, Config& config) {
  const bool live = config.environment == smki::Environment::kLive;
  HardeningSettings& hardening = config.hardening;
  // An integrator's module and tools want files of their own that nobody has listed.
  hardening.sandbox = section.TruthOr("sandbox", live);
  if (live && !hardening.sandbox) {
    section.Wrong(*section.Find("sandbox"), "sandbox", "must be true in environment live");
  }
  hardening.require_landlock = section.TruthOr("require_landlock", live);
  for (const std::string& text : section.Texts("hsm_files")) {
    hardening.hsm_files.push_back(paths.Resolve(text));
  }
  for (const toml::node* entry : section.List("hsm_ports")) {
    const auto* port = entry->as_integer();
    if (port == nullptr || port->get() < 1 || port->get() > 65535) {
      section.Wrong(*entry, "hsm_ports", "must hold TCP ports from 1 to 65535");
      break;
    }
    hardening.hsm_ports.push_back(static_cast<std::uint16_t>(port->get()));
  }
  section.Finish();
}

void ReadTrustAnchors(Section& test, Errors& errors, TestSettings& settings) {
  for (const toml::node* entry : test.List("trust_anchors")) {
    if (!entry->is_table()) {
      test.Wrong(*entry, "trust_anchors", "must hold tables { name, public_key }");
      return;
    }
    Section anchor(entry->as_table(), "test.trust_anchors", errors);
    TrustAnchorSetting setting{anchor.Text("name"), {}};
    if (!setting.name.empty() && !smki::Name::FromText(setting.name)) {
      anchor.Wrong(*anchor.Find("name"), "name", "must be a name such as \"CN=ZA,OU=00\"");
    }
    const std::string hex = anchor.Text("public_key");
    const auto key = FromHex(hex);
    if (key && key->size() == kPublicPointOctets && key->front() == 0x04) {
      setting.public_key = *key;
    } else if (!hex.empty()) {
      anchor.Wrong(*anchor.Find("public_key"), "public_key",
                   "must be an uncompressed P-256 point in hex: 04 and 64 octets");
    }
    anchor.Finish();
    settings.trust_anchors.push_back(std::move(setting));
  }
}

void ReadIssuersWithoutCrl(Section& test, TestSettings& settings) {
  for (const toml::node* entry : test.List("issuers_without_crl")) {
    std::string name = test.TextOf(*entry, "issuers_without_crl");
    if (!name.empty() && !smki::Name::FromText(name)) {
      test.Wrong(*entry, "issuers_without_crl",
                 "must hold names such as \"CN=Z1,OU=07\", not '" + name + "'");
    }
    settings.issuers_without_crl.push_back(std::move(name));
  }
}

void ReadPinnedSigners(Section& test, TestSettings& settings) {
  for (const toml::node* entry : test.List("pinned_signers")) {
    const auto octets = FromHex(test.TextOf(*entry, "pinned_signers"));
    Sha256Digest digest{};
    if (!octets || octets->size() != digest.size()) {
      test.Wrong(*entry, "pinned_signers", "must hold SHA-256 values in hex");
      return;
    }
    std::ranges::copy(*octets, digest.begin());
    settings.pinned_signers.push_back(digest);
  }
}

void ReadTest(Section section, Errors& errors, TestSettings& settings) {
  if (const toml::node* node = section.Find("validation_time")) {
    settings.validation_time = UtcTime::FromIso(section.TextOf(*node, "validation_time"));
    if (!settings.validation_time) {
      section.Wrong(*node, "validation_time", "must be a time such as \"2025-10-01T12:00:00Z\"");
    }
  }
  ReadTrustAnchors(section, errors, settings);
  ReadIssuersWithoutCrl(section, settings);
  ReadPinnedSigners(section, settings);
  section.Finish();
}

// design.md section 10: in live each of these is refused with its name.
void RefuseTest(Section& root, Errors& errors) {
  const toml::node* node = root.Find("test");
  if (node == nullptr) return;
  if (const toml::table* table = node->as_table()) {
    for (const auto& [key, value] : *table) {
      errors.Add(key.source().begin.line,
                 "test." + std::string(key.str()) + " has no place in environment live");
    }
  }
  errors.Add(node->source().begin.line, "[test] has no place in environment live");
}

Config ReadAll(const toml::table& table, const std::filesystem::path& file, Errors& errors) {
  Config config;
  config.file = std::filesystem::absolute(file);
  const Paths paths(file);
  Section root(&table, "", errors);
  ReadEnvironment(root, config);
  ReadListen(root.Sub("listen"), config);
  ReadTls(root.Sub("tls"), paths, config);
  ReadClients(root, paths, errors, config);
  ReadAnswers(root.Sub("answers"), paths, config);
  ReadHandover(root.Sub("handover"), config);
  ReadHsm(root.Sub("hsm"), paths, errors, config);
  ReadStore(root.Sub("store"), paths, config);
  if (config.hsm_lock_file.empty()) config.hsm_lock_file = UsualLockFile(config);
  ReadAcb(root.Sub("acb"), paths, config);
  ReadTrust(root.Sub("trust"), paths, config);
  ReadLimits(root.Sub("limits"), config);
  ReadChecks(root.Sub("checks"), config);
  ReadFeeds(root.Sub("feeds"), config);
  ReadVolume(root.Sub("volume"), config);
  ReadKeyLimits(root.Sub("keys"), config);
  ReadBackup(root.Sub("backup"), paths, config);
  ReadAudit(root.Sub("audit"), paths, errors, config);
  ReadHardening(root.Sub("hardening"), paths, config);
  ReadFirmware(root.Sub("firmware"), paths, config);
  if (config.environment == smki::Environment::kTest) {
    ReadTest(root.Sub("test"), errors, config.test);
  } else {
    RefuseTest(root, errors);
  }
  root.Finish();
  return config;
}

void Flatten(const toml::node& node, const std::string& name,
             std::map<std::string, std::string>& into) {
  if (const auto* table = node.as_table()) {
    for (const auto& [key, value] : *table) {
      const std::string below(key.str());
      Flatten(value, name.empty() ? below : name + "." + below, into);
    }
  } else if (const auto* list = node.as_array(); list != nullptr && list->is_array_of_tables()) {
    for (std::size_t i = 0; i < list->size(); ++i) {
      Flatten(*list->get(i), name + "[" + std::to_string(i) + "]", into);
    }
  } else {
    std::ostringstream text;
    node.visit([&](const auto& value) { text << value; });
    into[name] = text.str();
  }
}

Failure CannotRead(const std::filesystem::path& file, const std::string& why) {
  return Failure{Reason::kConfiguration, file.string() + ": " + why};
}

Result<Bytes> ReadSmallFile(const std::filesystem::path& file) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  std::ifstream in(file, std::ios::binary);
  if (error || !in || size > kMaxCertificateFile) {
    return Failure(Reason::kConfiguration, "cannot read " + file.string(), error.message());
  }
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

// At most `limit` octets; more is an error. Nothing is left in buffers of ours.
Result<Secret> ReadAtMost(const Descriptor& descriptor, const std::filesystem::path& file,
                          std::size_t limit, std::size_t& size) {
  Secret octets(limit + 1);
  size = 0;
  while (size < octets.size()) {
    const auto rest = octets.Writable().subspan(size);
    const ssize_t got = ::read(descriptor.get(), rest.data(), rest.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return CannotRead(file, std::strerror(errno));
    if (got == 0) return octets;
    size += static_cast<std::size_t>(got);
  }
  return CannotRead(file, "has more than " + std::to_string(limit) + " octets");
}

Status CheckPinFile(const Descriptor& descriptor, const std::filesystem::path& file) {
  struct stat status {};
  if (::fstat(descriptor.get(), &status) != 0) return CannotRead(file, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return CannotRead(file, "is not a regular file");
  if (status.st_uid != ::geteuid() && status.st_uid != 0) {
    return CannotRead(file, "must belong to the service's user or to root");
  }
  if ((status.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
    return CannotRead(file, "must be closed to others and not writable by the group (chmod 600)");
  }
  return Done{};
}

// One line, without its end.
Result<Secret> ReadPinFrom(const Descriptor& descriptor, const std::filesystem::path& file) {
  constexpr std::size_t kLineEnd = 2;
  std::size_t size = 0;
  const auto octets = ReadAtMost(descriptor, file, kMaxPinOctets + kLineEnd, size);
  if (!octets) return octets.error();
  std::string_view text = AsText(octets->View().first(size));
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.empty() || text.size() > kMaxPinOctets) {
    return CannotRead(file, "must hold a PIN of 1 to 255 octets");
  }
  if (text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
    return CannotRead(file, "must hold one line");
  }
  Secret pin(text.size());
  std::ranges::copy(AsBytes(text), pin.Writable().begin());
  return pin;
}

}  // namespace

Result<std::string> ReadSettings(const std::filesystem::path& file) {
  const Descriptor descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!descriptor) return CannotRead(file, std::strerror(errno));
  std::size_t size = 0;
  const auto octets = ReadAtMost(descriptor, file, kMaxConfigOctets, size);
  if (!octets) return octets.error();
  return std::string(AsText(octets->View().first(size)));
}

Result<Config> ParseConfig(std::string_view text, const std::filesystem::path& file,
                           ConfigReport* report) {
  Errors errors(file.filename().string(), report != nullptr ? &report->settings : nullptr);
  const auto wrong = [&] {
    if (report != nullptr) report->errors = errors.Lines();
    return *errors.first();
  };
  toml::table table;
  try {  // Debian's toml++ has no other way to say that a text is not TOML
    table = toml::parse(text, file.string());
  } catch (const toml::parse_error& error) {
    errors.Add(error.source().begin.line, std::string(error.description()));
    return wrong();
  }
  Config config = ReadAll(table, file, errors);
  if (errors.first()) return wrong();
  Flatten(table, "", config.given);
  return config;
}

Result<Config> LoadConfig(const std::filesystem::path& file) {
  const auto text = ReadSettings(file);
  if (!text) return text.error();
  auto config = ParseConfig(*text, file);
  if (!config || config->response_codes.empty()) return config;
  const auto csv = ReadSettings(config->response_codes);
  if (!csv) return csv.error();
  auto answers = AnswerTable::Parse(*csv, config->response_codes.filename().string());
  if (!answers) return std::move(answers).error();
  config->answers = *std::move(answers);
  return config;
}

Result<smki::CertificatePtr> LoadCertificate(const std::filesystem::path& file) {
  const auto octets = ReadSmallFile(file);
  if (!octets) return octets.error();
  const auto found = smki::SplitCertificates(*octets);
  if (!found) return CannotRead(file, found.error().explanation);
  if (found->size() != 1) {
    return Failure(Reason::kConfiguration,
                   file.string() + " does not hold exactly one certificate");
  }
  auto certificate = smki::Certificate::Parse(found->front());
  if (!certificate) return CannotRead(file, certificate.error().explanation);
  return certificate;
}

HttpsServerSettings ServerSettings(const Config& config) {
  HttpsServerSettings settings;
  settings.address = config.listen_address;
  settings.port = config.listen_port;
  settings.access = {{config.tls_certificate, config.tls_key, config.tls_client_ca},
                     config.clients};
  settings.connections = config.connections;
  settings.client_connections = config.client_connections;
  settings.header_octets = config.header_octets;
  settings.header_deadline = config.request;
  settings.body_deadline = config.request;
  settings.idle_deadline = config.idle;
  settings.spool_directory = config.store_directory / "tmp";
  return settings;
}

Result<Secret> ReadPin(const Config& config) {
  if (config.hsm_pin_descriptor) {
    return ReadPinDescriptor(static_cast<int>(*config.hsm_pin_descriptor));
  }
  if (!config.hsm_pin_credential.empty()) {
    return ReadPinCredential(std::getenv("CREDENTIALS_DIRECTORY"), config.hsm_pin_credential);
  }
  return ReadPin(config.hsm_pin_file);
}

Result<Secret> ReadPinCredential(const char* directory, const std::string& name) {
  if (directory == nullptr || *directory != '/') {
    return Failure{Reason::kConfiguration,
                   "hsm.pin_credential: systemd gives this process no credentials (no "
                   "CREDENTIALS_DIRECTORY): add LoadCredential=" +
                       name + ":... to its unit"};
  }
  return ReadPin(std::filesystem::path(directory) / name);
}

Result<Secret> ReadPinDescriptor(int number) {
  const Descriptor descriptor(number);
  return ReadPinFrom(descriptor, "hsm.pin_fd " + std::to_string(number));
}

Result<Secret> ReadPin(const std::filesystem::path& file) {
  // O_NONBLOCK: a FIFO in its place must not hold the start.
  const Descriptor descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!descriptor) {
    return CannotRead(file, errno == ELOOP ? "is a symbolic link" : std::strerror(errno));
  }
  if (const auto good = CheckPinFile(descriptor, file); !good) return good.error();
  return ReadPinFrom(descriptor, file);
}

}  // namespace acb::platform
