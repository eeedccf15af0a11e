#include "tools/acbctl/provision.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <sstream>

#include "firmware/answer_table.h"
#include "firmware/checks/acb_certificates.h"
#include "firmware/smki/authority.h"
#include "firmware/smki/bundle.h"
#include "firmware/smki/certificate.h"
#include "hsm/provisioning.h"
#include "platform/backup_file.h"
#include "platform/config.h"
#include "platform/system_clock.h"
#include "store/store.h"
#include "tools/acbctl/new_file.h"
#include "tools/acbctl/remote.h"
#include "tools/acbctl/tls_material.h"

namespace acb::acbctl {
namespace {

constexpr std::uintmax_t kMaxFile = 64 * 1024;
// Name and role; acts of two operators need two.
constexpr std::array<std::pair<const char*, const char*>, 6> kClients = {
    {{"dsp", "dsp"},
     {"northbound", "northbound"},
     {"feed", "feed"},
     {"auditor", "auditor"},
     {"operator", "operator"},
     {"operator2", "operator"}}};

Failure Wrong(std::string what, std::string detail = {}) {
  return Failure(Reason::kConfiguration, std::move(what), std::move(detail));
}

Status WriteNew(const std::filesystem::path& file, std::string_view text) {
  return WriteNewFile(file, AsBytes(text), 0600);
}

std::string RandomHex(std::size_t octets) {
  Secret random(octets);
  if (RAND_bytes(random.Writable().data(), static_cast<int>(octets)) != 1) std::abort();
  return ToHex(random.View());
}

Secret SecretOf(std::string_view text) {
  Secret secret(text.size());
  std::ranges::copy(text, secret.Writable().begin());
  return secret;
}

// "ds=FILE" -> FILE, for the two places.
Result<std::filesystem::path> ImportFor(const ProvisionOptions& options, std::string_view place) {
  for (const std::string& text : options.import_keys) {
    const std::size_t equals = text.find('=');
    const std::string_view name = std::string_view(text).substr(0, equals);
    if (equals == std::string::npos || (name != "ds" && name != "ka")) {
      return Wrong("--import-key takes ds=FILE or ka=FILE, not '" + text + "'");
    }
    if (name == place) return std::filesystem::path(text.substr(equals + 1));
  }
  return std::filesystem::path();
}

Result<smki::CertificatePtr> ReadCertificate(const std::filesystem::path& file) {
  const auto text = ReadWhole(file, kMaxFile);
  if (!text) return text.error();
  const auto found = smki::SplitCertificates(AsBytes(*text));
  if (!found) return Wrong(file.string() + ": " + found.error().explanation);
  if (found->size() != 1) return Wrong(file.string() + " does not hold exactly one certificate");
  auto certificate = smki::Certificate::Parse(found->front());
  if (!certificate) return Wrong(file.string() + ": " + certificate.error().explanation);
  return certificate;
}

// R-SEC3-47: of all parties the ACB alone, and no CA.
Status CheckRole(const std::string& option, const std::filesystem::path& file,
                 const smki::Certificate& certificate) {
  const std::string about = option + " " + file.string() + " (" + certificate.Label() + ") ";
  if (smki::LooksLikeAuthority(certificate)) {
    return Failure(Reason::kRole, about + "is the certificate of a root or issuing CA");
  }
  const auto acb = static_cast<std::uint8_t>(RemotePartyRole::kAccessControlBroker);
  if (certificate.ou_role() != acb) {
    return Failure(Reason::kRole, about + "has not the role ACB (subject OU 04)");
  }
  return Done{};
}

// A string of TOML's basic form.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c);
  }
  return quoted + "\"";
}

std::string Quoted(const std::vector<std::string>& texts) {
  std::string list = "[";
  for (const std::string& text : texts) list += (list.size() > 1 ? ", " : "") + Quoted(text);
  return list + "]";
}

// What the settings of the test environment say; checked before anything is made.
struct TestParts {
  std::vector<std::string> pinned_signers;
  std::vector<std::pair<std::string, std::string>> trust_anchors;
};

