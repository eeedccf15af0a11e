#include "hsm/session.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace acb::hsm {
namespace {

// A P-256 field element.
constexpr std::size_t kSharedSecretSize = 32;

}  // namespace

Result<Session> Session::Open(const Module& module, CK_SLOT_ID slot, SessionAccess access) {
  const CK_FLAGS flags =
      CKF_SERIAL_SESSION | (access == SessionAccess::kReadWrite ? CKF_RW_SESSION : 0);
  CK_SESSION_HANDLE handle = CK_INVALID_HANDLE;
  const std::uint64_t generation = module.generation();
  const ReturnValue opened = module.CallOf(generation, &CK_FUNCTION_LIST::C_OpenSession, slot,
                                           flags, nullptr, nullptr, &handle);
  if (!opened.ok()) return ToFailure("C_OpenSession", opened);
  return Session(module, slot, access, handle, generation);
}

Session::Session(Session&& other) noexcept
    : module_(other.module_),
      slot_(other.slot_),
      access_(other.access_),
      handle_(std::exchange(other.handle_, CK_INVALID_HANDLE)),
      generation_(other.generation_),
      usable_(std::exchange(other.usable_, false)) {}

Session& Session::operator=(Session&& other) noexcept {
  if (this != &other) {
    Close();
    module_ = other.module_;
    slot_ = other.slot_;
    access_ = other.access_;
    handle_ = std::exchange(other.handle_, CK_INVALID_HANDLE);
    generation_ = other.generation_;
    usable_ = std::exchange(other.usable_, false);
  }
  return *this;
}

void Session::Close() noexcept {
  if (handle_ == CK_INVALID_HANDLE) return;
  // A session that cannot be closed is gone already.
  static_cast<void>(module_->CallOf(generation_, &CK_FUNCTION_LIST::C_CloseSession, handle_));
  handle_ = CK_INVALID_HANDLE;
}

Result<bool> Session::IsLoggedIn() {
  CK_SESSION_INFO info{};
  const ReturnValue read = Call(&CK_FUNCTION_LIST::C_GetSessionInfo, &info);
  if (!read.ok()) return ToFailure("C_GetSessionInfo", read);
  return info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS;
}

Status Session::Renew() {
  usable_ = false;
  auto fresh = Open(*module_, slot_, access_);
  if (!fresh) return std::move(fresh).error();
  *this = *std::move(fresh);
  return Done{};
}

Failure Session::Unusable(std::string detail) {
  usable_ = false;
  return Failure{Reason::kHsmUnavailable, {}, std::move(detail)};
}

Failure Session::Garbled(std::string detail) {
  module_->NoteDeviceError(detail);
  return Unusable(std::move(detail));
}

Result<Bytes> Session::Sign(CK_MECHANISM_TYPE mechanism, CK_OBJECT_HANDLE key, BytesView input,
                            std::size_t size) {
  CK_MECHANISM how{mechanism, nullptr, 0};
  const ReturnValue ready = Call(&CK_FUNCTION_LIST::C_SignInit, &how, key);
  if (!ready.ok()) return ToFailure("C_SignInit", ready);

  Bytes signature(size);
  unsigned long length = signature.size();
  const ReturnValue made =
      Call(&CK_FUNCTION_LIST::C_Sign, Octets(input), input.size(), signature.data(), &length);
  if (!made.ok()) return ToFailure("C_Sign", made);
  if (length != size) return Garbled("C_Sign gave " + std::to_string(length) + " octets");
  return signature;
}

