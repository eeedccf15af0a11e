#include "hsm/provisioning.h"

#include <array>

#include "hsm/key.h"
#include "hsm/opened.h"
#include "hsm/operations.h"
#include "hsm/software_key.h"
#include "tests/hsm/test_token.h"
#include "tests/support/shared.h"

namespace acb::hsm {
namespace {

using testing::Why;

class TokenMaking : public testing::TokenTest {};

TEST_F(TokenMaking, RefusesALabelThatExistsAndTakesAnother) {
  ASSERT_TRUE(MakeToken("acb"));
  const auto again = MakeToken("acb");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().reason, Reason::kConfiguration);
  const auto other = MakeToken("acb-2");
  EXPECT_TRUE(other) << Why(other);
}

TEST_F(TokenMaking, RefusesLabelsThatATokenCannotHave) {
  for (const char* label : {"", " acb", "acb ", "123456789012345678901234567890123"}) {
    const auto made = MakeToken(label);
    ASSERT_FALSE(made) << label;
    EXPECT_EQ(made.error().reason, Reason::kConfiguration);
  }
  const auto longest = MakeToken("12345678901234567890123456789012");
  EXPECT_TRUE(longest) << Why(longest);
}

TEST_F(TokenMaking, RefusesAPinThatTheTokenDoesNotTake) {
  const auto made =
      InitToken(NewToken{module_, directory_ / "lock", "acb", testing::ToSecret(testing::kSoPin),
                         testing::ToSecret("12")});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().reason, Reason::kHsmPin) << Why(made);
}

class KeyMaking : public testing::TokenTest {
 protected:
  void SetUp() override {
    TokenTest::SetUp();
    const auto made = MakeToken("acb");
    ASSERT_TRUE(made) << Why(made);
  }
};

TEST_F(KeyMaking, RefusesALabelThatExists) {
  const auto provisioning = StartProvisioning();
  ASSERT_TRUE(provisioning);
  ASSERT_TRUE(provisioning->GenerateKeyPair(kAcbDsLabel, KeyPurpose::kSigning));
  const auto again = provisioning->GenerateKeyPair(kAcbDsLabel, KeyPurpose::kSigning);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().reason, Reason::kConfiguration);
  EXPECT_TRUE(provisioning->GenerateKeyPair("another", KeyPurpose::kSigning));
}

TEST_F(KeyMaking, RefusesAnEmptyLabelAndOneTooLong) {
  const auto provisioning = StartProvisioning();
  ASSERT_TRUE(provisioning);
  EXPECT_FALSE(provisioning->GenerateKeyPair("", KeyPurpose::kSigning));
  EXPECT_FALSE(provisioning->GenerateKeyPair(std::string(65, 'k'), KeyPurpose::kSigning));
  EXPECT_TRUE(provisioning->GenerateKeyPair(std::string(64, 'k'), KeyPurpose::kSigning));
}

TEST_F(KeyMaking, TellsTheAlgorithmOfEachKey) {
  const auto provisioning = StartProvisioning();
  ASSERT_TRUE(provisioning);
  const auto ds = provisioning->GenerateKeyPair(kAcbDsLabel, KeyPurpose::kSigning);
  const auto ka = provisioning->GenerateKeyPair(kAcbKaLabel, KeyPurpose::kAgreement);
  const auto checkpoint = provisioning->GenerateKeyPair(kCheckpointLabel, KeyPurpose::kCheckpoint);
  ASSERT_TRUE(ds && ka && checkpoint) << Why(ds) << Why(ka) << Why(checkpoint);
  EXPECT_EQ(ds->algorithm, KeyAlgorithm::kP256);
  EXPECT_EQ(ka->algorithm, KeyAlgorithm::kP256);
  EXPECT_EQ(checkpoint->algorithm, KeyAlgorithm::kEd25519);
  EXPECT_EQ(checkpoint->octets.size(), 32U);
}

