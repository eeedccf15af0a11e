#include "firmware/audit/note.h"

#include <openssl/evp.h>

#include <algorithm>
#include <charconv>

#include "firmware/audit/merkle.h"
#include "firmware/base/base64.h"
#include "firmware/base/handle.h"
#include "firmware/base/p256.h"
#include "firmware/base/spki.h"
#include "firmware/base/utf8.h"

namespace acb::audit {
namespace {

constexpr std::string_view kDash = "\xE2\x80\x94 ";  // U+2014, space
constexpr std::size_t kEd25519Key = 32;
constexpr std::size_t kSignature = 64;
constexpr std::size_t kTimestamp = 8;

// The base64 that ToBase64 writes, and no other.
std::optional<Bytes> OneBase64(std::string_view text) {
  auto octets = FromBase64(text);
  if (!octets || ToBase64(*octets) != text) return {};
  return octets;
}

// signed-note: "the note text MUST be UTF-8 and MUST NOT contain any ASCII control characters
// (those below U+0020) other than newline".
bool IsNoteText(std::string_view text) {
  if (text.empty() || text.back() != '\n') return false;
  while (!text.empty()) {
    const std::size_t length = Utf8Length(text);
    const auto first = static_cast<unsigned char>(text.front());
    if (length == 0 || (first < 0x20 && first != '\n')) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::optional<NoteSignature> ParseLine(std::string_view line) {
  if (!line.starts_with(kDash)) return {};
  line.remove_prefix(kDash.size());
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || !IsKeyName(line.substr(0, space))) return {};
  const auto octets = OneBase64(line.substr(space + 1));
  NoteSignature signature;
  if (!octets || octets->size() <= signature.key_hash.size()) return {};
  signature.name = line.substr(0, space);
  const BytesView all(*octets);
  std::ranges::copy(all.first(signature.key_hash.size()), signature.key_hash.begin());
  signature.signature = ToBytes(all.subspan(signature.key_hash.size()));
  return signature;
}

std::optional<VerifyingKey> P256KeyOf(BytesView spki) {
  PublicPoint point;
  if (spki.size() != kP256SpkiPrefix.size() + point.size()) return {};
  if (!Equal(spki.first(kP256SpkiPrefix.size()), kP256SpkiPrefix)) return {};
  std::ranges::copy(spki.subspan(kP256SpkiPrefix.size()), point.begin());
  if (!IsOnP256(point)) return {};
  return VerifyingKey::From(point);
}

bool VerifyEd25519(BytesView key, BytesView message, BytesView signature) {
  const Handle<EVP_PKEY, EVP_PKEY_free> handle(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  if (!handle || !context) return false;
  if (EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, handle.get()) != 1) {
    return false;
  }
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                          message.size()) == 1;
}

bool IsKey(const NoteKey& key) {
  switch (key.type) {
    case NoteKey::Type::kEd25519:
    case NoteKey::Type::kCosignature:
      return key.octets.size() == kEd25519Key;
    case NoteKey::Type::kP256:
      return P256KeyOf(key.octets).has_value();
  }
  return false;
}

std::uint64_t TimestampOf(const NoteSignature& signature) {
  return ByteReader(signature.signature).U64();
}

bool IsGood(const NoteSignature& signature, const NoteKey& key, std::string_view text) {
  const BytesView octets(signature.signature);
  switch (key.type) {
    case NoteKey::Type::kEd25519:
      return octets.size() == kSignature && VerifyEd25519(key.octets, AsBytes(text), octets);
    case NoteKey::Type::kP256: {
      const auto verifier = P256KeyOf(key.octets);
      return verifier && verifier->VerifyDer(AsBytes(text), octets);
    }
    // tlog-cosignature: "timestamped_signature { u64 timestamp; u8 signature[64] }", most
    // significant octet first.
    case NoteKey::Type::kCosignature: {
      if (octets.size() != kTimestamp + kSignature) return false;
      if (TimestampOf(signature) > kLastCosignedAt) return false;
      const std::string signed_text = CosignedText(TimestampOf(signature), text);
      return VerifyEd25519(key.octets, AsBytes(signed_text), octets.subspan(kTimestamp));
    }
  }
  return false;
}

}  // namespace

bool IsKeyName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxKeyName &&
         std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~' && c != '+'; });
}

std::string FormatNote(const Note& note) {
  std::string out = note.text + "\n";
  for (const NoteSignature& one : note.signatures) {
    Bytes octets(one.key_hash.begin(), one.key_hash.end());
    octets.insert(octets.end(), one.signature.begin(), one.signature.end());
    out.append(kDash).append(one.name).append(" ").append(ToBase64(octets)).append("\n");
  }
  return out;
}

