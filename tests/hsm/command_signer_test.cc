#include "hsm/command_signer.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <set>
#include <thread>

#include "firmware/gbcs/mac.h"
#include "firmware/gbcs/message.h"
#include "firmware/gbcs/payload.h"
#include "hsm/software_key.h"
#include "tests/hsm/test_token.h"
#include "tests/support/shared.h"

namespace acb::hsm {
namespace {

using testing::SomeCommand;
using testing::Why;

// A device key whose private half is known, to compute the MAC the device would.
SoftwareKey DeviceKey() {
  auto key = SoftwareKey::Generate();
  EXPECT_TRUE(key);
  return *std::move(key);
}

// As the device: from its own private key and the ACB's public one.
bool DeviceAccepts(const gbcs::SignedCommand& command, const SoftwareKey& device, const Hsm& hsm) {
  const auto message = gbcs::Message::Parse(command.octets);
  if (!message || message->form() != gbcs::MessageForm::kSignedAndMaced) return false;
  const auto z = device.Agree(hsm.acb_ka_public());
  if (!z) return false;
  const Secret key = gbcs::DeriveMacKey(*z, message->KeyInfo());
  const gbcs::Mac mac =
      gbcs::ComputeMac(key, gbcs::MakeMacIv(message->header().originator), message->Aad());
  return gbcs::EqualMacs(mac, *message->mac()) &&
         gbcs::VerifySignature(message->ToBeSigned(), *message->signature(), hsm.acb_ds_public());
}

class CommandSigning : public testing::TokenTest {};

TEST_F(CommandSigning, ADeviceAcceptsWhatItSigns) {
  Provision();
  const auto hsm = OpenHsm();
  ASSERT_TRUE(hsm);
  const SoftwareKey device = DeviceKey();
  const auto command =
      testing::SignAndMac(hsm->command_signer(), SomeCommand(1302), device.point());
  ASSERT_TRUE(command) << Why(command);
  EXPECT_TRUE(DeviceAccepts(*command, device, *hsm));
  EXPECT_EQ(hsm->command_signer().sign_operations(), 2U);
  EXPECT_EQ(hsm->command_signer().derive_operations(), 2U);

  gbcs::SignedCommand changed = *command;
  changed.octets[40] ^= 1;
  EXPECT_FALSE(DeviceAccepts(changed, device, *hsm));
}

TEST_F(CommandSigning, RefusesADeviceKeyOffTheCurveWithoutAskingTheHsm) {
  Provision();
  const auto hsm = OpenHsm();
  ASSERT_TRUE(hsm);
  const SoftwareKey device = DeviceKey();
  PublicPoint off_curve = device.point();
  off_curve[64] ^= 1;
  PublicPoint compressed_tag = device.point();
  compressed_tag[0] = 0x02;
  for (const PublicPoint& point : {off_curve, compressed_tag, PublicPoint{}}) {
    const auto command = testing::SignAndMac(hsm->command_signer(), SomeCommand(1302), point);
    ASSERT_FALSE(command);
    EXPECT_EQ(command.error().reason, Reason::kRecordDamaged);
  }
  EXPECT_EQ(hsm->command_signer().sign_operations(), 1U) << "that of the start";
  EXPECT_EQ(hsm->command_signer().derive_operations(), 1U);
  EXPECT_TRUE(testing::SignAndMac(hsm->command_signer(), SomeCommand(1302), device.point()));
}

TEST_F(CommandSigning, EightThreadsSignAtOnceWithFourSessions) {
  Provision();
  const auto hsm = OpenHsm();
  ASSERT_TRUE(hsm);
  const SoftwareKey device = DeviceKey();
  constexpr int kThreads = 8;
  constexpr int kEach = 200;
  std::atomic<int> accepted = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const auto counter = static_cast<std::uint64_t>(t * kEach + i + 1);
        const auto command =
            testing::SignAndMac(hsm->command_signer(), SomeCommand(counter), device.point());
        if (command && DeviceAccepts(*command, device, *hsm)) ++accepted;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(accepted, kThreads * kEach);
  EXPECT_EQ(hsm->command_signer().sign_operations(), 1U + kThreads * kEach);
  EXPECT_EQ(hsm->command_signer().derive_operations(), 1U + kThreads * kEach);
}

// The DCC's 6.21 vectors with the published test keys in the token.
class CommandSigningVector : public testing::TokenTest {
 protected:
  static std::filesystem::path Rtds() { return acb::testing::SharedDir() / "rtds"; }
  static Secret KeyFile(const char* name) {
    return testing::ToSecret(acb::testing::ReadText(Rtds() / "certificates" / name));
  }
  static Bytes Vector(const char* name) {
    std::string hex = acb::testing::ReadText(Rtds() / "gbcs" / name);
    std::erase_if(hex, [](unsigned char c) { return std::isspace(c) != 0; });
    const auto octets = FromHex(hex);
    EXPECT_TRUE(octets);
    return octets.value_or(Bytes{});
  }
  static PublicPoint PointOfCertificate(const char* name) {
    const std::string pem = acb::testing::ReadText(Rtds() / "certificates" / name);
    const Handle<BIO, BIO_free_all> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    const Handle<X509, X509_free> certificate(
        PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    PublicPoint point{};
    std::size_t size = 0;
    EXPECT_EQ(EVP_PKEY_get_octet_string_param(X509_get0_pubkey(certificate.get()), "pub",
                                              point.data(), point.size(), &size),
              1);
    EXPECT_EQ(size, point.size());
    return point;
  }
  void ImportTestKeys() const {
    ASSERT_TRUE(MakeToken("acb"));
    const auto provisioning = StartProvisioning();
    ASSERT_TRUE(provisioning->ImportPrivateKey(kAcbDsLabel, KeyPurpose::kSigning,
                                               KeyFile("90b3d51f30000002-ds.key")));
    ASSERT_TRUE(provisioning->ImportPrivateKey(kAcbKaLabel, KeyPurpose::kAgreement,
                                               KeyFile("90b3d51f30000002-ka.key")));
    ASSERT_TRUE(provisioning->GenerateKeyPair(kCheckpointLabel, KeyPurpose::kCheckpoint));
  }
  // The command of the vector, built anew with another counter.
  static gbcs::UnsignedCommand Rebuild(const gbcs::Message& vector, std::uint64_t counter) {
    auto payload = gbcs::CommandPayload::Parse(vector.payload());
    EXPECT_TRUE(payload) << Why(payload);
    gbcs::HandoverContent content{vector.header().originator,
                                  payload->floor,
                                  payload->prepayment_top_up_floor,
                                  payload->apply_time_based_cpv_checks,
                                  {},
                                  {},
                                  std::nullopt,
                                  {}};
    RemotePartyRole role = RemotePartyRole::kSupplier;
    for (const auto& replacement : payload->replacements) {
      role = replacement.cell.role;
      if (replacement.cell.key_usage == KeyUsage::kDigitalSignature) {
        content.digital_signing_certificate = ToBytes(replacement.certificate);
      } else if (replacement.cell.cell_usage == CellUsage::kManagement) {
        content.key_agreement_certificate = ToBytes(replacement.certificate);
      } else {
        content.key_agreement_top_up_certificate = ToBytes(replacement.certificate);
      }
    }
    for (const BytesView certificate : payload->certification_path) {
      content.certification_path.push_back(ToBytes(certificate));
    }
    auto command = gbcs::BuildUpdateSecurityCredentials(
        content, testing::Minter::Make(vector.header().target, role, counter));
    EXPECT_TRUE(command) << Why(command);
    return *std::move(command);
  }
  static void CheckAgainstSoftware(const gbcs::SignedCommand& command) {
    const auto message = gbcs::Message::Parse(command.octets);
    ASSERT_TRUE(message) << Why(message);
    EXPECT_TRUE(gbcs::VerifySignature(message->ToBeSigned(), *message->signature(),
                                      PointOfCertificate("90b3d51f30000002-ds.pem")));
    const auto ka = SoftwareKey::FromFile(KeyFile("90b3d51f30000002-ka.key"));
    ASSERT_TRUE(ka) << Why(ka);
    const auto z = ka->Agree(PointOfCertificate("00db1234567890a3-ka.pem"));
    ASSERT_TRUE(z) << Why(z);
    const Secret key = gbcs::DeriveMacKey(*z, message->KeyInfo());
    EXPECT_EQ(
        ToHex(gbcs::ComputeMac(key, gbcs::MakeMacIv(message->header().originator), message->Aad())),
        ToHex(*message->mac()));
  }
};

TEST_F(CommandSigningVector, SignsTheVectorsCommandAtTheNextCounter) {
  ACB_NEED_SHARED();
  ImportTestKeys();
  const auto hsm = OpenHsm();
  ASSERT_TRUE(hsm);
  for (const char* name : {"CS02bNOByNOHandover_6.21_SUCCESS_COMMAND_GBCS.HEX",
                           "CS02bSupplierBySupplierHandover_6.21_SUCCESS_COMMAND_GBCS.HEX"}) {
    SCOPED_TRACE(name);
    const Bytes octets = Vector(name);
    const auto vector = gbcs::Message::Parse(octets);
    ASSERT_TRUE(vector) << Why(vector);
    const auto command = testing::SignAndMac(hsm->command_signer(), Rebuild(*vector, 1302),
                                             PointOfCertificate("00db1234567890a3-ka.pem"));
    ASSERT_TRUE(command) << Why(command);
    CheckAgainstSoftware(*command);

    // At the vector's own counter all but signature and MAC is the vector's, octet by octet.
    const auto same =
        testing::SignAndMac(hsm->command_signer(), Rebuild(*vector, vector->header().counter),
                            PointOfCertificate("00db1234567890a3-ka.pem"));
    ASSERT_TRUE(same) << Why(same);
    CheckAgainstSoftware(*same);
    constexpr std::size_t kTail = 64 + 12;
    ASSERT_EQ(same->octets.size(), octets.size());
    EXPECT_TRUE(Equal(BytesView(same->octets).first(octets.size() - kTail),
                      BytesView(octets).first(octets.size() - kTail)));
  }
}

}  // namespace
}  // namespace acb::hsm