// R-SEC3-42: generated in the module, sensitive, never extractable; reading and wrapping are
// denied.
TEST_F(KeyMaking, KeysStayInTheToken) {
  { ASSERT_TRUE(StartProvisioning()->GenerateKeyPair(kAcbDsLabel, KeyPurpose::kSigning)); }
  HsmSettings settings = Settings();
  auto opened = OpenToken(settings, SessionAccess::kReadWrite);
  ASSERT_TRUE(opened) << Why(opened);
  Session& session = opened->login->session();
  const auto key = Key::Find(session, kAcbDsLabel, KeyPurpose::kSigning);
  ASSERT_TRUE(key) << Why(key);
  EXPECT_TRUE((*key)->generated_in_token());
  const auto value = session.Read((*key)->handle(), CKA_VALUE);
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().detail, "C_GetAttributeValue: CKR_ATTRIBUTE_SENSITIVE");

  unsigned char yes = CK_TRUE;
  CK_ATTRIBUTE weaker{CKA_EXTRACTABLE, &yes, sizeof yes};
  EXPECT_EQ(
      session.Call(&CK_FUNCTION_LIST::C_SetAttributeValue, (*key)->handle(), &weaker, 1UL).code(),
      static_cast<CK_RV>(CKR_ATTRIBUTE_READ_ONLY));
}

TEST_F(KeyMaking, TheIdIsOnBothHalves) {
  { ASSERT_TRUE(StartProvisioning()->GenerateKeyPair(kAcbDsLabel, KeyPurpose::kSigning)); }
  HsmSettings settings = Settings();
  auto opened = OpenToken(settings, SessionAccess::kReadOnly);
  ASSERT_TRUE(opened) << Why(opened);
  Session& session = opened->login->session();
  for (const CK_OBJECT_CLASS half : {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY}) {
    const auto found = FindByLabel(session, half, kAcbDsLabel);
    ASSERT_TRUE(found && found->size() == 1);
    const auto id = session.Read(found->front(), CKA_ID);
    ASSERT_TRUE(id) << Why(id);
    EXPECT_EQ(AsText(*id), kAcbDsLabel);
  }
}

TEST_F(KeyMaking, ALabelThatIsThereTwiceIsRefused) {
  {
    const auto provisioning = StartProvisioning();
    ASSERT_TRUE(provisioning->GenerateKeyPair(kAcbDsLabel, KeyPurpose::kSigning));
    ASSERT_TRUE(provisioning->GenerateKeyPair("other", KeyPurpose::kSigning));
  }
  HsmSettings settings = Settings();
  auto opened = OpenToken(settings, SessionAccess::kReadWrite);
  ASSERT_TRUE(opened) << Why(opened);
  Session& session = opened->login->session();
  ASSERT_TRUE(Key::Find(session, kAcbDsLabel, KeyPurpose::kSigning));

  const auto other = FindByLabel(session, CKO_PRIVATE_KEY, "other");
  ASSERT_TRUE(other && other->size() == 1);
  CK_ATTRIBUTE renamed{CKA_LABEL, Octets(AsBytes(kAcbDsLabel)), kAcbDsLabel.size()};
  ASSERT_TRUE(
      session.Call(&CK_FUNCTION_LIST::C_SetAttributeValue, other->front(), &renamed, 1UL).ok());
  const auto found = Key::Find(session, kAcbDsLabel, KeyPurpose::kSigning);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().reason, Reason::kHsmUnavailable);
  EXPECT_EQ(found.error().detail, "key \"acb-ds\": found 2 private keys of that label");
}

// A key pair as we would not make it.
struct Unfit {
  const char* detail;
  bool in_token;
  bool sensitive;
  bool extractable;
  bool derives;
  std::string_view parameters;  // CKA_EC_PARAMS
};
using namespace std::string_view_literals;
constexpr auto kP256 = "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"sv;
constexpr auto kP384 = "\x06\x05\x2b\x81\x04\x00\x22"sv;

