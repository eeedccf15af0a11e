// What comes from outside about the log: signed notes, checkpoints, keys, tile paths and entry
// bundles. Whatever is read is written back as it was.
#include "firmware/audit/note.h"
#include "firmware/audit/tile.h"
#include "tests/fuzz/fuzz.h"

namespace {

using acb::fuzz::Require;
using namespace acb::audit;

void Notes(std::string_view text) {
  if (const auto note = ParseNote(text)) {
    Require(FormatNote(*note) == text, "a note is written as it was read");
    if (const auto checkpoint = ParseCheckpoint(note->text)) {
      Require(FormatCheckpoint(*checkpoint) == note->text, "so is a checkpoint");
    }
    for (const NoteSignature& one : note->signatures) {
      const NoteKey key{one.name, NoteKey::Type::kCosignature, acb::Bytes(32, 9)};
      Require(VerifyNote(*note, key).verdict != SignatureCheck::Verdict::kGood,
              "nothing is signed by a key without owner");
    }
  }
  if (const auto key = ParseKey(text)) {
    Require(FormatKey(*key) == text, "a key is written as it was read");
  }
}

void Tiles(std::string_view text) {
  if (const auto tile = ParseTilePath(text)) {
    Require(PathOf(*tile) == text, "a path is written as it was read");
    Require(tile->width >= 1 && tile->width <= kTileWidth, "a tile has hashes");
  }
  if (text.empty()) return;
  // The first octet says how many entries are expected.
  const unsigned count = static_cast<unsigned char>(text.front()) + 1u;
  const acb::BytesView octets = acb::AsBytes(text.substr(1));
  if (const auto entries = DecodeBundle(octets, count)) {
    const auto again = EncodeBundle(*entries);
    Require(entries->size() == count && again && acb::Equal(*again, octets),
            "a bundle is written as it was read");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = acb::fuzz::Text({data, size});
  Notes(text);
  Tiles(text);
  return 0;
}
