// Making a token and its keys: for acbctl provision, the only creator of state. No PKCS#11 in this
// header.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/base/result.h"
#include "firmware/base/secret.h"
#include "hsm/hsm.h"
#include "hsm/key_listing.h"
#include "hsm/key_purpose.h"
#include "hsm/public_key.h"

namespace acb::hsm {

struct NewToken {
  std::filesystem::path module_path;  // absolute
  std::filesystem::path lock_file;
  std::string label;  // 1 to 32 octets, no blank at either end
  Secret so_pin{0};
  Secret pin{0};
};

// Initialises the one token that is not initialised yet, and its user's PIN. Never touches one that
// is. One per process with Hsm and Provisioning: loads the module and lets it go. Blocks. Fails
// with
//   kConfiguration   the label is of no use or there is such a token already; relative module path.
//   kHsmPin          the token refuses one of the PINs (length, say).
//   kHsmUnavailable  none or several tokens to initialise, or the module failed: the token may then
//   be half
//                    made, and its directory is to be discarded.
Status InitToken(NewToken token);

// A login that may make keys, and the first anchor. Each call that makes something holds the lock
// file: creation by two at once fails in SoftHSM (ecosystem.md section 3, quirk 2). One thread at a
// time; one per process with Hsm. Every call blocks.
//
// Each key is tested before it is reported; what was made and failed the test is destroyed again. A
// crash in the middle may leave half a pair (quirk 11), whose label is then taken: discard the
// token. Nothing here flushes to disk: SoftHSM writes files without fsync, so the caller does
// (syncfs) before it trusts them.
class Provisioning {
 public:
  // `settings.sessions` is not used. Fails as Hsm::Open does, but needs no keys.
  static Result<std::unique_ptr<Provisioning>> Open(HsmSettings settings);
  ~Provisioning();
  Provisioning(const Provisioning&) = delete;
  Provisioning& operator=(const Provisioning&) = delete;

  // A pair made in the token: sensitive, never extractable, for `purpose` only (R-SEC3-42). The
  // algorithm of a kCheckpoint key is in the result: kP256 when the module has no Ed25519. Fails
  // with
  //   kConfiguration   an object of that label exists, or the label is empty or longer than 64
  //   octets. kHsmUnavailable  the module failed, or the key failed its test.
  Result<PublicKey> GenerateKeyPair(std::string_view label, KeyPurpose purpose);

  // A P-256 key from outside (PEM or DER, unencrypted), kSigning or kAgreement: for published test
  // keys only; the caller allows it in environment test alone. Fails as GenerateKeyPair does, and
  // with kConfiguration when the file holds no P-256 private key.
  Result<PublicKey> ImportPrivateKey(std::string_view label, KeyPurpose purpose,
                                     const Secret& key_file);

  // For key ceremonies.

  // Every key object of the token. Fails with kHsmUnavailable.
  Result<std::vector<KeyObject>> ListKeys();
  // The key of that label, as Key::Find finds it and tested. Fails with kHsmUnavailable.
  Result<PublicKey> TestKeyPair(std::string_view label, KeyPurpose purpose);
  // A signature over the octets of a certificate request, r || s, by the key that it is for,
  // verified outside the module. A key for agreement may sign in this call alone
  // (key_objects.h). kSigning or kAgreement. Fails with kHsmUnavailable.
  Result<Bytes> SignRequest(std::string_view label, KeyPurpose purpose, BytesView request);
  // Destroys every object of that label, and says what the module answered. Fails with kNotFound,
  // kHsmUnavailable.
  Result<std::vector<Destruction>> DestroyKey(std::string_view label);
  const TokenInfo& token() const;

  AnchorObjects& anchors();

 private:
  struct Parts;
  explicit Provisioning(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace acb::hsm