void MakeUnfit(Session& session, std::string_view label, const Unfit& unfit) {
  unsigned char yes = CK_TRUE;
  unsigned char in_token = unfit.in_token;
  unsigned char sensitive = unfit.sensitive;
  unsigned char extractable = unfit.extractable;
  unsigned char derives = unfit.derives;
  std::array<CK_ATTRIBUTE, 3> public_half{
      {{CKA_TOKEN, &in_token, 1},
       {CKA_LABEL, Octets(AsBytes(label)), label.size()},
       {CKA_EC_PARAMS, Octets(AsBytes(unfit.parameters)), unfit.parameters.size()}}};
  std::array<CK_ATTRIBUTE, 6> private_half{{{CKA_TOKEN, &in_token, 1},
                                            {CKA_LABEL, Octets(AsBytes(label)), label.size()},
                                            {CKA_SENSITIVE, &sensitive, 1},
                                            {CKA_EXTRACTABLE, &extractable, 1},
                                            {CKA_DERIVE, &derives, 1},
                                            {CKA_SIGN, &yes, 1}}};
  CK_MECHANISM how{CKM_EC_KEY_PAIR_GEN, nullptr, 0};
  CK_OBJECT_HANDLE made[2];
  const ReturnValue generated = session.Call(
      &CK_FUNCTION_LIST::C_GenerateKeyPair, &how, public_half.data(), public_half.size(),
      private_half.data(), private_half.size(), &made[0], &made[1]);
  ASSERT_TRUE(generated.ok()) << generated.Text();
}

// R-SEC3-42.
TEST_F(KeyMaking, AKeyWeWouldNotHaveMadeIsRefused) {
  HsmSettings settings = Settings();
  auto opened = OpenToken(settings, SessionAccess::kReadWrite);
  ASSERT_TRUE(opened) << Why(opened);
  Session& session = opened->login->session();
  int number = 0;
  for (const Unfit& unfit : {Unfit{"not kept in the token", false, true, false, false, kP256},
                             Unfit{"not sensitive", true, false, false, false, kP256},
                             Unfit{"extractable", true, true, true, false, kP256},
                             Unfit{"wrong purpose (CKA_DERIVE)", true, true, false, true, kP256},
                             Unfit{"another curve than P-256", true, true, false, false, kP384}}) {
    const std::string label = "unfit-" + std::to_string(++number);
    MakeUnfit(session, label, unfit);
    const auto found = Key::Find(session, label, KeyPurpose::kSigning);
    ASSERT_FALSE(found) << unfit.detail;
    EXPECT_EQ(found.error().reason, Reason::kHsmUnavailable);
    EXPECT_EQ(found.error().detail, "key \"" + label + "\": " + unfit.detail);
  }
  MakeUnfit(session, "fit", Unfit{"", true, true, false, false, kP256});
  const auto fit = Key::Find(session, "fit", KeyPurpose::kSigning);
  EXPECT_TRUE(fit) << Why(fit);
}

TEST_F(KeyMaking, AnEdwardsKeyDoesNotSignCommands) {
  { ASSERT_TRUE(StartProvisioning()->GenerateKeyPair("edwards", KeyPurpose::kCheckpoint)); }
  HsmSettings settings = Settings();
  auto opened = OpenToken(settings, SessionAccess::kReadOnly);
  ASSERT_TRUE(opened) << Why(opened);
  const auto found = Key::Find(opened->login->session(), "edwards", KeyPurpose::kSigning);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().detail, "key \"edwards\": another kind of key");
  EXPECT_TRUE(Key::Find(opened->login->session(), "edwards", KeyPurpose::kCheckpoint));
}

