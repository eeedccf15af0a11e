// What a PKCS#11 module offers of what the appliance needs: one line of JSON with an answer to each
// question. It judges nothing: test_modules.py knows what each module is to answer.
//
//   module_facts mechanisms PATH SLOT
//   module_facts facts PATH LABEL PIN [INITIALISATION ARGUMENT]
//   module_facts find PATH LABEL PIN [INITIALISATION ARGUMENT]     (its own second process)
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <filesystem>
#include <string>
#include <thread>
#include <tuple>

#include "firmware/base/p256.h"
#include "firmware/base/sha256.h"
#include "hsm/software_key.h"
#include "tests/hsm/modules/raw_module.h"

namespace acb::test {
namespace {

// CKD_SHA256_KDF_SP800 of PKCS#11 3.0, which p11-kit's header of Debian 12 does not have.
constexpr CK_ULONG kCkdSha256Sp800 = 0x10;
constexpr std::string_view kMessage = "the contract of a module";
constexpr std::size_t kSecretSize = 32;
constexpr int kSessions = 17;  // 16 for workers and the writer's
constexpr int kThreads = 8;
constexpr int kSignaturesOfThread = 25;

const Octets kP256 = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
const Octets kEd25519 = {0x13, 0x0c, 'e', 'd', 'w', 'a', 'r', 'd', 's', '2', '5', '5', '1', '9'};

struct Where {
  std::string self;
  std::string path;
  std::string label;
  std::string pin;
  std::string argument;
};

struct Pair {
  CK_OBJECT_HANDLE public_half = CK_INVALID_HANDLE;
  CK_OBJECT_HANDLE private_half = CK_INVALID_HANDLE;
};

// As hsm/provisioning.cc makes them; `plain`: no more than what a module cannot guess.
Template PublicHalf(const std::string& label, bool agrees, const Octets& curve, bool plain) {
  Template half;
  half.Flag(CKA_TOKEN, true).Text(CKA_LABEL, label).Text(CKA_ID, label).Raw(CKA_EC_PARAMS, curve);
  if (plain) return half;
  half.Number(CKA_CLASS, CKO_PUBLIC_KEY)
      .Number(CKA_KEY_TYPE, curve == kP256 ? CKK_EC : CKK_EC_EDWARDS)
      .Flag(CKA_PRIVATE, false)
      .Flag(CKA_VERIFY, !agrees);
  return half;
}

Template PrivateHalf(const std::string& label, bool agrees, const Octets& curve, bool plain) {
  Template half;
  half.Flag(CKA_TOKEN, true)
      .Text(CKA_LABEL, label)
      .Text(CKA_ID, label)
      .Flag(CKA_PRIVATE, true)
      .Flag(CKA_SENSITIVE, true)
      .Flag(CKA_EXTRACTABLE, false);
  if (plain) return half;
  half.Number(CKA_CLASS, CKO_PRIVATE_KEY)
      .Number(CKA_KEY_TYPE, curve == kP256 ? CKK_EC : CKK_EC_EDWARDS)
      .Flag(CKA_SIGN, !agrees)
      .Flag(CKA_DERIVE, agrees)
      .Flag(CKA_DECRYPT, false)
      .Flag(CKA_UNWRAP, false)
      .Flag(CKA_SIGN_RECOVER, false);
  return half;
}

class Facts {
 public:
  Facts(const RawModule& module, Where where) : module_(module), where_(std::move(where)) {}

  boost::json::object Ask() {
    if (!Begin()) return answers_;
    AskLogin();
    AskSessions();
    AskObjects();
    AskSigningKey();
    AskAgreementKey();
    AskEdwards();
    AskOtherProcess();
    AskEnd();
    return answers_;
  }

 private:
  void Say(std::string_view question, std::string answer) {
    answers_[question] = std::move(answer);
  }
  void Say(std::string_view question, CK_RV code) { Say(question, Answer(code)); }
  void Say(std::string_view question, bool yes) { Say(question, std::string(yes ? "yes" : "no")); }
  void Say(std::string_view, const char*) = delete;

