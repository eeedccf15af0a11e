// A key pair of a log or a witness, for tests.
#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <string>

#include "firmware/audit/note.h"
#include "firmware/base/handle.h"

namespace acb::platform {

// A key pair that signs notes.
class Signer {
 public:
  Signer(std::string name, audit::NoteKey::Type type)
      : own_(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")) {
    key_.name = std::move(name);
    key_.type = type;
    key_.octets.assign(32, 0);
    std::size_t size = key_.octets.size();
    EXPECT_EQ(EVP_PKEY_get_raw_public_key(own_.get(), key_.octets.data(), &size), 1);
  }
  const audit::NoteKey& key() const { return key_; }
  Bytes Sign(std::string_view text) const {
    const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    Bytes signature(64, 0);
    std::size_t size = signature.size();
    EXPECT_EQ(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, own_.get()), 1);
    EXPECT_EQ(
        EVP_DigestSign(context.get(), signature.data(), &size, AsBytes(text).data(), text.size()),
        1);
    return signature;
  }
  // "— name base64\n", over the text as a witness signs it.
  std::string Line(std::string_view text, std::uint64_t seconds = 1'700'000'000) const {
    const Bytes octets =
        ByteWriter().U64(seconds).Raw(Sign(audit::CosignedText(seconds, text))).bytes();
    const std::string note = audit::FormatNote({"x\n", {audit::SignatureBy(key_, octets)}});
    return note.substr(std::string_view("x\n\n").size());
  }

 private:
  Handle<EVP_PKEY, EVP_PKEY_free> own_;
  audit::NoteKey key_;
};

}  // namespace acb::platform