Result<Secret> Session::DeriveEcdh(CK_OBJECT_HANDLE key, const PublicPoint& point) {
  // GBCS's derivation is not one that SoftHSM knows, so the raw secret is read out (design.md
  // section 5). All is said explicitly: modules differ in their defaults (quirk 6).
  CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
  CK_KEY_TYPE type = CKK_GENERIC_SECRET;
  unsigned long size = kSharedSecretSize;
  unsigned char yes = CK_TRUE;
  unsigned char no = CK_FALSE;
  std::array<CK_ATTRIBUTE, 7> wanted{{{CKA_CLASS, &object_class, sizeof object_class},
                                      {CKA_KEY_TYPE, &type, sizeof type},
                                      {CKA_VALUE_LEN, &size, sizeof size},
                                      {CKA_TOKEN, &no, sizeof no},
                                      {CKA_PRIVATE, &yes, sizeof yes},
                                      {CKA_SENSITIVE, &no, sizeof no},
                                      {CKA_EXTRACTABLE, &yes, sizeof yes}}};
  CK_ECDH1_DERIVE_PARAMS parameters{CKD_NULL, 0, nullptr, point.size(), Octets(point)};
  CK_MECHANISM how{CKM_ECDH1_DERIVE, &parameters, sizeof parameters};
  CK_OBJECT_HANDLE derived = CK_INVALID_HANDLE;
  const ReturnValue made =
      Call(&CK_FUNCTION_LIST::C_DeriveKey, &how, key, wanted.data(), wanted.size(), &derived);
  if (!made.ok()) return ToFailure("C_DeriveKey", made);

  auto secret = ReadSecret(derived);
  // Destroyed whether or not it could be read. If even that fails, closing the session, which is
  // now of no use, destroys it: it is a session object.
  if (auto destroyed = Destroy(derived); !destroyed) return std::move(destroyed).error();
  return secret;
}

Result<Secret> Session::ReadSecret(CK_OBJECT_HANDLE object) {
  Secret secret(kSharedSecretSize);
  CK_ATTRIBUTE value{CKA_VALUE, secret.Writable().data(), secret.size()};
  const ReturnValue read = Call(&CK_FUNCTION_LIST::C_GetAttributeValue, object, &value, 1UL);
  if (!read.ok()) return ToFailure("C_GetAttributeValue", read);
  if (value.ulValueLen != secret.size()) {
    return Garbled("a derived secret has " + std::to_string(value.ulValueLen) + " octets");
  }
  return secret;
}

Result<std::vector<CK_OBJECT_HANDLE>> Session::Find(std::span<CK_ATTRIBUTE> wanted,
                                                    std::size_t limit) {
  const ReturnValue ready =
      Call(&CK_FUNCTION_LIST::C_FindObjectsInit, wanted.data(), wanted.size());
  if (!ready.ok()) return ToFailure("C_FindObjectsInit", ready);
  // One more than may be found: to see that there are more.
  std::vector<CK_OBJECT_HANDLE> found(limit + 1);
  std::size_t count = 0;
  // A module may give fewer at a time than it has; only none at all is the end (PKCS#11
  // C_FindObjects).
  for (unsigned long more = 1; more > 0 && count < found.size(); count += more) {
    more = 0;
    const ReturnValue listed =
        Call(&CK_FUNCTION_LIST::C_FindObjects, found.data() + count, found.size() - count, &more);
    if (!listed.ok()) return ToFailure("C_FindObjects", listed);
    if (more > found.size() - count) return Unusable("C_FindObjects gave more than was asked for");
  }
  const ReturnValue ended = Call(&CK_FUNCTION_LIST::C_FindObjectsFinal);
  if (!ended.ok()) return ToFailure("C_FindObjectsFinal", ended);
  if (count > limit)
    return Unusable("more objects than the " + std::to_string(limit) + " expected");
  found.resize(count);
  return found;
}

Result<Bytes> Session::Read(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, std::size_t limit) {
  Bytes octets(limit);
  CK_ATTRIBUTE attribute{type, octets.data(), octets.size()};
  const ReturnValue read = Call(&CK_FUNCTION_LIST::C_GetAttributeValue, object, &attribute, 1UL);
  if (!read.ok()) return ToFailure("C_GetAttributeValue", read);
  if (attribute.ulValueLen > octets.size()) return Unusable("an attribute is of no length");
  octets.resize(attribute.ulValueLen);
  return octets;
}

Result<bool> Session::ReadFlag(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  auto octets = Read(object, type);
  if (!octets) return std::move(octets).error();
  if (octets->size() != 1) return Unusable("an attribute is no truth value");
  return octets->front() != CK_FALSE;
}

Result<unsigned long> Session::ReadNumber(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  auto octets = Read(object, type);
  if (!octets) return std::move(octets).error();
  unsigned long number = 0;
  if (octets->size() != sizeof number) return Unusable("an attribute is no number");
  std::memcpy(&number, octets->data(), sizeof number);  // host byte order: PKCS#11 is an API
  return number;
}

Status Session::Destroy(CK_OBJECT_HANDLE object) {
  const ReturnValue destroyed = Call(&CK_FUNCTION_LIST::C_DestroyObject, object);
  if (!destroyed.ok()) return ToFailure("C_DestroyObject", destroyed);
  return Done{};
}

}  // namespace acb::hsm
