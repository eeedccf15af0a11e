#include "store/anchor.h"

#include <algorithm>

#include "firmware/base/trust_anchor_cell.h"
#include "store/fields.h"

namespace acb::store {
namespace {

constexpr std::string_view kMagic = "ACB anchor";
constexpr std::uint8_t kAnchorFormat = 2;

}  // namespace

Bytes EncodeAnchor(const Anchor& anchor) {
  ByteWriter out;
  out.Raw(AsBytes(kMagic)).U8(kAnchorFormat).Raw(anchor.store);
  std::array<std::uint8_t, Anchor::kMaxTokenSerial> serial{};
  std::ranges::copy(
      AsBytes(anchor.token_serial).first(std::min(anchor.token_serial.size(), serial.size())),
      serial.begin());
  out.Raw(serial).U64(anchor.epoch).Raw(anchor.instance);
  out.U8(static_cast<std::uint8_t>(anchor.state));
  out.U64(anchor.window).U64(anchor.raise).U64(anchor.base);
  out.U8(anchor.exported ? 1 : 0).U64(anchor.tree_size);
  out.Raw(anchor.root);
  const Sha256Digest sha256 = Sha256(out.bytes());
  return std::move(out.Raw(sha256)).bytes();
}

std::optional<Anchor> DecodeAnchor(BytesView octets) {
  if (octets.size() < std::tuple_size_v<Sha256Digest>) return {};
  const BytesView body = octets.first(octets.size() - std::tuple_size_v<Sha256Digest>);
  if (!Equal(Sha256(body), octets.subspan(body.size()))) return {};
  ByteReader in(body);
  if (AsText(in.Raw(kMagic.size())) != kMagic || in.U8() != kAnchorFormat) return {};
  Anchor anchor;
  anchor.store = TakeArray<16>(in);
  const auto serial = TakeArray<Anchor::kMaxTokenSerial>(in);
  anchor.token_serial = AsText(serial);
  anchor.token_serial.erase(std::min(anchor.token_serial.find('\0'), anchor.token_serial.size()));
  anchor.epoch = in.U64();
  anchor.instance = TakeArray<16>(in);
  const std::uint8_t state = in.U8();
  anchor.state = static_cast<Anchor::State>(state);
  anchor.window = in.U64();
  anchor.raise = in.U64();
  anchor.base = in.U64();
  const std::uint8_t exported = in.U8();
  anchor.exported = exported != 0;
  anchor.tree_size = in.U64();
  anchor.root = TakeArray<32>(in);
  if (!in.Finished() || state < 1 || state > 3 || exported > 1) return {};
  for (const std::uint64_t number : {anchor.window, anchor.raise, anchor.base}) {
    if (number > kMaxSeqNumber) return {};
  }
  return anchor;
}

}  // namespace acb::store
