// acbd.toml, read once at the start and checked whole: every key is known, every value in its
// range.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "firmware/answer_table.h"
#include "firmware/audit/note.h"
#include "firmware/base/result.h"
#include "firmware/base/secret.h"
#include "firmware/base/sha256.h"
#include "firmware/base/time.h"
#include "firmware/checks/policy.h"
#include "firmware/keys/limits.h"
#include "firmware/ports.h"
#include "firmware/smki/trust.h"
#include "hsm/verify_agreements.h"
#include "platform/admission.h"
#include "platform/http_message.h"
#include "platform/https_server.h"

namespace acb::platform {

// RFC 5280 section 6.1.1 (d): name and public key. Test only (design.md section 10).
struct TrustAnchorSetting {
  std::string name;  // "CN=ZA,OU=00"
  Bytes public_key;  // uncompressed point: 65 octets from 04
};

// Only in environment test (design.md section 10).
struct TestSettings {
  std::optional<UtcTime> validation_time;
  std::vector<TrustAnchorSetting> trust_anchors;
  std::vector<std::string> issuers_without_crl;
  std::vector<Sha256Digest> pinned_signers;
};

// Who cosigns the checkpoints of the log (C2SP tlog-witness).
struct WitnessSetting {
  std::string host;  // of https://host[:port][/prefix]
  std::uint16_t port = 0;
  std::string prefix;        // empty, or "/..." without a last slash
  audit::NoteKey key;        // of type kCosignature
  std::filesystem::path ca;  // PEM: who may have issued its server certificate
};

// R-SEC3-39: a module that a live box may sign with. Texts as the token says them.
struct ApprovedModule {
  std::string manufacturer;
  std::string model;
  std::string firmware;
  std::string certificate;  // its number
  std::string standard;     // "140-3"; "140-2" as an exception (R-NOW-9)
  std::uint64_t level = 0;
  std::string exception_owner;
  std::optional<UtcTime> exception_until;
};

// What the process denies itself (sandbox.h).
struct HardeningSettings {
  bool sandbox = true;            // always in live; absent: false in environment test
  bool require_landlock = false;  // absent: true in live
  std::vector<std::filesystem::path> hsm_files;  // what the module writes beside SoftHSM's token
  std::vector<std::uint16_t> hsm_ports;          // TCP, where the HSM is reached over a network
};

// All paths are absolute, or relative to the directory of the file as resolved.
struct Config {
  std::filesystem::path file;
  smki::Environment environment = smki::Environment::kLive;

  std::string listen_address = "127.0.0.1";
  std::uint16_t listen_port = 8621;

  std::filesystem::path tls_certificate;
  std::filesystem::path tls_key;
  std::filesystem::path tls_client_ca;
  std::vector<KnownClient> clients;
  std::filesystem::path response_codes;        // empty: the built-in answers (R-063-10)
  AnswerTable answers;                         // what that file says: LoadConfig reads it
  std::vector<std::string> handover_channels;  // empty: every channel (R-074-5)

  std::filesystem::path hsm_module;
  std::string hsm_token_label;
  // Where the PIN comes from: one of the three.
  std::filesystem::path hsm_pin_file;  // not empty, or
  std::string hsm_pin_credential;      // not empty: a name in $CREDENTIALS_DIRECTORY, or
  std::optional<std::uint64_t> hsm_pin_descriptor;  // an inherited file descriptor
  hsm::VerifyAgreements hsm_verify_agreements = hsm::VerifyAgreements::kEvery;
  std::chrono::milliseconds hsm_deadline{1500};        // of each operation of the HSM
  std::map<std::string, std::string> hsm_environment;  // set before the module is loaded
  // Held by whoever logs in to the token or changes its objects: one file for all boxes of this
  // machine that use the token. Absent: beside the file that SOFTHSM2_CONF names, else in the store
  // directory.
  std::filesystem::path hsm_lock_file;

  std::vector<ApprovedModule> approved_modules;

  std::filesystem::path store_directory;
  std::uint64_t store_map_size = std::uint64_t{64} << 30;  // octets
  // The window of design.md section 4: how far counters may move between two anchors.
  std::uint64_t anchor_every = 4096;
  // Octets of map and disk kept free: below, new work is refused. Absent: as the store decides.
  std::optional<std::uint64_t> store_reserve;

  std::filesystem::path acb_digital_signing_certificate;
  std::filesystem::path acb_key_agreement_certificate;