  bool Begin() {
    CK_RV code = module_.Initialise("");
    Say("initialised without an argument of its own", code);
    if (code != CKR_OK && !where_.argument.empty()) code = module_.Initialise(where_.argument);
    const auto slot = code == CKR_OK ? module_.Find(where_.label) : std::nullopt;
    Say("token found by its label", slot.has_value());
    if (!slot) return false;
    slot_ = *slot;
    CK_TOKEN_INFO info{};
    module_->C_GetTokenInfo(slot_, &info);
    const auto any = [](const auto& field) {
      return std::ranges::any_of(field, [](unsigned char c) { return c != ' ' && c != 0; });
    };
    Say("maker, model and serial number",
        any(info.manufacturerID) && any(info.model) && any(info.serialNumber));
    return module_->C_OpenSession(slot_, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr,
                                  &session_) == CKR_OK;
  }

  CK_RV Login(const std::string& pin) {
    Octets octets(pin.begin(), pin.end());
    return module_->C_Login(session_, CKU_USER, Data(octets), Size(octets));
  }

  void AskLogin() {
    Say("wrong PIN", Login("00000000"));
    Say("right PIN after a wrong one", Login(where_.pin));
    Say("second login", Login(where_.pin));
  }

  void AskSessions() {
    std::vector<CK_SESSION_HANDLE> sessions;
    CK_RV code = CKR_OK;
    for (int i = 0; i < kSessions && code == CKR_OK; ++i) {
      CK_SESSION_HANDLE session = 0;
      code = module_->C_OpenSession(slot_, CKF_SERIAL_SESSION, nullptr, nullptr, &session);
      if (code == CKR_OK) sessions.push_back(session);
    }
    Say("17 sessions at once", code);
    CK_SESSION_INFO info{};
    const bool asked = !sessions.empty() && module_->C_GetSessionInfo(sessions.back(), &info) == 0;
    Say("a login is that of every session", asked && info.state == CKS_RO_USER_FUNCTIONS);
    for (const CK_SESSION_HANDLE session : sessions) module_->C_CloseSession(session);
  }

  // --- Data objects: the anchors ---

  void AskObjects() {
    Template wanted;
    wanted.Number(CKA_CLASS, CKO_DATA)
        .Flag(CKA_TOKEN, true)
        .Flag(CKA_PRIVATE, true)
        .Flag(CKA_MODIFIABLE, false)
        .Text(CKA_APPLICATION, "acb-contract")
        .Text(CKA_LABEL, "acb-contract")
        .Raw(CKA_VALUE, Octets(190, 0x5a));
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    const CK_RV made = module_->C_CreateObject(session_, wanted.data(), wanted.size(), &object);
    Say("private data object made", made);
    if (made != CKR_OK) return;
    Say("data object found by its application",
        Count(CKO_DATA, CKA_APPLICATION, "acb-contract") == 1);
    Octets value(190);
    CK_ATTRIBUTE read{CKA_VALUE, value.data(), Size(value)};
    Say("data object read back",
        module_->C_GetAttributeValue(session_, object, &read, 1) == CKR_OK &&
            read.ulValueLen == 190 && value == Octets(190, 0x5a));
    Template other;
    other.Raw(CKA_VALUE, Octets(190, 0x11));
    Say("data object changed",
        module_->C_SetAttributeValue(session_, object, other.data(), other.size()));
    data_object_ = object;
  }

  int Count(CK_OBJECT_CLASS object_class, CK_ATTRIBUTE_TYPE by, const std::string& text) {
    Template wanted;
    wanted.Number(CKA_CLASS, object_class).Text(by, text);
    constexpr CK_ULONG kMost = 100;
    std::array<CK_OBJECT_HANDLE, kMost> found{};
    CK_ULONG count = 0;
    if (module_->C_FindObjectsInit(session_, wanted.data(), wanted.size()) != CKR_OK) return -1;
    const CK_RV code = module_->C_FindObjects(session_, found.data(), kMost, &count);
    module_->C_FindObjectsFinal(session_);
    return code == CKR_OK ? static_cast<int>(count) : -1;
  }

  // --- Keys ---

  CK_RV Generate(const std::string& label, bool agrees, const Octets& curve, bool plain,
                 Pair& pair) {
    Template public_half = PublicHalf(label, agrees, curve, plain);
    Template private_half = PrivateHalf(label, agrees, curve, plain);
    CK_MECHANISM how{curve == kP256 ? CKM_EC_KEY_PAIR_GEN : CKM_EC_EDWARDS_KEY_PAIR_GEN, nullptr,
                     0};
    return module_->C_GenerateKeyPair(session_, &how, public_half.data(), public_half.size(),
                                      private_half.data(), private_half.size(), &pair.public_half,
                                      &pair.private_half);
  }