std::optional<Note> ParseNote(std::string_view octets) {
  if (octets.size() > kMaxNoteOctets || !IsNoteText(octets)) return {};
  // "The note text ... may contain empty lines": the last one ends it.
  const std::size_t end = octets.rfind("\n\n");
  if (end == std::string_view::npos) return {};
  Note note;
  note.text = octets.substr(0, end + 1);
  std::string_view lines = octets.substr(end + 2);
  while (!lines.empty()) {
    if (note.signatures.size() == kMaxNoteSignatures) return {};
    const std::size_t line_end = lines.find('\n');
    auto signature = ParseLine(lines.substr(0, line_end));
    if (!signature) return {};
    note.signatures.push_back(*std::move(signature));
    lines.remove_prefix(line_end + 1);
  }
  if (note.signatures.empty()) return {};
  return note;
}

KeyHash HashOf(const NoteKey& key) {
  const std::array<std::uint8_t, 2> between = {'\n', static_cast<std::uint8_t>(key.type)};
  const Sha256Digest hash = key.type == NoteKey::Type::kP256
                                ? Sha256(key.octets)
                                : Sha256({AsBytes(key.name), between, key.octets});
  KeyHash first;
  std::copy_n(hash.begin(), first.size(), first.begin());
  return first;
}

std::string FormatKey(const NoteKey& key) {
  Bytes typed = {static_cast<std::uint8_t>(key.type)};
  typed.insert(typed.end(), key.octets.begin(), key.octets.end());
  return key.name + "+" + ToHex(HashOf(key)) + "+" + ToBase64(typed);
}

std::optional<NoteKey> ParseKey(std::string_view text) {
  const std::size_t name_end = text.find('+');
  if (name_end == std::string_view::npos || !IsKeyName(text.substr(0, name_end))) return {};
  const std::string_view rest = text.substr(name_end + 1);
  const std::size_t hash_end = rest.find('+');
  if (hash_end == std::string_view::npos) return {};
  const auto octets = OneBase64(rest.substr(hash_end + 1));
  if (!octets || octets->empty()) return {};
  NoteKey key;
  key.name = text.substr(0, name_end);
  key.type = static_cast<NoteKey::Type>(octets->front());
  key.octets.assign(octets->begin() + 1, octets->end());
  if (!IsKey(key) || FormatKey(key) != text) return {};
  return key;
}

NoteSignature SignatureBy(const NoteKey& key, BytesView raw) {
  NoteSignature signature{key.name, HashOf(key), ToBytes(raw)};
  EcdsaSignature r_and_s;
  if (key.type == NoteKey::Type::kP256 && raw.size() == r_and_s.size()) {
    std::ranges::copy(raw, r_and_s.begin());
    signature.signature = WriteSigValue(r_and_s);
  }
  return signature;
}

SignatureCheck VerifyNote(const Note& note, const NoteKey& key) {
  SignatureCheck check;
  const KeyHash hash = HashOf(key);
  for (const NoteSignature& one : note.signatures) {
    if (one.name != key.name || one.key_hash != hash) continue;
    if (!IsGood(one, key, note.text)) return {SignatureCheck::Verdict::kBad, 0};
    check.verdict = SignatureCheck::Verdict::kGood;
    if (key.type == NoteKey::Type::kCosignature) check.cosigned_at = TimestampOf(one);
  }
  return check;
}

std::string CosignedText(std::uint64_t seconds, std::string_view text) {
  return "cosignature/v1\ntime " + std::to_string(seconds) + "\n" + std::string(text);
}

std::string FormatCheckpoint(const Checkpoint& checkpoint) {
  return checkpoint.origin + "\n" + std::to_string(checkpoint.size) + "\n" +
         ToBase64(checkpoint.root) + "\n";
}

std::optional<Checkpoint> ParseCheckpoint(std::string_view text) {
  const std::size_t first = text.find('\n');
  if (first == std::string_view::npos) return {};
  const std::size_t second = text.find('\n', first + 1);
  if (second == std::string_view::npos) return {};
  const std::size_t third = text.find('\n', second + 1);
  if (third == std::string_view::npos || third + 1 != text.size()) return {};
  Checkpoint checkpoint;
  checkpoint.origin = text.substr(0, first);
  const std::string_view size = text.substr(first + 1, second - first - 1);
  const auto [end, error] =
      std::from_chars(size.data(), size.data() + size.size(), checkpoint.size);
  if (error != std::errc() || end != size.data() + size.size()) return {};
  const auto octets = FromBase64(text.substr(second + 1, third - second - 1));
  const auto root = octets ? ToDigest(*octets) : std::nullopt;
  if (!root || !IsKeyName(checkpoint.origin)) return {};
  checkpoint.root = *root;
  // One text for each checkpoint: no sign, no superfluous zero, no other base64.
  if (FormatCheckpoint(checkpoint) != text) return {};
  return checkpoint;
}

}  // namespace acb::audit