  std::vector<std::filesystem::path> trust_roots;
  // Of the device PKI. With any, a device's key agreement certificate needs a path to one of them.
  std::vector<std::filesystem::path> device_roots;
  std::string policy_oid = "1.2.826.0.1.8641679.1.2.1.4";
  // Absent: 13 hours; where test.validation_time fixes the instant that validity is judged at, a
  // list made for that instant has no age to speak of, and nextUpdate alone decides.
  std::optional<std::chrono::hours> crl_max_age;
  std::chrono::hours arl_max_age{366 * 24};

  std::uint64_t counter_jump = std::uint64_t{1} << 48;
  std::uint64_t body_octets = 1024 * 1024;
  std::uint64_t request_octets = 256 * 1024;
  std::uint64_t feed_octets = std::uint64_t{16} << 30;  // some 20 million devices
  std::size_t connections = 1024;
  std::size_t client_connections = 0;  // of one client; 0: as the server decides
  AdmissionLimits admission;  // of handovers; observations have a quarter of it to themselves
  std::uint32_t header_octets = 16 * 1024;
  std::chrono::seconds idle{60};
  std::chrono::seconds request{10};  // for the header, and again for the body

  checks::Policy policy;
  VolumeLimits volume;
  keys::Limits key_limits;

  std::filesystem::path backup_public_key;  // empty: no backup can be made
  std::filesystem::path backup_directory;   // where one is put together; empty: tmp of the store

  std::filesystem::path checkpoint_file;  // each checkpoint is appended to it; empty: to none
  std::vector<WitnessSetting> witnesses;

  HardeningSettings hardening;

  // What the start measures the installed files against (firmware_check.h). Empty: nothing, which
  // is for environment test without [firmware].
  std::filesystem::path firmware_manifest;
  std::filesystem::path firmware_key;

  // Every setting that the file names, by its full name ("client[0].role"), as TOML writes it: what
  // a reload compares.
  std::map<std::string, std::string> given;

  TestSettings test;
};

// A setting as it was read: its value in plain text, and where it stands; line 0: it is a default.
struct SettingRead {
  std::uint32_t line = 0;
  std::string value;
};

// What reading a file found beside the first error.
struct ConfigReport {
  std::vector<std::string> errors;              // "acbd.toml:12: ...", by line
  std::map<std::string, SettingRead> settings;  // every setting that the reader knows
};

inline constexpr std::size_t kMaxWitnesses = 16;
// What a machine with Debian's ca-certificates trusts.
inline constexpr std::string_view kUsualAuthorities = "/etc/ssl/certs/ca-certificates.crt";

// Reads and checks the file, and the table of response codes that it names. References to other
// files are resolved, not opened.
// kConfiguration, explained as "acbd.toml:12: ...": a key that is unknown, missing, twice, of the
// wrong type or out of range; [test] in environment live; a file that cannot be read or is not
// TOML; likewise "response-codes.csv:3: ..." (AnswerTable::Parse).
Result<Config> LoadConfig(const std::filesystem::path& file);
// The settings of a text; `file` names it and is where relative paths start. Opens nothing: the
// answers are the built-in ones.
// `report`, which may be null, gets all that is wrong.
Result<Config> ParseConfig(std::string_view text, const std::filesystem::path& file,
                           ConfigReport* report = nullptr);

// What `text` says of the configuration as a whole; at most `limit` octets are read of a file.
Result<std::string> ReadSettings(const std::filesystem::path& file);

// The settings of the server that the configuration asks for; the caller adds `observe`. Bodies are
// spooled to `tmp` in the store directory.
HttpsServerSettings ServerSettings(const Config& config);

// Exactly one certificate, PEM or DER, of at most 64 KiB. kConfiguration, naming the file.
Result<smki::CertificatePtr> LoadCertificate(const std::filesystem::path& file);

inline constexpr std::size_t kMaxPinOctets = 255;

// The PIN from where the configuration says; a descriptor is closed and can be read once. Nothing
// of it stays in a buffer of ours. kConfiguration.
Result<Secret> ReadPin(const Config& config);
// systemd.exec(5), "Credentials": as ReadPin of that file in `directory`, which may be null.
Result<Secret> ReadPinCredential(const char* directory, const std::string& name);
// The rest of what the descriptor gives, up to its end, without one final line end; closes it.
// Blocks until the other side has closed. kConfiguration.
Result<Secret> ReadPinDescriptor(int descriptor);

// The file's content without one final line end. The file must be a regular one (no symbolic link),
// owned by this user or root, closed to others, not writable by the group. kConfiguration.
Result<Secret> ReadPin(const std::filesystem::path& file);

}  // namespace acb::platform
