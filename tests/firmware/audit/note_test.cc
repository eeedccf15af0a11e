#include "firmware/audit/note.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "firmware/base/base64.h"
#include "firmware/base/handle.h"
#include "firmware/base/p256.h"

namespace acb::audit {
namespace {

using Verdict = SignatureCheck::Verdict;
using PrivateKey = Handle<EVP_PKEY, EVP_PKEY_free>;

// The example of the Go project's package sumdb/note, which the format comes from.
constexpr std::string_view kGoKey =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr std::string_view kGoNote =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\xE2\x80\x94 PeterNeumann "
    "x08go/ZJkuBS9UG/"
    "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

Bytes SignWith(EVP_PKEY& key, const EVP_MD* digest, std::string_view message) {
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  EXPECT_EQ(EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, &key), 1);
  Bytes signature(80);
  std::size_t size = signature.size();
  const BytesView octets = AsBytes(message);
  EXPECT_EQ(EVP_DigestSign(context.get(), signature.data(), &size, octets.data(), octets.size()),
            1);
  return Bytes(signature.begin(), signature.begin() + static_cast<std::ptrdiff_t>(size));
}

Bytes PublicOf(const EVP_PKEY& key) {
  Bytes octets(32);
  std::size_t size = octets.size();
  EXPECT_EQ(EVP_PKEY_get_raw_public_key(&key, octets.data(), &size), 1);
  return octets;
}

PrivateKey NewEd25519() { return PrivateKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")); }
PrivateKey NewP256() { return PrivateKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")); }

Bytes SpkiOf(const EVP_PKEY& key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(&key, &der);
  EXPECT_GT(size, 0);
  Bytes octets(der, der + size);
  OPENSSL_free(der);
  return octets;
}

std::string With(std::string text, std::string_view old, std::string_view fresh) {
  const std::size_t at = text.find(old);
  EXPECT_NE(at, std::string::npos) << old;
  return at == std::string::npos ? text : text.replace(at, old.size(), fresh);
}

TEST(SignedNote, OfTheGoProjectIsReadWrittenAndVerified) {
  const auto note = ParseNote(kGoNote);
  const auto key = ParseKey(kGoKey);
  ASSERT_TRUE(note.has_value());
  ASSERT_TRUE(key.has_value());
  EXPECT_EQ(FormatNote(*note), kGoNote);
  EXPECT_EQ(FormatKey(*key), kGoKey);
  EXPECT_EQ(ToHex(HashOf(*key)), "c74f20a3");
  EXPECT_EQ(VerifyNote(*note, *key).verdict, Verdict::kGood);
}

TEST(SignedNote, IsBadWhenItsTextOrSignatureChanged) {
  const auto key = ParseKey(kGoKey);
  for (const auto& [old, fresh] :
       {std::pair("think", "thinK"), std::pair("x08go/ZJ", "x08go/ZK")}) {
    const auto note = ParseNote(With(std::string(kGoNote), old, fresh));
    ASSERT_TRUE(note.has_value());
    EXPECT_EQ(VerifyNote(*note, *key).verdict, Verdict::kBad);
  }
}

TEST(SignedNote, OfAnotherKeyIsAbsentNotBad) {
  auto other = *ParseKey(kGoKey);
  other.octets[5] ^= 1;
  EXPECT_EQ(VerifyNote(*ParseNote(kGoNote), other).verdict, Verdict::kAbsent);
  other = *ParseKey(kGoKey);
  other.name = "PeterNewmann";
  EXPECT_EQ(VerifyNote(*ParseNote(kGoNote), other).verdict, Verdict::kAbsent);
}

TEST(SignedNote, WithOneGoodAndOneBadLineOfAKeyIsBad) {
  auto note = *ParseNote(kGoNote);
  note.signatures.push_back(note.signatures.front());
  EXPECT_EQ(VerifyNote(note, *ParseKey(kGoKey)).verdict, Verdict::kGood);
  note.signatures.back().signature[3] ^= 1;
  EXPECT_EQ(VerifyNote(note, *ParseKey(kGoKey)).verdict, Verdict::kBad);
}

TEST(SignedNote, RefusesWhatItWouldNotWrite) {
  const std::string good(kGoNote);
  ASSERT_TRUE(ParseNote(good));
  const std::string line = good.substr(good.find("\n\n") + 2);
  EXPECT_FALSE(ParseNote(""));
  EXPECT_FALSE(ParseNote("\n"));
  EXPECT_FALSE(ParseNote("text\n"));
  EXPECT_FALSE(ParseNote("text\n\n"));                       // no signature
  EXPECT_FALSE(ParseNote(good.substr(0, good.size() - 1)));  // no line end
  EXPECT_FALSE(ParseNote(good + "\n"));                      // an empty line behind it
  EXPECT_FALSE(ParseNote(With(good, "think", "th\x01nk")));  // a control character
  EXPECT_FALSE(ParseNote(With(good, "think", "th\rnk")));    // another
  EXPECT_FALSE(ParseNote(With(good, "think", "th\xFFnk")));  // no UTF-8
  EXPECT_TRUE(ParseNote(With(good, "think", "th\xC3\xA9nk")));
  EXPECT_FALSE(ParseNote(With(good, "\xE2\x80\x94 ", "- ")));  // another dash
  EXPECT_FALSE(ParseNote(With(good, " x08go", "  x08go")));
  EXPECT_FALSE(ParseNote(With(good, "PeterNeumann ", "Peter+Neumann ")));
  EXPECT_FALSE(ParseNote(With(good, "PeterNeumann ", " ")));
  EXPECT_FALSE(ParseNote(With(good, "AM=\n", "AM\n")));          // no padding
  EXPECT_FALSE(ParseNote(With(good, "AM=\n", "AN=\n")));         // unused bits
  EXPECT_FALSE(ParseNote("text\n\n\xE2\x80\x94 a AAAA\n"));      // a hash cut off
  EXPECT_FALSE(ParseNote("text\n\n\xE2\x80\x94 a AAAAAA==\n"));  // a hash and nothing behind it
  EXPECT_TRUE(ParseNote("text\n\n\xE2\x80\x94 a AAAAAAA=\n"));
}

TEST(SignedNote, TextMayHaveEmptyLines) {
  const auto note = ParseNote("a\n\n\nb\n\n\xE2\x80\x94 k AAAAAAA=\n");
  ASSERT_TRUE(note.has_value());
  EXPECT_EQ(note->text, "a\n\n\nb\n");
}

TEST(SignedNote, HoldsItsLimits) {
  std::string octets = "text\n\n";
  for (std::size_t i = 0; i < kMaxNoteSignatures; ++i) octets += "\xE2\x80\x94 a AAAAAAA=\n";
  EXPECT_TRUE(ParseNote(octets));
  EXPECT_FALSE(ParseNote(octets + "\xE2\x80\x94 a AAAAAAA=\n"));
  const std::string line = "\n\n\xE2\x80\x94 a AAAAAAA=\n";
  EXPECT_TRUE(ParseNote(std::string(kMaxNoteOctets - line.size(), 'x') + line));
  EXPECT_FALSE(ParseNote(std::string(kMaxNoteOctets - line.size() + 1, 'x') + line));
}

TEST(NoteKey, RefusesWhatItWouldNotWrite) {
  const std::string good(kGoKey);
  ASSERT_TRUE(ParseKey(good));
  EXPECT_FALSE(ParseKey(""));
  EXPECT_FALSE(ParseKey("PeterNeumann"));
  EXPECT_FALSE(ParseKey("PeterNeumann+c74f20a3"));
  EXPECT_FALSE(ParseKey("PeterNeumann+c74f20a3+"));
  EXPECT_FALSE(ParseKey(With(good, "c74f20a3", "c74f20a4")));
  EXPECT_FALSE(ParseKey(With(good, "c74f20a3", "C74F20A3")));
  EXPECT_FALSE(ParseKey(With(good, "Peter", "Pete r")));
  EXPECT_FALSE(ParseKey(good + "\n"));
  NoteKey short_key = *ParseKey(good);
  short_key.octets.pop_back();
  EXPECT_FALSE(ParseKey(FormatKey(short_key)));
  NoteKey unknown = *ParseKey(good);
  unknown.type = static_cast<NoteKey::Type>(3);
  EXPECT_FALSE(ParseKey(FormatKey(unknown)));
}

TEST(NoteKey, OfP256IsItsPublicKeyInfoAndHashedAlone) {
  const auto own = NewP256();
  const NoteKey key{"acb-handover-signing/00", NoteKey::Type::kP256, SpkiOf(*own)};
  EXPECT_EQ(ParseKey(FormatKey(key)), key);
  NoteKey renamed = key;
  renamed.name = "other";
  EXPECT_EQ(HashOf(renamed), HashOf(key));
  NoteKey off_curve = key;
  off_curve.octets.back() ^= 1;
  EXPECT_FALSE(ParseKey(FormatKey(off_curve)));
}

TEST(SignedNote, ByP256HasADerSignature) {
  const auto own = NewP256();
  const NoteKey key{"log", NoteKey::Type::kP256, SpkiOf(*own)};
  const Checkpoint checkpoint{"log", 7, Sha256(AsBytes("root"))};
  Note note{FormatCheckpoint(checkpoint), {}};
  const auto raw = ReadSigValue(SignWith(*own, EVP_sha256(), note.text));
  ASSERT_TRUE(raw.has_value());
  note.signatures.push_back(SignatureBy(key, *raw));
  EXPECT_EQ(VerifyNote(*ParseNote(FormatNote(note)), key).verdict, Verdict::kGood);
  note.signatures.back().signature = ToBytes(*raw);  // r || s
  EXPECT_EQ(VerifyNote(note, key).verdict, Verdict::kBad);
}

TEST(Cosignature, IsVerifiedWithItsTime) {
  const auto log = NewEd25519();
  const auto witness = NewEd25519();
  const NoteKey log_key{"log", NoteKey::Type::kEd25519, PublicOf(*log)};
  const NoteKey witness_key{"witness.example/1", NoteKey::Type::kCosignature, PublicOf(*witness)};
  Note note{FormatCheckpoint({"log", 7, {}}), {}};
  note.signatures.push_back(SignatureBy(log_key, SignWith(*log, nullptr, note.text)));
  EXPECT_EQ(VerifyNote(note, witness_key).verdict, Verdict::kAbsent);

  const auto line = [&](std::uint64_t said, std::uint64_t signed_at) {
    ByteWriter out;
    out.U64(said).Raw(SignWith(*witness, nullptr, CosignedText(signed_at, note.text)));
    return SignatureBy(witness_key, out.bytes());
  };
  Note cosigned = note;
  cosigned.signatures.push_back(line(1700000000, 1700000000));
  const auto check = VerifyNote(*ParseNote(FormatNote(cosigned)), witness_key);
  EXPECT_EQ(check.verdict, Verdict::kGood);
  EXPECT_EQ(check.cosigned_at, 1700000000u);
  EXPECT_EQ(VerifyNote(cosigned, log_key).verdict, Verdict::kGood);
  // Another time than the signed one.
  note.signatures.push_back(line(1700000001, 1700000000));
  EXPECT_EQ(VerifyNote(note, witness_key).verdict, Verdict::kBad);
}

// C2SP tlog-cosignature: the text that is signed.
TEST(Cosignature, SignsTheTimeBeforeTheCheckpoint) {
  EXPECT_EQ(CosignedText(1679315147, "example.com/log\n20852163\nroot\n"),
            "cosignature/v1\ntime 1679315147\nexample.com/log\n20852163\nroot\n");
}

// The example of C2SP tlog-checkpoint.
TEST(Checkpoint, ReadsWhatItWritesAndNothingElse) {
  const std::string text =
      "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
  const auto checkpoint = ParseCheckpoint(text);
  ASSERT_TRUE(checkpoint.has_value());
  EXPECT_EQ(checkpoint->size, 20852163u);
  EXPECT_EQ(FormatCheckpoint(*checkpoint), text);
  EXPECT_FALSE(ParseCheckpoint(""));
  EXPECT_FALSE(ParseCheckpoint(text + "extension\n"));
  EXPECT_FALSE(ParseCheckpoint(text.substr(0, text.size() - 1)));
  EXPECT_FALSE(ParseCheckpoint(With(text, "20852163", "020852163")));
  EXPECT_FALSE(ParseCheckpoint(With(text, "20852163", "+20852163")));
  EXPECT_FALSE(ParseCheckpoint(With(text, "20852163", "18446744073709551616")));
  EXPECT_TRUE(ParseCheckpoint(With(text, "20852163", "18446744073709551615")));
  EXPECT_FALSE(ParseCheckpoint(With(text, "example.com", "example com")));
  EXPECT_FALSE(ParseCheckpoint(With(text, "CsUY", "CsU")));
  EXPECT_FALSE(ParseCheckpoint(With(text, "q2I=", "q2J=")));
}

}  // namespace
}  // namespace acb::audit