// What a swap of labels on the public halves would do: the start test sees it.
TEST_F(KeyMaking, APublicHalfOfAnotherKeyIsRefused) {
  {
    const auto provisioning = StartProvisioning();
    ASSERT_TRUE(provisioning->GenerateKeyPair(kAcbDsLabel, KeyPurpose::kSigning));
    ASSERT_TRUE(provisioning->GenerateKeyPair(kAcbKaLabel, KeyPurpose::kAgreement));
    ASSERT_TRUE(provisioning->GenerateKeyPair(kCheckpointLabel, KeyPurpose::kCheckpoint));
  }
  {
    HsmSettings settings = Settings();
    auto opened = OpenToken(settings, SessionAccess::kReadWrite);
    ASSERT_TRUE(opened) << Why(opened);
    Session& session = opened->login->session();
    const auto ds = FindByLabel(session, CKO_PUBLIC_KEY, kAcbDsLabel);
    const auto ka = FindByLabel(session, CKO_PUBLIC_KEY, kAcbKaLabel);
    ASSERT_TRUE(ds && ka && ds->size() == 1 && ka->size() == 1);
    for (const auto& [half, label] :
         {std::pair{ds->front(), kAcbKaLabel}, std::pair{ka->front(), kAcbDsLabel}}) {
      CK_ATTRIBUTE renamed{CKA_LABEL, Octets(AsBytes(label)), label.size()};
      ASSERT_TRUE(session.Call(&CK_FUNCTION_LIST::C_SetAttributeValue, half, &renamed, 1UL).ok());
    }
  }
  const auto hsm = Hsm::Open(Settings());
  ASSERT_FALSE(hsm);
  EXPECT_EQ(hsm.error().detail, "key \"acb-ds\": the module gave a signature that does not verify");
}

class KeyImport : public KeyMaking {
 protected:
  static Secret File(const char* name) {
    return testing::ToSecret(
        acb::testing::ReadText(acb::testing::SharedDir() / "rtds" / "certificates" / name));
  }
};

TEST_F(KeyImport, KeepsThePublishedTestKeysAndSaysTheyCameFromOutside) {
  ACB_NEED_SHARED();
  {
    const auto provisioning = StartProvisioning();
    const auto ds = provisioning->ImportPrivateKey(kAcbDsLabel, KeyPurpose::kSigning,
                                                   File("90b3d51f30000002-ds.key"));
    ASSERT_TRUE(ds) << Why(ds);
    // gbcs-cs02b.md section 5.5.
    EXPECT_EQ(ToHex(ds->octets).substr(0, 66),
              "0485e3460dc38a905f725582e4465128c40c897ac7b65f64de870c5f099a65fd9e");
    const auto ka = provisioning->ImportPrivateKey(kAcbKaLabel, KeyPurpose::kAgreement,
                                                   File("90b3d51f30000002-ka.key"));
    ASSERT_TRUE(ka) << Why(ka);
    ASSERT_TRUE(provisioning->GenerateKeyPair(kCheckpointLabel, KeyPurpose::kCheckpoint));
  }
  const auto hsm = OpenHsm();
  ASSERT_TRUE(hsm);
  EXPECT_FALSE(hsm->acb_keys_generated_in_token());
}

TEST_F(KeyImport, RefusesWhatIsNoP256PrivateKey) {
  const auto provisioning = StartProvisioning();
  for (const char* file :
       {"", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}) {
    const auto key =
        provisioning->ImportPrivateKey(kAcbDsLabel, KeyPurpose::kSigning, testing::ToSecret(file));
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().reason, Reason::kConfiguration);
  }
  EXPECT_TRUE(provisioning->GenerateKeyPair(kAcbDsLabel, KeyPurpose::kSigning))
      << "the label is still free";
}

TEST_F(KeyImport, RefusesACertificateInPlaceOfAKey) {
  ACB_NEED_SHARED();
  const auto key = StartProvisioning()->ImportPrivateKey(kAcbDsLabel, KeyPurpose::kSigning,
                                                         File("90b3d51f30000002-ds.pem"));
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().reason, Reason::kConfiguration);
}

