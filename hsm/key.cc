#include "hsm/key.h"

#include <algorithm>
#include <array>

namespace acb::hsm {
namespace {

constexpr std::uint8_t kOctetString = 0x04;
constexpr std::size_t kEd25519Octets = 32;

Failure Unfit(std::string_view label, std::string_view why) {
  return Failure{
      Reason::kHsmUnavailable, {}, "key \"" + std::string(label) + "\": " + std::string(why)};
}

Result<CK_OBJECT_HANDLE> FindOnly(Session& session, CK_OBJECT_CLASS object_class,
                                  std::string_view label) {
  auto found = FindByLabel(session, object_class, label);
  if (!found) return std::move(found).error();
  if (found->size() == 1) return found->front();
  // PKCS#11 lets labels repeat (ecosystem.md section 3, quirk 10); we do not guess which one is
  // meant.
  return Unfit(label, "found " + std::to_string(found->size()) + " " +
                          (object_class == CKO_PRIVATE_KEY ? "private" : "public") +
                          " keys of that label");
}

// PKCS#11 wants the point inside an OCTET STRING; some modules give it bare (quirk 7).
BytesView Unwrap(const Bytes& point, std::size_t size) {
  const bool wrapped = point.size() == 2 + size && point[0] == kOctetString && point[1] == size;
  return wrapped ? BytesView(point).subspan(2) : BytesView(point);
}

Result<PublicKey> ReadPublicKey(Session& session, std::string_view label, KeyAlgorithm algorithm) {
  auto object = FindOnly(session, CKO_PUBLIC_KEY, label);
  if (!object) return std::move(object).error();
  auto octets = session.Read(*object, CKA_EC_POINT);
  if (!octets) return std::move(octets).error();

  const std::size_t size = algorithm == KeyAlgorithm::kP256 ? sizeof(PublicPoint) : kEd25519Octets;
  const BytesView point = Unwrap(*octets, size);
  if (point.size() != size) return Unfit(label, "its public point has another length");
  PublicKey key{algorithm, ToBytes(point)};
  if (algorithm == KeyAlgorithm::kP256 && !IsOnP256(ToPoint(key))) {
    return Unfit(label, "its public point is not on P-256");
  }
  return key;
}

Result<KeyAlgorithm> ReadAlgorithm(Session& session, CK_OBJECT_HANDLE key, std::string_view label,
                                   KeyPurpose purpose) {
  auto type = session.ReadNumber(key, CKA_KEY_TYPE);
  if (!type) return std::move(type).error();
  if (purpose == KeyPurpose::kCheckpoint && *type == CKK_EC_EDWARDS) return KeyAlgorithm::kEd25519;
  if (*type != CKK_EC) return Unfit(label, "another kind of key");
  auto parameters = session.Read(key, CKA_EC_PARAMS);
  if (!parameters) return std::move(parameters).error();
  if (!Equal(*parameters, kP256Parameters)) return Unfit(label, "another curve than P-256");
  return KeyAlgorithm::kP256;
}

struct Demand {
  CK_ATTRIBUTE_TYPE attribute;
  bool value;
  std::string_view otherwise;
};

// R-SEC3-42: sensitive and not extractable. And one key, one purpose.
Status CheckAttributes(Session& session, CK_OBJECT_HANDLE key, std::string_view label,
                       KeyPurpose purpose) {
  const bool agrees = purpose == KeyPurpose::kAgreement;
  const std::array<Demand, 5> demands{{{CKA_TOKEN, true, "not kept in the token"},
                                       {CKA_SENSITIVE, true, "not sensitive"},
                                       {CKA_EXTRACTABLE, false, "extractable"},
                                       {CKA_SIGN, !agrees, "wrong purpose (CKA_SIGN)"},
                                       {CKA_DERIVE, agrees, "wrong purpose (CKA_DERIVE)"}}};
  for (const Demand& demand : demands) {
    auto value = session.ReadFlag(key, demand.attribute);
    if (!value) return std::move(value).error();
    if (*value != demand.value) return Unfit(label, demand.otherwise);
  }
  return Done{};
}

Result<bool> WasGeneratedInToken(Session& session, CK_OBJECT_HANDLE key) {
  for (const CK_ATTRIBUTE_TYPE attribute :
       {CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE}) {
    auto value = session.ReadFlag(key, attribute);
    if (!value || !*value) return value;
  }
  return true;
}

}  // namespace

Result<std::vector<CK_OBJECT_HANDLE>> FindByLabel(Session& session, CK_OBJECT_CLASS object_class,
                                                  std::string_view label) {
  std::array<CK_ATTRIBUTE, 2> wanted{{{CKA_CLASS, &object_class, sizeof object_class},
                                      {CKA_LABEL, Octets(AsBytes(label)), label.size()}}};
  return session.Find(wanted);
}

Result<std::unique_ptr<Key>> Key::Find(Session& session, std::string_view label,
                                       KeyPurpose purpose) {
  auto handle = FindOnly(session, CKO_PRIVATE_KEY, label);
  if (!handle) return std::move(handle).error();
  auto algorithm = ReadAlgorithm(session, *handle, label, purpose);
  if (!algorithm) return std::move(algorithm).error();
  if (auto fit = CheckAttributes(session, *handle, label, purpose); !fit) {
    return std::move(fit).error();
  }
  auto public_key = ReadPublicKey(session, label, *algorithm);
  if (!public_key) return std::move(public_key).error();
  auto generated = WasGeneratedInToken(session, *handle);
  if (!generated) return std::move(generated).error();
  return std::unique_ptr<Key>(
      new Key(std::string(label), purpose, *handle, *std::move(public_key), *generated));
}

bool Key::Verifies(BytesView message, BytesView signature) const {
  if (verifying_) return verifying_->VerifyRaw(message, signature);
  return public_key_.algorithm == KeyAlgorithm::kEd25519 && Verify(public_key_, message, signature);
}

Status Key::FindAgain(Session& session) const {
  const auto again = Find(session, label_, purpose_);
  if (!again) return again.error();
  const PublicKey& other = (*again)->public_key();
  if (other.algorithm != public_key_.algorithm || !Equal(other.octets, public_key_.octets)) {
    return Unfit(label_, "it is another key than at the start");
  }
  handle_.store((*again)->handle());
  return Done{};
}

}  // namespace acb::hsm