  // With our attributes; where the module refuses them with its own, so that more can be asked.
  bool Make(std::string_view question, const std::string& label, bool agrees, Pair& pair) {
    CK_RV code = Generate(label, agrees, kP256, false, pair);
    Say(question, code);
    if (code != CKR_OK) {
      code = Generate(label, agrees, kP256, true, pair);
      Say(std::string(question) + ", with the module's own attributes", code);
    }
    return code == CKR_OK;
  }

  std::optional<bool> Flag(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
    CK_BBOOL value = CK_FALSE;
    CK_ATTRIBUTE read{type, &value, sizeof value};
    if (module_->C_GetAttributeValue(session_, object, &read, 1) != CKR_OK) return {};
    return value == CK_TRUE;
  }

  void AskProtection(const std::string& of, CK_OBJECT_HANDLE key) {
    std::string lacks;
    for (const auto& [name, type, value] :
         {std::tuple("CKA_SENSITIVE", CKA_SENSITIVE, true),
          std::tuple("CKA_EXTRACTABLE", CKA_EXTRACTABLE, false),
          std::tuple("CKA_ALWAYS_SENSITIVE", CKA_ALWAYS_SENSITIVE, true),
          std::tuple("CKA_NEVER_EXTRACTABLE", CKA_NEVER_EXTRACTABLE, true),
          std::tuple("CKA_LOCAL", CKA_LOCAL, true)}) {
      if (Flag(key, type) != value) lacks += std::string(" ") + name;
    }
    Say(of + " never extractable, always sensitive, made in the token",
        lacks.empty() ? std::string("yes") : "but for" + lacks);
    Octets value(256);
    CK_ATTRIBUTE read{CKA_VALUE, value.data(), Size(value)};
    Say(of + " read", module_->C_GetAttributeValue(session_, key, &read, 1));
  }

  Octets PointOf(CK_OBJECT_HANDLE public_half, bool& wrapped) {
    Octets value(256);
    CK_ATTRIBUTE read{CKA_EC_POINT, value.data(), Size(value)};
    if (module_->C_GetAttributeValue(session_, public_half, &read, 1) != CKR_OK) return {};
    value.resize(read.ulValueLen);
    wrapped = value.size() == 67 && value[0] == 0x04 && value[1] == 65;
    return wrapped ? Octets(value.begin() + 2, value.end()) : value;
  }

  CK_RV Sign(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE type,
             Octets& signature) {
    const Sha256Digest sha256 = Sha256(AsBytes(kMessage));
    Octets digest(sha256.begin(), sha256.end());
    CK_MECHANISM how{type, nullptr, 0};
    const CK_RV begun = module_->C_SignInit(session, &how, key);
    if (begun != CKR_OK) return begun;
    signature.assign(256, 0);
    CK_ULONG size = Size(signature);
    const CK_RV code = module_->C_Sign(session, Data(digest), Size(digest), Data(signature), &size);
    signature.resize(code == CKR_OK ? size : 0);
    return code;
  }

  // Asked of OpenSSL.
  static bool Verifies(const Octets& point, const Octets& signature) {
    PublicPoint p{};
    if (point.size() != p.size()) return false;
    std::ranges::copy(point, p.begin());
    const auto key = VerifyingKey::From(p);
    return key && key->VerifyRaw(AsBytes(kMessage), BytesView(signature));
  }

  void AskSigningKey() {
    Pair pair;
    if (!Make("key pair for signing made", "contract-ds", false, pair)) return;
    signs_ = true;
    AskProtection("signing key", pair.private_half);
    bool wrapped = false;
    const Octets point = PointOf(pair.public_half, wrapped);
    Say("public point in an OCTET STRING", wrapped);
    Octets signature;
    const CK_RV code = Sign(session_, pair.private_half, CKM_ECDSA, signature);
    Say("ECDSA", code);
    Say("ECDSA verifies", Verifies(point, signature));
    Say("8 threads sign, each in its session", SignAtOnce(pair.private_half, point));
    Octets secret;
    Say("signing key derives", Derive(pair.private_half, point, false, secret));
    AskWrap(pair.private_half);
  }

