#include "hsm/provisioning.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "hsm/anchor_objects.h"
#include "hsm/held_back.h"
#include "hsm/key.h"
#include "hsm/key_objects.h"
#include "hsm/login.h"
#include "hsm/opened.h"
#include "hsm/operations.h"
#include "hsm/software_key.h"

namespace acb::hsm {
namespace {

constexpr std::size_t kTokenLabelSize = 32;  // CK_TOKEN_INFO::label
constexpr std::size_t kMaxKeyLabel = 64;

Failure NoUse(std::string detail) { return Failure{Reason::kConfiguration, {}, std::move(detail)}; }

// Attributes and the values that they point to; they stay where they are until the call.
class Template {
 public:
  Template() { attributes_.reserve(kMaxAttributes); }
  Template(const Template&) = delete;
  Template& operator=(const Template&) = delete;

  Template& Flag(CK_ATTRIBUTE_TYPE type, bool value) {
    attributes_.push_back({type, value ? &yes_ : &no_, sizeof yes_});
    return *this;
  }
  Template& Number(CK_ATTRIBUTE_TYPE type, const unsigned long& value) {
    attributes_.push_back({type, const_cast<unsigned long*>(&value), sizeof value});
    return *this;
  }
  Template& Raw(CK_ATTRIBUTE_TYPE type, BytesView value) {
    attributes_.push_back({type, Octets(value), value.size()});
    return *this;
  }
  CK_ATTRIBUTE* data() { return attributes_.data(); }
  unsigned long size() const { return attributes_.size(); }

 private:
  static constexpr std::size_t kMaxAttributes = 16;
  unsigned char yes_ = CK_TRUE;
  unsigned char no_ = CK_FALSE;
  std::vector<CK_ATTRIBUTE> attributes_;
};

constexpr unsigned long kPrivateKeyClass = CKO_PRIVATE_KEY;
constexpr unsigned long kPublicKeyClass = CKO_PUBLIC_KEY;
constexpr unsigned long kEcKey = CKK_EC;
constexpr unsigned long kEdwardsKey = CKK_EC_EDWARDS;

// CKA_ID is the label on both halves: labels are unique (ours to see to), and other tools pair keys
// by ID (ecosystem.md section 3, quirk 10).
void DescribePublic(Template& half, std::string_view label, KeyPurpose purpose,
                    const unsigned long& type, BytesView parameters) {
  half.Number(CKA_CLASS, kPublicKeyClass)
      .Number(CKA_KEY_TYPE, type)
      .Flag(CKA_TOKEN, true)
      .Flag(CKA_PRIVATE, false)
      .Flag(CKA_VERIFY, purpose != KeyPurpose::kAgreement)
      .Raw(CKA_LABEL, AsBytes(label))
      .Raw(CKA_ID, AsBytes(label))
      .Raw(CKA_EC_PARAMS, parameters);
}

// R-SEC3-42. Every usage is named, since modules differ in their defaults: one key, one purpose.
void DescribePrivate(Template& half, std::string_view label, KeyPurpose purpose,
                     const unsigned long& type) {
  half.Number(CKA_CLASS, kPrivateKeyClass)
      .Number(CKA_KEY_TYPE, type)
      .Flag(CKA_TOKEN, true)
      .Flag(CKA_PRIVATE, true)
      .Flag(CKA_SENSITIVE, true)
      .Flag(CKA_EXTRACTABLE, false)
      .Flag(CKA_SIGN, purpose != KeyPurpose::kAgreement)
      .Flag(CKA_DERIVE, purpose == KeyPurpose::kAgreement)
      .Flag(CKA_DECRYPT, false)
      .Flag(CKA_UNWRAP, false)
      .Flag(CKA_SIGN_RECOVER, false)
      .Raw(CKA_LABEL, AsBytes(label))
      .Raw(CKA_ID, AsBytes(label));
}

bool HasMechanism(const Module& module, CK_SLOT_ID slot, CK_MECHANISM_TYPE mechanism) {
  CK_MECHANISM_INFO info{};
  return module.Call(&CK_FUNCTION_LIST::C_GetMechanismInfo, slot, mechanism, &info).ok();
}

KeyAlgorithm Choose(const Module& module, CK_SLOT_ID slot, KeyPurpose purpose) {
  const bool edwards = purpose == KeyPurpose::kCheckpoint &&
                       HasMechanism(module, slot, CKM_EDDSA) &&
                       HasMechanism(module, slot, CKM_EC_EDWARDS_KEY_PAIR_GEN);
  return edwards ? KeyAlgorithm::kEd25519 : KeyAlgorithm::kP256;
}

Status CheckLabelIsFree(Session& session, std::string_view label) {
  if (label.empty() || label.size() > kMaxKeyLabel) return NoUse("a key label of no use");
  for (const CK_OBJECT_CLASS object_class : {kPrivateKeyClass, kPublicKeyClass}) {
    auto found = FindByLabel(session, object_class, label);
    if (!found) return std::move(found).error();
    if (!found->empty()) return NoUse("there is a key \"" + std::string(label) + "\" already");
  }
  return Done{};
}

// The two halves of a new key: destroyed again unless kept.
class NewPair {
 public:
  explicit NewPair(Session& session) : session_(session) {}
  ~NewPair() {
    for (const CK_OBJECT_HANDLE half : {private_half, public_half}) {
      if (half != CK_INVALID_HANDLE) static_cast<void>(session_.Destroy(half));
    }
  }
  NewPair(const NewPair&) = delete;
  NewPair& operator=(const NewPair&) = delete;
  void Keep() { private_half = public_half = CK_INVALID_HANDLE; }

