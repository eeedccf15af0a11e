// Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint, tlog-cosignature): text that a
// log signs and witnesses cosign. Links nothing but firmware/base and libcrypto: acb-verify uses
// it. Thread-safe; nothing blocks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/sha256.h"

namespace acb::audit {

inline constexpr std::size_t kMaxNoteOctets = 64 * 1024;
inline constexpr std::size_t kMaxNoteSignatures = 100;
inline constexpr std::size_t kMaxKeyName = 256;
// The end of the year 9999. tlog-cosignature: a timestamp "MUST NOT exceed 2^63 - 1, and verifiers
// MAY reject cosignatures with timestamps in the future".
inline constexpr std::uint64_t kLastCosignedAt = 253'402'300'799;

using KeyHash = std::array<std::uint8_t, 4>;

struct NoteSignature {
  std::string name;  // of the key
  KeyHash key_hash{};
  Bytes signature;  // 1 octet or more; what they mean the key's type says
  friend bool operator==(const NoteSignature&, const NoteSignature&) = default;
};

struct Note {
  std::string text;  // what is signed, with its last line end
  std::vector<NoteSignature> signatures;
  friend bool operator==(const Note&, const Note&) = default;
};

// A key's name as this box takes it: 1 to kMaxKeyName visible ASCII characters, no plus.
// signed-note allows more of Unicode; a note with such a name is refused here.
bool IsKeyName(std::string_view name);

// The octets of the note: its text, an empty line, one line for each signature.
std::string FormatNote(const Note& note);
// Nothing for anything that FormatNote does not write: text that does not end its line, is not
// UTF-8 or has control characters, no signature or too many, another base64, a longer note.
std::optional<Note> ParseNote(std::string_view octets);

// The public half of a key that signs notes.
struct NoteKey {
  // The algorithm octet of signed-note.
  enum class Type : std::uint8_t { kEd25519 = 0x01, kP256 = 0x02, kCosignature = 0x04 };

  std::string name;
  Type type = Type::kEd25519;
  // kEd25519, kCosignature: the 32 octets of RFC 8032. kP256: SubjectPublicKeyInfo, DER.
  Bytes octets;
  friend bool operator==(const NoteKey&, const NoteKey&) = default;
};

// The first four octets of SHA-256: of name || 0A || type || key; of kP256 of the key alone.
KeyHash HashOf(const NoteKey& key);
// "name+hash+base64(type || key)", the hash in lower-case hex.
std::string FormatKey(const NoteKey& key);
// Nothing for anything that FormatKey does not write, and for a key that is none: of another
// length, or not on the curve.
std::optional<NoteKey> ParseKey(std::string_view text);

// A line by `key`. `raw`: 64 octets over SignedOctets, Ed25519, or r || s of ECDSA with SHA-256,
// which the note has in DER. For kCosignature `raw` is timestamp || signature, as the note has it.
NoteSignature SignatureBy(const NoteKey& key, BytesView raw);

struct SignatureCheck {
  enum class Verdict {
    kAbsent,  // no line of that name and hash
    kGood,
    // A line of that name and hash is no signature of the key, or a cosignature of a time after
    // kLastCosignedAt.
    kBad,
  };
  Verdict verdict = Verdict::kAbsent;
  // kCosignature: when the witness saw it, seconds since 1970.
  std::uint64_t cosigned_at = 0;
};

// Looks at each line of the key's name and hash: one that is bad makes the note bad.
SignatureCheck VerifyNote(const Note& note, const NoteKey& key);

// What a witness signs: "cosignature/v1\ntime <seconds>\n" || text.
std::string CosignedText(std::uint64_t seconds, std::string_view text);

struct Checkpoint {
  std::string origin;  // a key name
  std::uint64_t size = 0;
  Sha256Digest root{};
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

// The text of its note: origin, size, base64 of the root, a line each.
std::string FormatCheckpoint(const Checkpoint& checkpoint);
// Nothing for anything else. Extension lines, which tlog-checkpoint allows, are refused: this log
// writes none.
std::optional<Checkpoint> ParseCheckpoint(std::string_view text);

}  // namespace acb::audit