  bool SignAtOnce(CK_OBJECT_HANDLE key, const Octets& point) {
    std::array<bool, kThreads> good{};
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        CK_SESSION_HANDLE session = 0;
        bool all =
            module_->C_OpenSession(slot_, CKF_SERIAL_SESSION, nullptr, nullptr, &session) == CKR_OK;
        for (int n = 0; all && n < kSignaturesOfThread; ++n) {
          Octets signature;
          all = Sign(session, key, CKM_ECDSA, signature) == CKR_OK && Verifies(point, signature);
        }
        good[static_cast<std::size_t>(i)] = all;
      });
    }
    for (std::thread& thread : threads) thread.join();
    return std::ranges::all_of(good, [](bool one) { return one; });
  }

  // R-SEC3-42: under a key of the session.
  void AskWrap(CK_OBJECT_HANDLE key) {
    Template wanted;
    wanted.Flag(CKA_TOKEN, false).Flag(CKA_WRAP, true).Number(CKA_VALUE_LEN, kSecretSize);
    CK_MECHANISM generate{CKM_AES_KEY_GEN, nullptr, 0};
    CK_OBJECT_HANDLE wrapping = CK_INVALID_HANDLE;
    if (module_->C_GenerateKey(session_, &generate, wanted.data(), wanted.size(), &wrapping) !=
        CKR_OK) {
      return Say("signing key wrapped", std::string("no key to wrap with"));
    }
    constexpr CK_MECHANISM_TYPE kKeyWrapPad = 0x210A;  // CKM_AES_KEY_WRAP_PAD
    CK_MECHANISM how{kKeyWrapPad, nullptr, 0};
    Octets out(512);
    CK_ULONG size = Size(out);
    const CK_RV code = module_->C_WrapKey(session_, &how, wrapping, key, Data(out), &size);
    Say("signing key wrapped", code == CKR_OK ? std::string("yes") : std::string("refused"));
  }

  CK_RV Derive(CK_OBJECT_HANDLE key, Octets point, bool wrap, Octets& secret,
               CK_ULONG kdf = CKD_NULL) {
    if (wrap) point.insert(point.begin(), {0x04, static_cast<unsigned char>(point.size())});
    CK_ECDH1_DERIVE_PARAMS parameters{kdf, 0, nullptr, Size(point), Data(point)};
    CK_MECHANISM how{CKM_ECDH1_DERIVE, &parameters, sizeof parameters};
    Template wanted;
    wanted.Number(CKA_CLASS, CKO_SECRET_KEY)
        .Number(CKA_KEY_TYPE, CKK_GENERIC_SECRET)
        .Flag(CKA_TOKEN, false)
        .Flag(CKA_SENSITIVE, false)
        .Flag(CKA_EXTRACTABLE, true)
        .Number(CKA_VALUE_LEN, kSecretSize);
    CK_OBJECT_HANDLE derived = CK_INVALID_HANDLE;
    const CK_RV code =
        module_->C_DeriveKey(session_, &how, key, wanted.data(), wanted.size(), &derived);
    if (code != CKR_OK) return code;
    secret.assign(kSecretSize, 0);
    CK_ATTRIBUTE read{CKA_VALUE, secret.data(), Size(secret)};
    const CK_RV got = module_->C_GetAttributeValue(session_, derived, &read, 1);
    module_->C_DestroyObject(session_, derived);
    return got;
  }

  void AskAgreementKey() {
    Pair pair;
    if (!Make("key pair for agreement made", "contract-ka", true, pair)) return;
    AskProtection("agreement key", pair.private_half);
    bool wrapped = false;
    const Octets point = PointOf(pair.public_half, wrapped);
    const auto other = hsm::SoftwareKey::Generate();
    PublicPoint ours{};
    if (!other || point.size() != ours.size()) return Say("ECDH", std::string("no point"));
    std::ranges::copy(point, ours.begin());
    const auto expected = other->Agree(ours);
    const Octets theirs(other->point().begin(), other->point().end());
    Octets secret;
    const CK_RV bare = Derive(pair.private_half, theirs, false, secret);
    Say("ECDH with a bare point", bare);
    Say("ECDH gives the secret",
        bare == CKR_OK && expected && std::ranges::equal(secret, expected->View()));
    Say("ECDH with a point in an OCTET STRING", Derive(pair.private_half, theirs, true, secret));
    Octets off = theirs;
    off.back() ^= 1;
    Say("ECDH with a point off the curve",
        std::string(Derive(pair.private_half, off, false, secret) == CKR_OK ? "yes" : "refused"));
    Say("KDF of SP 800-56A in the module",
        std::string(Derive(pair.private_half, theirs, false, secret, kCkdSha256Sp800) == CKR_OK
                        ? "yes"
                        : "refused"));
    Octets signature;
    Say("agreement key signs", Sign(session_, pair.private_half, CKM_ECDSA, signature));
    AskRequest(pair.private_half, point);
  }

  // MP074: a key agreement key signs its own certificate request (hsm/key_objects.h).
  void AskRequest(CK_OBJECT_HANDLE key, const Octets& point) {
    const auto set = [&](bool may) {
      Template change;
      change.Flag(CKA_SIGN, may);
      return module_->C_SetAttributeValue(session_, key, change.data(), change.size());
    };
    const CK_RV may = set(true);
    Say("agreement key made able to sign", may);
    if (may != CKR_OK) return;
    Octets signature;
    Say("agreement key signs its request",
        Sign(session_, key, CKM_ECDSA, signature) == CKR_OK && Verifies(point, signature));
    Say("agreement key made unable again", set(false));
  }

  void AskEdwards() {
    Pair pair;
    const CK_RV made = Generate("contract-ed", false, kEd25519, false, pair);
    Say("Ed25519 key pair made", made);
    if (made != CKR_OK) return;
    Octets signature;
    Say("EdDSA", Sign(session_, pair.private_half, CKM_EDDSA, signature));
    module_->C_DestroyObject(session_, pair.private_half);
    module_->C_DestroyObject(session_, pair.public_half);
  }

  // --- Two processes ---

  // What another process says that it found: "keys 1 objects 1".
  std::string AskOther() {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) return "no pipe";
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    std::vector<std::string> words = {where_.self,  "find",     where_.path,
                                      where_.label, where_.pin, where_.argument};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_t child = 0;
    const int failed =
        posix_spawn(&child, where_.self.c_str(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    std::string text;
    std::array<char, 256> piece{};
    ssize_t got = 0;
    while (failed == 0 && (got = read(ends[0], piece.data(), piece.size())) > 0) {
      text.append(piece.data(), static_cast<std::size_t>(got));
    }
    close(ends[0]);
    if (failed == 0) waitpid(child, nullptr, 0);
    return text.empty() ? "no answer" : text;
  }

  void AskOtherProcess() {
    const std::string expected = std::string("keys ") + (signs_ ? "1" : "0") + " objects " +
                                 (data_object_ != CK_INVALID_HANDLE ? "1" : "0");
    const std::string found = AskOther();
    Say("another process sees what was made", found == expected ? "yes" : found);
  }

  // --- What must go ---

  void Destroy(const std::string& label) {
    for (const CK_OBJECT_CLASS object_class : {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY}) {
      Template wanted;
      wanted.Number(CKA_CLASS, object_class).Text(CKA_LABEL, label);
      CK_OBJECT_HANDLE found = CK_INVALID_HANDLE;
      CK_ULONG count = 0;
      module_->C_FindObjectsInit(session_, wanted.data(), wanted.size());
      module_->C_FindObjects(session_, &found, 1, &count);
      module_->C_FindObjectsFinal(session_);
      if (count == 1)
        destroyed_ = destroyed_ && module_->C_DestroyObject(session_, found) == CKR_OK;
    }
  }

  void AskEnd() {
    if (data_object_ != CK_INVALID_HANDLE) {
      Say("data object destroyed", module_->C_DestroyObject(session_, data_object_));
    }
    if (signs_) {
      Destroy("contract-ds");
      Destroy("contract-ka");
      Say("keys destroyed", destroyed_ && Count(CKO_PRIVATE_KEY, CKA_LABEL, "contract-ds") == 0 &&
                                Count(CKO_PUBLIC_KEY, CKA_LABEL, "contract-ka") == 0);
    }
    module_->C_Logout(session_);
    Template wanted;
    wanted.Number(CKA_CLASS, CKO_DATA)
        .Flag(CKA_TOKEN, true)
        .Flag(CKA_PRIVATE, true)
        .Text(CKA_LABEL, "acb-contract")
        .Raw(CKA_VALUE, Octets(8, 1));
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    Say("private data object without a login",
        module_->C_CreateObject(session_, wanted.data(), wanted.size(), &object));
    module_->C_Finalize(nullptr);
  }

  const RawModule& module_;
  const Where where_;
  boost::json::object answers_;
  CK_SLOT_ID slot_ = 0;
  CK_SESSION_HANDLE session_ = 0;
  CK_OBJECT_HANDLE data_object_ = CK_INVALID_HANDLE;
  bool signs_ = false;
  bool destroyed_ = true;
};