class Provisioner {
 public:
  explicit Provisioner(const ProvisionOptions& options)
      : options_(options), directory_(std::filesystem::absolute(options.directory)) {}

  // That the options fit together. Nothing is read or made.
  Status CheckOptions();
  Status Run();
  const std::filesystem::path& directory() const { return directory_; }
  bool began() const { return began_; }
  const std::vector<std::string>& made() const { return made_; }

 private:
  bool test() const { return options_.environment == "test"; }
  bool HasCertificates() const {
    return !options_.acb_ds_certificate.empty() && !options_.acb_ka_certificate.empty();
  }
  Status ReadCertificates();
  Status CheckCertificates() const;
  Status ReadTestParts();
  Status MakeDirectory();
  Status MakeModuleConfiguration();
  Status MakeToken();
  Status AcceptModule(hsm::HsmSettings settings);
  std::filesystem::path LockFile() const { return directory_ / "hsm.lock"; }
  Status MakeKeys();
  Status MakeKey(std::string_view label, hsm::KeyPurpose purpose,
                 const std::filesystem::path& import, const smki::CertificatePtr& certificate);
  Status MakeStore();
  Status MakeTls();
  Status CopyCertificates();
  Status MakeBackupKey();
  Status WriteConfiguration();
  bool IsSoftHsm() const {
    return options_.module.filename().string().find("softhsm") != std::string::npos;
  }

  const ProvisionOptions& options_;
  const std::filesystem::path directory_;
  bool began_ = false;
  std::filesystem::path import_ds_;
  std::filesystem::path import_ka_;
  smki::CertificatePtr acb_ds_;
  smki::CertificatePtr acb_ka_;
  TestParts test_parts_;
  std::vector<std::string> root_files_;
  std::string backup_key_file_;
  std::unique_ptr<hsm::Provisioning> token_;
  audit::Object keys_;
  std::vector<std::string> made_;
};

Status Provisioner::Run() {
  for (const auto step :
       {&Provisioner::ReadCertificates, &Provisioner::ReadTestParts, &Provisioner::MakeDirectory,
        &Provisioner::MakeModuleConfiguration, &Provisioner::MakeToken, &Provisioner::MakeKeys,
        &Provisioner::MakeTls, &Provisioner::CopyCertificates, &Provisioner::MakeBackupKey,
        &Provisioner::WriteConfiguration, &Provisioner::MakeStore}) {
    if (Status done = (this->*step)(); !done) return done;
  }
  sync();  // a PKCS#11 module may write its files without a flush (hsm/provisioning.h)
  return Done{};
}

