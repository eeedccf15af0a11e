#include "tools/bench/raw_token.h"

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "firmware/ports.h"
#include "hsm/key_purpose.h"

namespace acb::bench {
namespace {

constexpr unsigned long kMaxSlots = 64;
constexpr std::size_t kMaxPoint = 128;

Failure Failed(std::string_view what, CK_RV value = CKR_GENERAL_ERROR) {
  return Failure(Reason::kHsmUnavailable, {},
                 std::string(what) + ": PKCS#11 return value " + std::to_string(value));
}

unsigned char* Writable(BytesView octets) { return const_cast<unsigned char*>(octets.data()); }

// PKCS#11 section 3.2: padded with blanks.
bool HasLabel(const CK_TOKEN_INFO& info, std::string_view label) {
  std::string_view text(reinterpret_cast<const char*>(info.label), sizeof info.label);
  text.remove_suffix(text.size() - (text.find_last_not_of(' ') + 1));
  return (info.flags & CKF_TOKEN_INITIALIZED) != 0 && text == label;
}

}  // namespace

struct RawToken::Module {
  Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  ~Module() {
    // Only what this object began is ended: an hsm::Hsm of the process goes on.
    if (call != nullptr && session != CK_INVALID_HANDLE) {
      if (logged_in) (void)call->C_Logout(session);
      (void)call->C_CloseSession(session);
    }
    if (call != nullptr && initialised) (void)call->C_Finalize(nullptr);
    if (library != nullptr) dlclose(library);
  }

  Status Load(const std::filesystem::path& path);
  Status FindSlot(std::string_view label);
  Status Login(const Secret& pin);
  Status FindKeys();
  Result<CK_OBJECT_HANDLE> Find(CK_OBJECT_CLASS object_class, std::string_view label) const;
  Status ReadPoint(CK_OBJECT_HANDLE key);