// The process that AskOther starts.
int Find(const RawModule& module, const Where& where, const std::string& label) {
  CK_RV code = module.Initialise("");
  if (code != CKR_OK && !where.argument.empty()) code = module.Initialise(where.argument);
  const auto slot = code == CKR_OK ? module.Find(where.label) : std::nullopt;
  CK_SESSION_HANDLE session = 0;
  if (!slot || module->C_OpenSession(*slot, CKF_SERIAL_SESSION, nullptr, nullptr, &session) != 0) {
    std::cout << "cannot open: " << Answer(code);
    return 1;
  }
  Octets pin(where.pin.begin(), where.pin.end());
  if (const CK_RV in = module->C_Login(session, CKU_USER, Data(pin), Size(pin)); in != CKR_OK) {
    std::cout << "cannot log in: " << Answer(in);
    return 1;
  }
  for (const auto& [name, object_class, text] :
       {std::tuple("keys ", CKO_PRIVATE_KEY, label),
        std::tuple(" objects ", CKO_DATA, std::string("acb-contract"))}) {
    Template wanted;
    wanted.Number(CKA_CLASS, object_class).Text(CKA_LABEL, text);
    std::array<CK_OBJECT_HANDLE, 8> found{};
    CK_ULONG count = 0;
    if (module->C_FindObjectsInit(session, wanted.data(), wanted.size()) == CKR_OK) {
      module->C_FindObjects(session, found.data(), found.size(), &count);
      module->C_FindObjectsFinal(session);
    }
    std::cout << name << count;
  }
  module->C_Finalize(nullptr);
  return 0;
}

