#include "hsm/key_objects.h"

#include <algorithm>
#include <array>
#include <utility>

#include "hsm/operations.h"

namespace acb::hsm {
namespace {

using Half = KeyObject::Half;

constexpr std::array<std::pair<CK_OBJECT_CLASS, Half>, 3> kClasses = {
    {{CKO_PRIVATE_KEY, Half::kPrivate},
     {CKO_PUBLIC_KEY, Half::kPublic},
     {CKO_SECRET_KEY, Half::kSecret}}};
constexpr std::uint8_t kOctetString = 0x04;

// Of the token, not of a session: an agreement that is under way has a secret of its own.
Result<std::vector<CK_OBJECT_HANDLE>> FindOfToken(Session& session, CK_OBJECT_CLASS object_class) {
  unsigned char yes = CK_TRUE;
  std::array<CK_ATTRIBUTE, 2> wanted{
      {{CKA_CLASS, &object_class, sizeof object_class}, {CKA_TOKEN, &yes, sizeof yes}}};
  return session.Find(wanted, kMaxKeyObjects);
}

Result<std::string> AlgorithmOf(Session& session, CK_OBJECT_HANDLE object) {
  const auto type = session.ReadNumber(object, CKA_KEY_TYPE);
  if (!type) return type.error();
  if (*type == CKK_EC_EDWARDS) return std::string("Ed25519");
  if (*type != CKK_EC) return std::string("other");
  const auto parameters = session.Read(object, CKA_EC_PARAMS);
  if (!parameters) return parameters.error();
  return std::string(Equal(*parameters, kP256Parameters) ? "P-256" : "other");
}

// PKCS#11 wants the point inside an OCTET STRING; some modules give it bare (quirk 7).
Bytes Unwrapped(Bytes point) {
  const bool wrapped =
      point.size() > 2 && point[0] == kOctetString && point[1] + 2U == point.size();
  return wrapped ? Bytes(point.begin() + 2, point.end()) : point;
}

Status ReadFlags(Session& session, CK_OBJECT_HANDLE object, KeyObject& key) {
  bool local = false;
  bool always = false;
  bool never = false;
  const std::pair<CK_ATTRIBUTE_TYPE, bool*> flags[] = {{CKA_SENSITIVE, &key.sensitive},
                                                       {CKA_EXTRACTABLE, &key.extractable},
                                                       {CKA_SIGN, &key.signs},
                                                       {CKA_DERIVE, &key.derives},
                                                       {CKA_LOCAL, &local},
                                                       {CKA_ALWAYS_SENSITIVE, &always},
                                                       {CKA_NEVER_EXTRACTABLE, &never}};
  for (const auto& [attribute, place] : flags) {
    const auto value = session.ReadFlag(object, attribute);
    if (!value) return value.error();
    *place = *value;
  }
  key.generated_in_token = local && always && never;
  return Done{};
}

Result<KeyObject> ReadKeyObject(Session& session, CK_OBJECT_HANDLE object, Half half) {
  KeyObject key;
  key.half = half;
  const auto label = session.Read(object, CKA_LABEL);
  if (!label) return label.error();
  key.label = std::string(AsText(*label));
  if (half == Half::kSecret) {
    key.algorithm = "other";
  } else {
    auto algorithm = AlgorithmOf(session, object);
    if (!algorithm) return std::move(algorithm).error();
    key.algorithm = *std::move(algorithm);
  }
  if (half != Half::kPublic) {
    if (Status flags = ReadFlags(session, object, key); !flags) return std::move(flags).error();
  } else if (key.algorithm != "other") {
    auto point = session.Read(object, CKA_EC_POINT);
    if (!point) return std::move(point).error();
    key.point = Unwrapped(*std::move(point));
  }
  return key;
}

Status SetSigning(Session& session, CK_OBJECT_HANDLE key, bool may) {
  unsigned char value = may ? CK_TRUE : CK_FALSE;
  CK_ATTRIBUTE attribute{CKA_SIGN, &value, sizeof value};
  const ReturnValue set =
      session.Call(&CK_FUNCTION_LIST::C_SetAttributeValue, key, &attribute, 1UL);
  if (!set.ok()) return ToFailure("C_SetAttributeValue (CKA_SIGN)", set);
  return Done{};
}

// What an earlier call that was cut off has left.
Status TakeSigningBack(Session& session, std::string_view label) {
  const auto found = FindByLabel(session, CKO_PRIVATE_KEY, label);
  if (!found) return found.error();
  for (const CK_OBJECT_HANDLE key : *found) {
    const auto signs = session.ReadFlag(key, CKA_SIGN);
    if (!signs) return signs.error();
    if (!*signs) continue;
    if (Status set = SetSigning(session, key, false); !set) return set;
  }
  return Done{};
}

}  // namespace

std::string_view Name(KeyObject::Half half) {
  switch (half) {
    case Half::kPrivate:
      return "private";
    case Half::kPublic:
      return "public";
    case Half::kSecret:
      return "secret";
  }
  return "";
}

Result<std::vector<KeyObject>> ReadKeyObjects(Session& session) {
  std::vector<KeyObject> keys;
  for (const auto& [object_class, half] : kClasses) {
    const auto found = FindOfToken(session, object_class);
    if (!found) return found.error();
    for (const CK_OBJECT_HANDLE object : *found) {
      auto key = ReadKeyObject(session, object, half);
      if (!key) return std::move(key).error();
      keys.push_back(*std::move(key));
    }
  }
  return keys;
}

Result<std::vector<Destruction>> DestroyKeyObjects(Session& session, std::string_view label) {
  std::vector<std::pair<CK_OBJECT_HANDLE, Half>> objects;
  for (const auto& [object_class, half] : kClasses) {
    const auto found = FindByLabel(session, object_class, label);
    if (!found) return found.error();
    for (const CK_OBJECT_HANDLE object : *found) objects.emplace_back(object, half);
  }
  if (objects.empty()) {
    return Failure(Reason::kNotFound, "the token holds no key \"" + std::string(label) + "\"");
  }
  std::vector<Destruction> done;
  for (const auto& [object, half] : objects) {
    // R-SEC3-45: what the module said, object by object. One that stays does not keep the others.
    const ReturnValue returned = session.Call(&CK_FUNCTION_LIST::C_DestroyObject, object);
    done.push_back({half, returned.Text(), returned.ok()});
  }
  return done;
}

Result<Bytes> SignOwnRequest(Session& session, std::string_view label, BytesView request) {
  if (Status sound = TakeSigningBack(session, label); !sound) return std::move(sound).error();
  const auto key = Key::Find(session, label, KeyPurpose::kAgreement);
  if (!key) return key.error();
  if (Status may = SetSigning(session, (*key)->handle(), true); !may) {
    return std::move(may).error();
  }
  auto signature = SignVerified(session, **key, request);
  // In a session of its own: after a failure this one may be of no use.
  if (Status renewed = session.Renew(); !renewed) return std::move(renewed).error();
  if (Status taken = TakeSigningBack(session, label); !taken) return std::move(taken).error();
  // As the box will look for it: it must be a key for agreement alone again.
  const auto again = Key::Find(session, label, KeyPurpose::kAgreement);
  if (!again) return again.error();
  return signature;
}

}  // namespace acb::hsm