  CK_OBJECT_HANDLE private_half = CK_INVALID_HANDLE;
  CK_OBJECT_HANDLE public_half = CK_INVALID_HANDLE;

 private:
  Session& session_;
};

// Found, checked and used as it will be: only then it is a key.
Result<PublicKey> TestNewKey(const Module& module, CK_SLOT_ID slot, std::string_view label,
                             KeyPurpose purpose) {
  // In a session of its own: a failure must leave the other fit to destroy what was made.
  auto session = Session::Open(module, slot, SessionAccess::kReadOnly);
  if (!session) return std::move(session).error();
  auto key = Key::Find(*session, label, purpose);
  if (!key) return std::move(key).error();
  if (auto tested = TestKey(*session, **key); !tested) return std::move(tested).error();
  return (*key)->public_key();
}

Status Generate(Session& session, std::string_view label, KeyPurpose purpose,
                KeyAlgorithm algorithm, NewPair& made) {
  const bool edwards = algorithm == KeyAlgorithm::kEd25519;
  const unsigned long& type = edwards ? kEdwardsKey : kEcKey;
  Template public_half;
  DescribePublic(public_half, label, purpose, type,
                 edwards ? BytesView(kEd25519Parameters) : BytesView(kP256Parameters));
  Template private_half;
  DescribePrivate(private_half, label, purpose, type);
  CK_MECHANISM how{edwards ? CKM_EC_EDWARDS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN, nullptr, 0};
  const ReturnValue generated = session.Call(
      &CK_FUNCTION_LIST::C_GenerateKeyPair, &how, public_half.data(), public_half.size(),
      private_half.data(), private_half.size(), &made.public_half, &made.private_half);
  if (!generated.ok()) return ToFailure("C_GenerateKeyPair", generated);
  return Done{};
}

Status Create(Session& session, std::string_view label, KeyPurpose purpose, const SoftwareKey& key,
              NewPair& made) {
  auto scalar = key.Scalar();
  if (!scalar) return std::move(scalar).error();
  Template private_half;
  DescribePrivate(private_half, label, purpose, kEcKey);
  private_half.Raw(CKA_EC_PARAMS, kP256Parameters).Raw(CKA_VALUE, scalar->View());
  ReturnValue created = session.Call(&CK_FUNCTION_LIST::C_CreateObject, private_half.data(),
                                     private_half.size(), &made.private_half);
  if (!created.ok()) return ToFailure("C_CreateObject (private key)", created);

  // OCTET STRING around the point: PKCS#11 section 2.3.3.
  const Bytes point = ByteWriter()
                          .U8(0x04)
                          .U8(static_cast<std::uint8_t>(key.point().size()))
                          .Raw(key.point())
                          .bytes();
  Template public_half;
  DescribePublic(public_half, label, purpose, kEcKey, kP256Parameters);
  public_half.Raw(CKA_EC_POINT, point);
  created = session.Call(&CK_FUNCTION_LIST::C_CreateObject, public_half.data(), public_half.size(),
                         &made.public_half);
  if (!created.ok()) return ToFailure("C_CreateObject (public key)", created);
  return Done{};
}

Status CheckTokenLabel(std::string_view label) {
  const bool fits = !label.empty() && label.size() <= kTokenLabelSize && label.front() != ' ' &&
                    label.back() != ' ';
  if (!fits) return NoUse("a token label of no use: \"" + std::string(label) + "\"");
  return Done{};
}

// The one token to initialise; SoftHSM always offers exactly one (quirk 4).
Result<CK_SLOT_ID> FindBlankToken(const Module& module, std::string_view label) {
  auto tokens = ListTokens(module);
  if (!tokens) return std::move(tokens).error();
  std::vector<CK_SLOT_ID> blank;
  for (const Token& token : *tokens) {
    if (!token.initialised) {
      blank.push_back(token.slot);
    } else if (token.info.label == label) {
      return NoUse("there is a token \"" + std::string(label) + "\" already");
    }
  }
  if (blank.size() == 1) return blank.front();
  return Failure{Reason::kHsmUnavailable,
                 {},
                 std::to_string(blank.size()) + " tokens are not initialised, not one"};
}

Status SetUserPin(const Module& module, const Token& token, Secret so_pin, const Secret& pin) {
  auto login = Login::Open(module, token, User::kSecurityOfficer, std::move(so_pin),
                           SessionAccess::kReadWrite);
  if (!login) return std::move(login).error();
  const HeldBack whole;
  const ReturnValue set =
      (*login)->session().Call(&CK_FUNCTION_LIST::C_InitPIN, Octets(pin.View()), pin.size());
  if (set.code() == CKR_PIN_INVALID || set.code() == CKR_PIN_LEN_RANGE) {
    return Failure{Reason::kHsmPin, {}, "C_InitPIN: " + set.Text()};
  }
  if (!set.ok()) return ToFailure("C_InitPIN", set);
  return Done{};
}

}  // namespace

Status InitToken(NewToken token) {
  if (auto fits = CheckTokenLabel(token.label); !fits) return fits;
  auto lock = StartLock::Acquire(token.lock_file);
  if (!lock) return std::move(lock).error();
  auto module = Module::Load(token.module_path);
  if (!module) return std::move(module).error();
  auto slot = FindBlankToken(**module, token.label);
  if (!slot) return std::move(slot).error();

  std::array<unsigned char, kTokenLabelSize> padded;
  padded.fill(' ');
  std::ranges::copy(AsBytes(token.label), padded.begin());
  const HeldBack whole;
  const ReturnValue made =
      (*module)->Call(&CK_FUNCTION_LIST::C_InitToken, *slot, Octets(token.so_pin.View()),
                      token.so_pin.size(), padded.data());
  if (made.code() == CKR_PIN_INVALID || made.code() == CKR_PIN_LEN_RANGE ||
      made.code() == CKR_PIN_INCORRECT) {
    return Failure{Reason::kHsmPin, {}, "C_InitToken: " + made.Text()};
  }
  if (!made.ok()) return ToFailure("C_InitToken", made);
  // Looked for anew: an initialised token may sit in another slot than the blank one did (quirk 4).
  auto found = FindToken(**module, token.label);
  if (!found) return std::move(found).error();
  return SetUserPin(**module, *found, std::move(token.so_pin), token.pin);
}

// Destroyed from the last to the first.
struct Provisioning::Parts {
  Opened opened;
  std::filesystem::path lock_file;
  HsmAnchorObjects anchors;