// Of a slot whose token need not be initialised.
int Mechanisms(const RawModule& module, CK_SLOT_ID slot) {
  boost::json::object answers;
  const CK_RV code = module.Initialise("");
  answers["initialised without an argument of its own"] = Answer(code);
  for (const auto& [name, type] :
       {std::pair("key pair for signing made", CKM_EC_KEY_PAIR_GEN), std::pair("ECDSA", CKM_ECDSA),
        std::pair("ECDH", CKM_ECDH1_DERIVE), std::pair("EdDSA", CKM_EDDSA)}) {
    CK_MECHANISM_INFO info{};
    answers[name] = Answer(module->C_GetMechanismInfo(slot, type, &info));
  }
  std::cout << boost::json::serialize(answers) << "\n";
  return code == CKR_OK ? 0 : 1;
}

int Main(int argc, char** argv) {
  const std::vector<std::string> words(argv, argv + argc);
  const std::string how = argc > 1 ? words[1] : "";
  if (how == "mechanisms" && argc == 4) {
    return Mechanisms(RawModule(words[2]), std::stoul(words[3]));
  }
  if ((how != "facts" && how != "find") || argc < 5 || argc > 6) {
    std::cerr << "usage: module_facts mechanisms PATH SLOT | facts PATH LABEL PIN [ARGUMENT]\n";
    return 2;
  }
  const Where where{std::filesystem::read_symlink("/proc/self/exe"), words[2], words[3], words[4],
                    argc > 5 ? words[5] : ""};
  const RawModule module(where.path);
  if (how == "find") return Find(module, where, "contract-ds");
  std::cout << boost::json::serialize(Facts(module, where).Ask()) << "\n";
  return 0;
}

}  // namespace
}  // namespace acb::test

int main(int argc, char** argv) { return acb::test::Main(argc, argv); }
