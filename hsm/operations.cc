#include "hsm/operations.h"

#include <openssl/crypto.h>

#include <string>
#include <string_view>

#include "firmware/base/sha256.h"
#include "hsm/software_key.h"

namespace acb::hsm {
namespace {

constexpr std::size_t kSignatureSize = 64;  // ECDSA P-256 and Ed25519 alike

// What the ACB's key signs at every start. It can never be taken for a GBCS message: the signed
// octets of one begin with 09, the length of its transaction identifier (gbcs-cs02b.md
// section 5.4), this with a letter; and it says itself what it is.
constexpr std::string_view kTestMessage =
    "ACB handover appliance: known-answer test of a signing key. This is not a GBCS message.";
static_assert(kTestMessage.front() != 0x09);

Failure Failed(const Key& key, std::string_view what) {
  return Failure{Reason::kHsmUnavailable, {}, "key \"" + key.label() + "\": " + std::string(what)};
}

// A result that is wrong says more of the device than an error does.
Failure Lied(const Session& session, const Key& key, std::string_view what) {
  Failure failure = Failed(key, what);
  session.module().NoteDeviceError(failure.detail);
  return failure;
}

Result<Bytes> SignUnverified(Session& session, const Key& key, BytesView message) {
  key.CountOperation();
  switch (key.public_key().algorithm) {
    case KeyAlgorithm::kEd25519:
      return session.Sign(CKM_EDDSA, key.handle(), message, kSignatureSize);
    case KeyAlgorithm::kP256: {
      // SoftHSM's CKM_ECDSA takes input of any length and cuts it (ecosystem.md section 3, quirk
      // 8): only a digest ever gets there.
      const Sha256Digest digest = Sha256(message);
      static_assert(sizeof digest == 32);
      return session.Sign(CKM_ECDSA, key.handle(), digest, kSignatureSize);
    }
  }
  return Failed(key, "no such algorithm");
}

Status TestAgreement(Session& session, const Key& key) {
  auto other = SoftwareKey::Generate();
  if (!other) return std::move(other).error();
  auto inside = Agree(session, key, other->point());
  if (!inside) return std::move(inside).error();
  auto outside = other->Agree(ToPoint(key.public_key()));
  if (!outside) return std::move(outside).error();
  if (CRYPTO_memcmp(inside->View().data(), outside->View().data(), outside->size()) != 0) {
    return Lied(session, key, "the module derives another secret than its public half says");
  }
  return Done{};
}

}  // namespace

Result<Bytes> SignVerified(Session& session, const Key& key, BytesView message, bool* lied) {
  auto signature = SignUnverified(session, key, message);
  if (!signature) return signature;
  // A faulty signature can give the key away, and no device would accept it (reliability.md F6).
  if (!key.Verifies(message, *signature)) {
    if (lied != nullptr) *lied = true;
    return Lied(session, key, "the module gave a signature that does not verify");
  }
  return signature;
}

Result<Secret> Agree(Session& session, const Key& key, const PublicPoint& point) {
  key.CountOperation();
  return session.DeriveEcdh(key.handle(), point);
}

Status TestKey(Session& session, const Key& key) {
  if (key.purpose() == KeyPurpose::kAgreement) return TestAgreement(session, key);
  auto signature = SignVerified(session, key, AsBytes(kTestMessage));
  if (!signature) return std::move(signature).error();
  return Done{};
}

}  // namespace acb::hsm