Status Provisioner::CheckOptions() {
  if (!options_.module.is_absolute()) return Wrong("--module takes an absolute path");
  const bool relaxed = !options_.import_keys.empty() || !options_.trust_anchors.empty() ||
                       !options_.validation_time.empty() || !options_.issuers_without_crl.empty() ||
                       !options_.pinned_signers.empty();
  if (!test() && relaxed) {
    return Wrong(
        "--import-key, --trust-anchor, --validation-time, --issuer-without-crl and "
        "--pinned-signer are for --environment test only");
  }
  auto ds = ImportFor(options_, "ds");
  if (!ds) return std::move(ds).error();
  import_ds_ = *ds;
  auto ka = ImportFor(options_, "ka");
  if (!ka) return std::move(ka).error();
  import_ka_ = *ka;
  if (test() && !HasCertificates()) {
    return Wrong("--acb-ds-certificate and --acb-ka-certificate are needed");
  }
  for (const std::string& text : options_.trust_anchors) {
    const std::size_t equals = text.rfind('=');
    const auto key = equals == std::string::npos ? std::nullopt : FromHex(text.substr(equals + 1));
    if (!key || !smki::Name::FromText(text.substr(0, equals))) {
      return Wrong("--trust-anchor takes NAME=HEX, as CN=ZA,OU=00=04..., not '" + text + "'");
    }
    test_parts_.trust_anchors.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  for (const std::string& text : options_.issuers_without_crl) {
    if (smki::Name::FromText(text)) continue;
    return Wrong("--issuer-without-crl takes a name, as CN=Z1,OU=07, not '" + text + "'");
  }
  return Done{};
}

Status Provisioner::ReadCertificates() {
  if (!HasCertificates()) return Done{};  // live: they follow once the new keys are certified
  auto ds_certificate = ReadCertificate(options_.acb_ds_certificate);
  if (!ds_certificate) return std::move(ds_certificate).error();
  acb_ds_ = *std::move(ds_certificate);
  auto ka_certificate = ReadCertificate(options_.acb_ka_certificate);
  if (!ka_certificate) return std::move(ka_certificate).error();
  acb_ka_ = *std::move(ka_certificate);
  return CheckCertificates();
}

// Before anything is made: a key that is imported for another's certificate would stay in the
// token. Path and validity are the start's to judge, by what it trusts and at its own time.
Status Provisioner::CheckCertificates() const {
  Status role = CheckRole("--acb-ds-certificate", options_.acb_ds_certificate, *acb_ds_);
  if (role) role = CheckRole("--acb-ka-certificate", options_.acb_ka_certificate, *acb_ka_);
  if (!role) return role;
  const std::string both = "--acb-ds-certificate " + options_.acb_ds_certificate.string() +
                           ", --acb-ka-certificate " + options_.acb_ka_certificate.string() + ": ";
  const auto acb = checks::AcbCertificates::From(acb_ds_, acb_ka_);
  if (!acb) return Failure(acb.error().reason, both + acb.error().explanation);
  if (acb_ds_->public_point() == acb_ka_->public_point()) {
    return Failure(Reason::kAcbCert, both + "the ACB's two certificates are of one key");
  }
  return Done{};
}

Status Provisioner::ReadTestParts() {
  for (const auto& file : options_.pinned_signers) {
    auto certificate = ReadCertificate(file);
    if (!certificate) return std::move(certificate).error();
    test_parts_.pinned_signers.push_back(ToHex((*certificate)->sha256()));
  }
  return Done{};
}

Status Provisioner::MakeDirectory() {
  std::error_code error;
  if (std::filesystem::exists(directory_, error) && !std::filesystem::is_empty(directory_, error)) {
    return Wrong(directory_.string() +
                 " exists and is not empty; provisioning never writes over a box");
  }
  std::filesystem::create_directories(directory_, error);
  if (error) return Wrong("cannot create " + directory_.string(), error.message());
  began_ = true;
  std::filesystem::permissions(directory_, std::filesystem::perms::owner_all, error);
  for (const char* name : {"tls", "acb", "trust"}) {
    if (!std::filesystem::create_directory(directory_ / name, error)) {
      return Wrong("cannot create " + (directory_ / name).string(), error.message());
    }
  }
  return Done{};
}

// The one place that knows SoftHSM: where it keeps its tokens.
Status Provisioner::MakeModuleConfiguration() {
  if (!IsSoftHsm()) return Done{};
  std::error_code error;
  std::filesystem::create_directory(directory_ / "tokens", error);
  if (error) return Wrong("cannot create " + (directory_ / "tokens").string(), error.message());
  const std::filesystem::path file = directory_ / "softhsm2.conf";
  Status written = WriteNew(file, "directories.tokendir = " + (directory_ / "tokens").string() +
                                      "\nobjectstore.backend = file\nlog.level = ERROR\n");
  if (written) setenv("SOFTHSM2_CONF", file.c_str(), 1);
  return written;
}

Status Provisioner::MakeToken() {
  constexpr std::size_t kPinOctets = 16;
  const std::string pin = RandomHex(kPinOctets);
  const std::string so_pin = RandomHex(kPinOctets);
  if (Status written = WriteNew(directory_ / "pin", pin + "\n"); !written) return written;
  if (Status written = WriteNew(directory_ / "so-pin", so_pin + "\n"); !written) return written;
  Status token = hsm::InitToken({.module_path = options_.module,
                                 .lock_file = LockFile(),
                                 .label = options_.token_label,
                                 .so_pin = SecretOf(so_pin),
                                 .pin = SecretOf(pin)});
  if (!token) return token;
  const auto settings = [&] {
    return hsm::HsmSettings{.module_path = options_.module,
                            .token_label = options_.token_label,
                            .pin = SecretOf(pin),
                            .lock_file = LockFile()};
  };
  if (Status accepted = AcceptModule(settings()); !accepted) return accepted;
  hsm::HsmSettings login = settings();
  auto lister = hsm::Lister::Start(login);
  if (!lister) return std::move(lister).error();
  login.lister = *std::move(lister);
  auto opened = hsm::Provisioning::Open(std::move(login));
  if (!opened) return std::move(opened).error();
  token_ = *std::move(opened);
  return Done{};
}

// design.md section 5: the anchors rest on it that of two boxes one sees the other.
Status Provisioner::AcceptModule(hsm::HsmSettings settings) {
  const int rounds = options_.module_test_rounds;
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  Status accepted = hsm::AcceptModule(std::move(settings), rounds, [&](int done) {
    if (terminal) std::cerr << "\r\033[Ktesting the module: " << done << " of " << rounds;
  });
  if (terminal) std::cerr << "\r\033[K";
  if (accepted) {
    made_.push_back(
        "module accepted: of two processes that create and then list, one sees the "
        "other, " +
        std::to_string(rounds) + " times");
  }
  return accepted;
}

Status Provisioner::MakeKeys() {
  Status key = MakeKey(hsm::kAcbDsLabel, hsm::KeyPurpose::kSigning, import_ds_, acb_ds_);
  if (key) key = MakeKey(hsm::kAcbKaLabel, hsm::KeyPurpose::kAgreement, import_ka_, acb_ka_);
  if (key) key = MakeKey(hsm::kCheckpointLabel, hsm::KeyPurpose::kCheckpoint, {}, nullptr);
  return key;
}

Status Provisioner::MakeKey(std::string_view label, hsm::KeyPurpose purpose,
                            const std::filesystem::path& import,
                            const smki::CertificatePtr& certificate) {
  std::optional<Result<hsm::PublicKey>> made;
  if (import.empty()) {
    made = token_->GenerateKeyPair(label, purpose);
  } else {
    auto file = ReadWhole(import, kMaxFile);
    if (!file) return std::move(file).error();
    made = token_->ImportPrivateKey(label, purpose, SecretOf(*file));
  }
  if (!*made) return std::move(*made).error();
  const hsm::PublicKey& key = **made;
  if (certificate) {
    const auto point = certificate->public_point();
    if (!point || !Equal(*point, key.octets)) {
      return Wrong("the certificate given for " + std::string(label) +
                   " is not of that key: " + certificate->Label());
    }
  }
  keys_.emplace(std::string(label),
                audit::Object{{"public_sha256", ToHex(Sha256(key.octets))},
                              {"source", import.empty() ? "generated in the token" : "imported"}});
  made_.push_back("key " + std::string(label) + (import.empty() ? ", generated" : ", imported"));
  return Done{};
}

Status Provisioner::MakeTls() {
  auto authority = TlsAuthority::Make();
  if (!authority) return std::move(authority).error();
  const std::filesystem::path tls = directory_ / "tls";
  if (Status ca = WriteNew(tls / "ca.pem", authority->certificate_pem()); !ca) return ca;
  const auto write = [&](const std::string& name, const Result<TlsIdentity>& identity) -> Status {
    if (!identity) return identity.error();
    Status written = WriteNew(tls / (name + ".pem"), identity->certificate_pem);
    if (written) written = WriteNew(tls / (name + ".key"), identity->key_pem);
    return written;
  };
  if (Status server = write("server", authority->IssueServer("acbd.acb.test")); !server)
    return server;
  for (const auto& [name, role] : kClients) {
    auto issued = authority->IssueClient(std::string(name) + ".acb.test");
    if (Status client = write(name, issued); !client) return client;
  }
  made_.push_back("TLS authority, server and client certificates (tls/)");
  return Done{};
}

Status Provisioner::CopyCertificates() {
  const auto copy = [&](const std::filesystem::path& from, const std::string& to) -> Status {
    const auto text = ReadWhole(from, kMaxFile);
    if (!text) return text.error();
    return WriteNew(directory_ / to, *text);
  };
  if (acb_ds_) {
    if (Status done = copy(options_.acb_ds_certificate, "acb/ds.pem"); !done) return done;
    if (Status done = copy(options_.acb_ka_certificate, "acb/ka.pem"); !done) return done;
  }
  for (const auto& root : options_.roots) {
    if (auto read = ReadCertificate(root); !read) return std::move(read).error();
    root_files_.push_back("trust/root-" + std::to_string(root_files_.size() + 1) + ".pem");
    if (Status done = copy(root, root_files_.back()); !done) return done;
  }
  return Done{};
}

// R-SEC3-78: the box can write backups and never read them. A test box gets a pair to try them out
// with.
Status Provisioner::MakeBackupKey() {
  if (!options_.backup_key.empty()) {
    if (auto key = platform::ReadBackupPublicKey(options_.backup_key); !key) {
      return std::move(key).error();
    }
    const auto text = ReadWhole(options_.backup_key, kMaxFile);
    if (!text) return text.error();
    backup_key_file_ = "backup-key.pem";
    return WriteNew(directory_ / backup_key_file_, *text);
  }
  if (!test()) return Done{};
  const auto pair = MakeKeyPair();
  if (!pair) return pair.error();
  backup_key_file_ = "backup-key.pem";
  const std::filesystem::path private_file = directory_ / "tls" / "backup-private.pem";
  if (Status done = WriteNew(directory_ / backup_key_file_, pair->public_pem); !done) return done;
  if (Status done = WriteNew(private_file, pair->private_pem); !done) return done;
  made_.push_back("backup key pair; take its private half off the box: " + private_file.string());
  return Done{};
}

Status Provisioner::WriteConfiguration() {
  std::ostringstream toml;
  toml << "# Made by acbctl provision. The environment is fixed in the store; it cannot be changed "
          "here.\n"
       << "environment = " << Quoted(options_.environment) << "\n\n"
       << "[listen]\naddress = \"127.0.0.1\"\nport = " << options_.port << "\n\n"
       << "[tls]\ncertificate = \"tls/server.pem\"\nkey = \"tls/server.key\"\nclient_ca = "
          "\"tls/ca.pem\"\n\n";
  for (const auto& [name, role] : kClients) {
    toml << "[[client]]\nidentity = " << Quoted(std::string(name) + ".acb.test")
         << "\nrole = " << Quoted(role) << "\n\n";
  }
  toml << "[hsm]\nmodule = " << Quoted(options_.module.string())
       << "\ntoken_label = " << Quoted(options_.token_label) << "\npin_file = \"pin\"\n"
       << "# One for all boxes of this machine that use the token.\nlock_file = "
       << Quoted(LockFile().string()) << "\n\n";
  if (IsSoftHsm()) {
    toml << "[hsm.environment]\nSOFTHSM2_CONF = " << Quoted((directory_ / "softhsm2.conf").string())
         << "\n\n";
  }
  toml << "[store]\ndirectory = \"store\"\n\n"
       << "[acb]\ndigital_signing_certificate = \"acb/ds.pem\"\nkey_agreement_certificate = "
          "\"acb/ka.pem\"\n\n"
       << "[answers]\nresponse_codes = \"response-codes.csv\"\n\n"
       << "[trust]\nroots = " << Quoted(root_files_) << "\n\n"
       << "# Thresholds set by the DCC: handovers in a rolling hour and day; 0 for none.\n"
       << "[volume]\n"
       << (test() ? "user_hour = 1000000\nuser_day = 10000000\ntotal_hour = 1000000\ntotal_day = "
                    "10000000\n"
                  : "user_hour = 2000\nuser_day = 20000\ntotal_hour = 10000\ntotal_day = 100000\n");
  if (!backup_key_file_.empty()) {
    toml << "\n[backup]\npublic_key = " << Quoted(backup_key_file_) << "\n";
  } else {
    toml << "\n# P-256 public key or certificate in PEM; the private key is kept off the box.\n"
            "# [backup]\n# public_key = \"backup-key.pem\"\n";
  }
  if (test()) {
    toml << "\n# Only environment test may relax these (README, \"Test environment\").\n[test]\n";
    if (!options_.validation_time.empty()) {
      toml << "validation_time = " << Quoted(options_.validation_time) << "\n";
    }
    toml << "trust_anchors = [";
    for (const auto& [name, key] : test_parts_.trust_anchors) {
      toml << "\n  { name = " << Quoted(name) << ", public_key = " << Quoted(key) << " },";
    }
    toml << "]\nissuers_without_crl = " << Quoted(options_.issuers_without_crl)
         << "\npinned_signers = " << Quoted(test_parts_.pinned_signers) << "\n";
  }
  // R-063-10: every reason with its code, for the site to change.
  Status codes = WriteNew(directory_ / "response-codes.csv", AnswerTable().Csv());
  if (!codes) return codes;
  const std::filesystem::path file = directory_ / "acbd.toml";
  if (Status written = WriteNew(file, toml.str()); !written) return written;
  auto checked = platform::LoadConfig(file);
  if (!checked) return std::move(checked).error();
  return Done{};
}

// Last, so that the record of provisioning tells what was made.
Status Provisioner::MakeStore() {
  store::Identity identity;
  identity.environment = test() ? store::Environment::kTest : store::Environment::kLive;
  if (RAND_bytes(identity.id.data(), static_cast<int>(identity.id.size())) != 1) {
    return Wrong("OpenSSL has no random numbers");
  }
  const platform::SystemClock clock;
  identity.created = clock.Now();
  const std::filesystem::path directory = directory_ / "store";
  if (Status created = store::Store::Create(directory, identity); !created) return created;
  auto store = store::Store::Open({.directory = directory, .environment = identity.environment});
  if (!store) return std::move(store).error();
  audit::Entry entry("provision", clock.Now());
  entry.Set("store", ToHex(identity.id))
      .Set("module", options_.module.string())
      .Set("token", options_.token_label)
      .Set("keys", keys_);
  // P1: the first anchor. From now on a store that is missing, older or another one cannot start.
  if (Status done = (*store)->Provision(token_->anchors(), entry, platform::Config().anchor_every);
      !done)
    return done;
  std::error_code error;
  std::filesystem::create_directory(directory / "tmp", error);  // for the bodies of large feeds
  if (error) return Wrong("cannot create " + (directory / "tmp").string(), error.message());
  made_.push_back("store " + ToHex(identity.id));
  return Done{};
}

}  // namespace