  Parts(Opened logged_in, HsmSettings& settings)
      : opened(std::move(logged_in)),
        lock_file(settings.lock_file),
        anchors(opened, lock_file, std::move(settings.lister)) {}

  Result<PublicKey> Finish(std::string_view label, KeyPurpose purpose, NewPair& made) {
    auto key = TestNewKey(*opened.module, opened.token.slot, label, purpose);
    if (key) made.Keep();
    return key;
  }
  Result<Session> OpenSession() {
    return Session::Open(*opened.module, opened.token.slot, SessionAccess::kReadWrite);
  }
};

Provisioning::Provisioning(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Provisioning::~Provisioning() = default;

Result<std::unique_ptr<Provisioning>> Provisioning::Open(HsmSettings settings) {
  auto lock = StartLock::Acquire(settings.lock_file);
  if (!lock) return std::move(lock).error();
  auto opened = OpenToken(settings, SessionAccess::kReadWrite);
  if (!opened) return std::move(opened).error();
  return std::unique_ptr<Provisioning>(
      new Provisioning(std::make_unique<Parts>(*std::move(opened), settings)));
}

Result<PublicKey> Provisioning::GenerateKeyPair(std::string_view label, KeyPurpose purpose) {
  auto lock = StartLock::Acquire(parts_->lock_file);
  if (!lock) return std::move(lock).error();
  auto session = parts_->OpenSession();
  if (!session) return std::move(session).error();
  if (auto is_free = CheckLabelIsFree(*session, label); !is_free) return std::move(is_free).error();
  const KeyAlgorithm algorithm = Choose(*parts_->opened.module, parts_->opened.token.slot, purpose);
  NewPair made(*session);
  if (auto status = Generate(*session, label, purpose, algorithm, made); !status) {
    return std::move(status).error();
  }
  return parts_->Finish(label, purpose, made);
}

Result<PublicKey> Provisioning::ImportPrivateKey(std::string_view label, KeyPurpose purpose,
                                                 const Secret& key_file) {
  if (purpose == KeyPurpose::kCheckpoint) return NoUse("a checkpoint key is made in the token");
  auto key = SoftwareKey::FromFile(key_file);
  if (!key) return std::move(key).error();
  auto lock = StartLock::Acquire(parts_->lock_file);
  if (!lock) return std::move(lock).error();
  auto session = parts_->OpenSession();
  if (!session) return std::move(session).error();
  if (auto is_free = CheckLabelIsFree(*session, label); !is_free) return std::move(is_free).error();
  NewPair made(*session);
  if (auto status = Create(*session, label, purpose, *key, made); !status) {
    return std::move(status).error();
  }
  return parts_->Finish(label, purpose, made);
}

Result<std::vector<KeyObject>> Provisioning::ListKeys() {
  auto session = parts_->OpenSession();
  if (!session) return std::move(session).error();
  return ReadKeyObjects(*session);
}

Result<PublicKey> Provisioning::TestKeyPair(std::string_view label, KeyPurpose purpose) {
  return TestNewKey(*parts_->opened.module, parts_->opened.token.slot, label, purpose);
}

Result<Bytes> Provisioning::SignRequest(std::string_view label, KeyPurpose purpose,
                                        BytesView request) {
  if (purpose == KeyPurpose::kCheckpoint) return NoUse("a checkpoint key is not certified");
  auto lock = StartLock::Acquire(parts_->lock_file);
  if (!lock) return std::move(lock).error();
  auto session = parts_->OpenSession();
  if (!session) return std::move(session).error();
  if (purpose == KeyPurpose::kAgreement) return SignOwnRequest(*session, label, request);
  const auto key = Key::Find(*session, label, purpose);
  if (!key) return key.error();
  return SignVerified(*session, **key, request);
}

Result<std::vector<Destruction>> Provisioning::DestroyKey(std::string_view label) {
  auto lock = StartLock::Acquire(parts_->lock_file);
  if (!lock) return std::move(lock).error();
  auto session = parts_->OpenSession();
  if (!session) return std::move(session).error();
  return DestroyKeyObjects(*session, label);
}

const TokenInfo& Provisioning::token() const { return parts_->opened.token.info; }

AnchorObjects& Provisioning::anchors() { return parts_->anchors; }

}  // namespace acb::hsm