TEST_F(KeyImport, RefusesALabelThatExistsAndACheckpointKey) {
  ACB_NEED_SHARED();
  const auto provisioning = StartProvisioning();
  ASSERT_TRUE(provisioning->GenerateKeyPair(kAcbDsLabel, KeyPurpose::kSigning));
  const auto again = provisioning->ImportPrivateKey(kAcbDsLabel, KeyPurpose::kSigning,
                                                    File("90b3d51f30000002-ds.key"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().reason, Reason::kConfiguration);
  const auto checkpoint = provisioning->ImportPrivateKey(kCheckpointLabel, KeyPurpose::kCheckpoint,
                                                         File("90b3d51f30000002-ds.key"));
  ASSERT_FALSE(checkpoint);
  EXPECT_EQ(checkpoint.error().reason, Reason::kConfiguration);
}

// The worked numbers of gbcs-cs02b.md section 5.5, with the key in software and in the token.
TEST_F(KeyImport, TheTokenDerivesTheSecretOfTheVector) {
  ACB_NEED_SHARED();
  {
    ASSERT_TRUE(StartProvisioning()->ImportPrivateKey(kAcbKaLabel, KeyPurpose::kAgreement,
                                                      File("90b3d51f30000002-ka.key")));
  }
  PublicPoint device;
  const auto octets = FromHex(
      "0417a20e4bdb3174536e74b6dc353f2f2e4505da0b8c17008c932087db6df040eb"
      "6d7f297144044edf424857380220812c8f22fc249757dc214116adad8908045a");
  ASSERT_TRUE(octets);
  std::ranges::copy(*octets, device.begin());
  const std::string z = "0b405f35956dfe76fd9d3985b9f6222d686d09f5167b80dbc1302474366f369a";

  const auto software = SoftwareKey::FromFile(File("90b3d51f30000002-ka.key"));
  ASSERT_TRUE(software) << Why(software);
  const auto outside = software->Agree(device);
  ASSERT_TRUE(outside) << Why(outside);
  EXPECT_EQ(ToHex(outside->View()), z);

  HsmSettings settings = Settings();
  auto opened = OpenToken(settings, SessionAccess::kReadOnly);
  ASSERT_TRUE(opened) << Why(opened);
  const auto key = Key::Find(opened->login->session(), kAcbKaLabel, KeyPurpose::kAgreement);
  ASSERT_TRUE(key) << Why(key);
  const auto inside = Agree(opened->login->session(), **key, device);
  ASSERT_TRUE(inside) << Why(inside);
  EXPECT_EQ(ToHex(inside->View()), z);
}

// Session secrets pile up until the session closes unless they are destroyed (quirk 6).
TEST_F(KeyImport, NoDerivedSecretStaysInTheSession) {
  { ASSERT_TRUE(StartProvisioning()->GenerateKeyPair(kAcbKaLabel, KeyPurpose::kAgreement)); }
  HsmSettings settings = Settings();
  auto opened = OpenToken(settings, SessionAccess::kReadOnly);
  ASSERT_TRUE(opened) << Why(opened);
  Session& session = opened->login->session();
  const auto key = Key::Find(session, kAcbKaLabel, KeyPurpose::kAgreement);
  ASSERT_TRUE(key) << Why(key);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(TestKey(session, **key));
  CK_OBJECT_CLASS secret = CKO_SECRET_KEY;
  std::array<CK_ATTRIBUTE, 1> wanted{{{CKA_CLASS, &secret, sizeof secret}}};
  const auto left = session.Find(wanted);
  ASSERT_TRUE(left) << Why(left);
  EXPECT_TRUE(left->empty());
}

TEST(SoftwareKeyAgreement, RefusesAPointOffTheCurve) {
  const auto key = SoftwareKey::Generate();
  ASSERT_TRUE(key);
  PublicPoint point = key->point();
  EXPECT_TRUE(key->Agree(point));
  point[64] ^= 1;
  EXPECT_FALSE(key->Agree(point));
}

TEST(PointOnCurve, TakesOnlyTheUncompressedFormOfAPointOnP256) {
  const auto key = SoftwareKey::Generate();
  ASSERT_TRUE(key);
  PublicPoint point = key->point();
  EXPECT_TRUE(IsOnP256(point));
  point[0] = 0x06;  // hybrid
  EXPECT_FALSE(IsOnP256(point));
  point = key->point();
  point[1] ^= 1;
  EXPECT_FALSE(IsOnP256(point));
  EXPECT_FALSE(IsOnP256(PublicPoint{}));
}

}  // namespace
}  // namespace acb::hsm