int Provision(const ProvisionOptions& options) {
  Provisioner provisioner(options);
  if (Status good = provisioner.CheckOptions(); !good)
    return Misused(good.error().explanation, options.json);
  if (Status done = provisioner.Run(); !done) {
    if (provisioner.began()) {
      std::error_code ignored;
      std::filesystem::remove_all(provisioner.directory(), ignored);
    }
    return options.json ? Refuse(done.error(), true) : Complain(done.error());
  }
  const std::string next = "acbd --config " + (provisioner.directory() / "acbd.toml").string();
  if (options.json) {
    const boost::json::array made(provisioner.made().begin(), provisioner.made().end());
    std::cout << boost::json::serialize(
                     boost::json::object{{"directory", provisioner.directory().string()},
                                         {"environment", options.environment},
                                         {"made", made},
                                         {"next", next}})
              << "\n";
    return kGood;
  }
  std::cout << "provisioned " << provisioner.directory().string() << " for environment "
            << options.environment << "\n";
  for (const std::string& line : provisioner.made()) std::cout << "  " << line << "\n";
  if (options.environment == "test") {
    std::cout << "  this is a TEST box: nothing it signs may reach a live device\n";
  }
  std::cout << "next: " << next << "\n";
  return kGood;
}

}  // namespace acb::acbctl
