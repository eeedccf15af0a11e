#include "tools/bench/stage_world.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "firmware/checks/signer.h"
#include "firmware/checks/target_certificates.h"
#include "firmware/duis/signature.h"
#include "hsm/key_purpose.h"
#include "hsm/provisioning.h"
#include "hsm/software_key.h"
#include "tests/fakes/reserved_counter.h"
#include "tests/support/test_pki.h"

namespace acb::bench {
namespace {

constexpr const char* kModule = "/usr/lib/softhsm/libsofthsm2.so";
constexpr std::string_view kLabel = "acb";
constexpr std::string_view kPin = "24680135";
constexpr std::string_view kSoPin = "97531864";
constexpr Eui64 kDevice{0x00DB1234567890A0};
constexpr std::uint64_t kCounter = 1301;

Secret ToSecret(std::string_view text) {
  Secret secret(text.size());
  std::ranges::copy(AsBytes(text), secret.Writable().begin());
  return secret;
}

}  // namespace

StageWorld::StageWorld(const std::filesystem::path& parent)
    : now_(*UtcTime::FromIso(testing::TestPki::kNow)), directory_(parent) {}

Result<std::unique_ptr<StageWorld>> StageWorld::Open(const std::filesystem::path& parent) {
  if (Status xml = duis::InitialiseXml(); !xml) return xml.error();
  std::unique_ptr<StageWorld> world(new StageWorld(parent));
  if (Status token = world->OpenToken(); !token) return token.error();
  if (Status read = world->ReadRequest(); !read) return read.error();
  if (Status made = world->SignCommand(); !made) return made.error();
  if (Status filled = world->FillStore(parent); !filled) return filled.error();
  return world;
}

Status StageWorld::OpenToken() {
  const std::filesystem::path& at = directory_.path();
  std::filesystem::create_directory(at / "tokens");
  std::ofstream(at / "softhsm2.conf") << "directories.tokendir = " << (at / "tokens").string()
                                      << "\nobjectstore.backend = file\nlog.level = ERROR\n";
  setenv("SOFTHSM2_CONF", (at / "softhsm2.conf").c_str(), 1);
  const auto settings = [&at] {
    return hsm::HsmSettings{kModule, std::string(kLabel), ToSecret(kPin), at / "lock"};
  };
  Status made = hsm::InitToken(
      hsm::NewToken{kModule, at / "lock", std::string(kLabel), ToSecret(kSoPin), ToSecret(kPin)});
  if (!made) return made;
  {
    const auto provisioning = hsm::Provisioning::Open(settings());
    if (!provisioning) return provisioning.error();
    for (const auto& [label, purpose] :
         {std::pair(hsm::kAcbDsLabel, hsm::KeyPurpose::kSigning),
          std::pair(hsm::kAcbKaLabel, hsm::KeyPurpose::kAgreement),
          std::pair(hsm::kCheckpointLabel, hsm::KeyPurpose::kCheckpoint)}) {
      const auto key = (*provisioning)->GenerateKeyPair(label, purpose);
      if (!key) return key.error();
    }
  }
  auto hsm = hsm::Hsm::Open(settings());
  if (!hsm) return std::move(hsm).error();
  hsm_ = *std::move(hsm);
  auto token = RawToken::Open({kModule, std::string(kLabel), ToSecret(kPin)});
  if (!token) return std::move(token).error();
  token_ = *std::move(token);
  return Done{};
}

Status StageWorld::ReadRequest() {
  const testing::TestPki& pki = testing::TestPki::Get();
  testing::HandoverFields fields = pki.SupplierFields();
  fields.request_id = "90-B3-D5-1F-30-01-00-00:" + kDevice.Hyphenated() + ":1001";
  request_ = pki.Sign(fields);
  trust_ = FreshTrust();
  acb_certificate_ = pki.Certificate("acb-ds");
  acb_ = *acb_certificate_->eui64();

  auto unverified = duis::Parse(AsBytes(request_));
  if (!unverified) return std::move(unverified).error();
  auto found = checks::FindSigner(*trust_, unverified->signer(), now_);
  if (!found) return std::move(found).error();
  signer_ = found->certificate;
  file_.emplace(CaseFile{.octets = AsBytes(request_),
                         .body = Sha256(AsBytes(request_)),
                         .client = "dsp-1",
                         .channel = "gateway",
                         .answers = answers_,
                         .now = now_,
                         .judged_at = now_});
  file_->claimed_id = unverified->claimed_request_id();
  file_->signer = signer_;
  file_->acb_certificate = acb_certificate_;
  auto verified = duis::VerifySignature(*std::move(unverified), signer_);
  if (!verified) return std::move(verified).error();
  file_->request = *std::move(verified);
  auto target = checks::CheckTargetCertificates(*trust_, file_->request->content(), acb_, now_);
  if (!target) return std::move(target).error();
  file_->target = *std::move(target);
  file_->NoteCertificates(*trust_);
  file_->requester = "SUPA";
  return Done{};
}

Status StageWorld::SignCommand() {
  const auto key = hsm::SoftwareKey::Generate();
  if (!key) return key.error();
  device_key_ = key->point();
  file_->device = ScratchDevice(kDevice, 0);
  file_->device->key_agreement = device_key_;
  auto built = gbcs::BuildUpdateSecurityCredentials(file_->target->content(), Counter());
  if (!built) return std::move(built).error();
  command_ = *std::move(built);
  bool lied = false;
  auto made = hsm_->command_signer().SignAndMac(*command_, device_key_, lied);
  if (!made) return std::move(made).error();
  signed_ = *std::move(made);
  return Done{};
}

Status StageWorld::FillStore(const std::filesystem::path& parent) {
  auto store = ScratchStore::Open(parent, now_);
  if (!store) return std::move(store).error();
  store_ = *std::move(store);
  bool given = false;
  const auto next = [this, &given]() -> Result<std::optional<Device>> {
    if (std::exchange(given, true)) return std::optional<Device>();
    return file_->device;
  };
  const auto imported = store_->store().ImportDevices(next, audit::Entry("feed", now_));
  return imported ? Status(Done{}) : Status(imported.error());
}

ReservedCounter StageWorld::Counter() const {
  return testing::Reserve(*file_->claimed_id, RemotePartyRole::kSupplier,
                          *OriginatorCounter::From(kCounter));
}

std::shared_ptr<const smki::Trust> StageWorld::FreshTrust() const {
  return testing::TestPki::Get().Trust();
}

}  // namespace acb::bench