  void* library = nullptr;
  CK_FUNCTION_LIST* call = nullptr;
  bool initialised = false;
  bool logged_in = false;
  CK_SLOT_ID slot = 0;
  CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
  CK_OBJECT_HANDLE signing_key = CK_INVALID_HANDLE;
  CK_OBJECT_HANDLE agreement_key = CK_INVALID_HANDLE;
  PublicPoint signing_point{};
};

Status RawToken::Module::Load(const std::filesystem::path& path) {
  library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* const entry = library == nullptr ? nullptr : dlsym(library, "C_GetFunctionList");
  if (entry == nullptr) return Failed("cannot load " + path.string());
  if (const CK_RV value = reinterpret_cast<CK_C_GetFunctionList>(entry)(&call); value != CKR_OK) {
    return Failed("C_GetFunctionList", value);
  }
  CK_C_INITIALIZE_ARGS arguments{};
  arguments.flags = CKF_OS_LOCKING_OK;
  const CK_RV value = call->C_Initialize(&arguments);
  initialised = value == CKR_OK;
  if (!initialised && value != CKR_CRYPTOKI_ALREADY_INITIALIZED) {
    return Failed("C_Initialize", value);
  }
  return Done{};
}

Status RawToken::Module::FindSlot(std::string_view label) {
  std::array<CK_SLOT_ID, kMaxSlots> slots{};
  unsigned long count = slots.size();
  if (const CK_RV value = call->C_GetSlotList(CK_TRUE, slots.data(), &count); value != CKR_OK) {
    return Failed("C_GetSlotList", value);
  }
  for (unsigned long i = 0; i < count; ++i) {
    CK_TOKEN_INFO info{};
    if (call->C_GetTokenInfo(slots[i], &info) != CKR_OK || !HasLabel(info, label)) continue;
    slot = slots[i];
    return Done{};
  }
  return Failed("no token \"" + std::string(label) + "\"");
}

Status RawToken::Module::Login(const Secret& pin) {
  const CK_RV opened = call->C_OpenSession(slot, CKF_SERIAL_SESSION, nullptr, nullptr, &session);
  if (opened != CKR_OK) return Failed("C_OpenSession", opened);
  const CK_RV value = call->C_Login(session, CKU_USER, Writable(pin.View()), pin.size());
  logged_in = value == CKR_OK;
  if (!logged_in && value != CKR_USER_ALREADY_LOGGED_IN) return Failed("C_Login", value);
  return Done{};
}

Result<CK_OBJECT_HANDLE> RawToken::Module::Find(CK_OBJECT_CLASS object_class,
                                                std::string_view label) const {
  std::array<CK_ATTRIBUTE, 2> wanted{{{CKA_CLASS, &object_class, sizeof object_class},
                                      {CKA_LABEL, const_cast<char*>(label.data()), label.size()}}};
  const CK_RV began = call->C_FindObjectsInit(session, wanted.data(), wanted.size());
  if (began != CKR_OK) return Failed("C_FindObjectsInit", began);
  CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
  unsigned long count = 0;
  const CK_RV found = call->C_FindObjects(session, &object, 1, &count);
  const CK_RV ended = call->C_FindObjectsFinal(session);
  if (found != CKR_OK || ended != CKR_OK) return Failed("C_FindObjects", found);
  if (count != 1) return Failed("no key \"" + std::string(label) + "\"");
  return object;
}

// CKA_EC_POINT: an OCTET STRING of 04 || x || y.
Status RawToken::Module::ReadPoint(CK_OBJECT_HANDLE key) {
  std::array<std::uint8_t, kMaxPoint> octets{};
  CK_ATTRIBUTE attribute{CKA_EC_POINT, octets.data(), octets.size()};
  const CK_RV read = call->C_GetAttributeValue(session, key, &attribute, 1);
  if (read != CKR_OK) return Failed("C_GetAttributeValue", read);
  if (attribute.ulValueLen < signing_point.size() || attribute.ulValueLen > octets.size()) {
    return Failed("the signing key is not on P-256");
  }
  std::copy_n(octets.data() + (attribute.ulValueLen - signing_point.size()), signing_point.size(),
              signing_point.begin());
  if (!IsOnP256(signing_point)) return Failed("the signing key is not on P-256");
  return Done{};
}

Status RawToken::Module::FindKeys() {
  const auto signing = Find(CKO_PRIVATE_KEY, hsm::kAcbDsLabel);
  if (!signing) return signing.error();
  const auto agreement = Find(CKO_PRIVATE_KEY, hsm::kAcbKaLabel);
  if (!agreement) return agreement.error();
  const auto verifying = Find(CKO_PUBLIC_KEY, hsm::kAcbDsLabel);
  if (!verifying) return verifying.error();
  signing_key = *signing;
  agreement_key = *agreement;
  return ReadPoint(*verifying);
}

Result<std::unique_ptr<RawToken>> RawToken::Open(const TokenPlace& place) {
  auto module = std::make_unique<Module>();
  if (Status loaded = module->Load(place.module_path); !loaded) return loaded.error();
  if (Status found = module->FindSlot(place.label); !found) return found.error();
  if (Status in = module->Login(place.pin); !in) return in.error();
  if (Status keys = module->FindKeys(); !keys) return keys.error();
  return std::unique_ptr<RawToken>(new RawToken(std::move(module)));
}

RawToken::RawToken(std::unique_ptr<Module> module) : module_(std::move(module)) {}
RawToken::~RawToken() = default;

const PublicPoint& RawToken::signing_point() const { return module_->signing_point; }

Result<std::unique_ptr<RawToken::Session>> RawToken::OpenSession() const {
  CK_SESSION_HANDLE handle = CK_INVALID_HANDLE;
  const CK_RV value =
      module_->call->C_OpenSession(module_->slot, CKF_SERIAL_SESSION, nullptr, nullptr, &handle);
  if (value != CKR_OK) return Failed("C_OpenSession", value);
  return std::unique_ptr<Session>(new Session(*module_, handle));
}

RawToken::Session::~Session() { (void)module_.call->C_CloseSession(handle_); }

Result<EcdsaSignature> RawToken::Session::Sign(const Sha256Digest& digest) {
  CK_MECHANISM how{CKM_ECDSA, nullptr, 0};
  const CK_RV ready = module_.call->C_SignInit(handle_, &how, module_.signing_key);
  if (ready != CKR_OK) return Failed("C_SignInit", ready);
  EcdsaSignature signature;
  unsigned long size = signature.size();
  const CK_RV made =
      module_.call->C_Sign(handle_, Writable(digest), digest.size(), signature.data(), &size);
  if (made != CKR_OK || size != signature.size()) return Failed("C_Sign", made);
  return signature;
}

Result<Secret> RawToken::Session::Derive(const PublicPoint& peer) {
  // The template of hsm/session.cc.
  CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
  CK_KEY_TYPE type = CKK_GENERIC_SECRET;
  unsigned long size = kP256ScalarOctets;
  unsigned char yes = CK_TRUE;
  unsigned char no = CK_FALSE;
  std::array<CK_ATTRIBUTE, 7> wanted{{{CKA_CLASS, &object_class, sizeof object_class},
                                      {CKA_KEY_TYPE, &type, sizeof type},
                                      {CKA_VALUE_LEN, &size, sizeof size},
                                      {CKA_TOKEN, &no, sizeof no},
                                      {CKA_PRIVATE, &yes, sizeof yes},
                                      {CKA_SENSITIVE, &no, sizeof no},
                                      {CKA_EXTRACTABLE, &yes, sizeof yes}}};
  CK_ECDH1_DERIVE_PARAMS parameters{CKD_NULL, 0, nullptr, peer.size(), Writable(peer)};
  CK_MECHANISM how{CKM_ECDH1_DERIVE, &parameters, sizeof parameters};
  CK_OBJECT_HANDLE derived = CK_INVALID_HANDLE;
  const CK_RV made = module_.call->C_DeriveKey(handle_, &how, module_.agreement_key, wanted.data(),
                                               wanted.size(), &derived);
  if (made != CKR_OK) return Failed("C_DeriveKey", made);
  Secret secret(kP256ScalarOctets);
  CK_ATTRIBUTE value{CKA_VALUE, secret.Writable().data(), secret.size()};
  const CK_RV read = module_.call->C_GetAttributeValue(handle_, derived, &value, 1);
  const CK_RV destroyed = module_.call->C_DestroyObject(handle_, derived);
  if (read != CKR_OK || destroyed != CKR_OK) return Failed("reading a derived secret", read);
  return secret;
}

}  // namespace acb::bench
