#include "hsm/listing_messages.h"

#include <algorithm>
#include <utility>

namespace acb::hsm {
namespace {

constexpr std::size_t kMaxDetail = 1024;
static_assert(1 + 2 + kMaxDetail <= kMaxOutcome);
static_assert(kMaxDataOctets <= 0xffff && kMaxDataObjects <= 0xffff);

// Only what a listing fails with; anything else would be a defect of the sender.
Reason ToReason(std::uint16_t number) {
  for (const Reason reason : {Reason::kConfiguration, Reason::kHsmPin}) {
    if (number == static_cast<std::uint16_t>(reason)) return reason;
  }
  return Reason::kHsmUnavailable;
}

}  // namespace

Bytes EncodeRequest(const ListingRequest& request) {
  Bytes octets = ByteWriter()
                     .U64(request.number)
                     .U8(static_cast<std::uint8_t>(request.application.size()))
                     .Raw(AsBytes(request.application))
                     .bytes();
  octets.resize(kRequestSize);
  return octets;
}

std::optional<ListingRequest> DecodeRequest(BytesView octets) {
  ByteReader reader(octets);
  const std::uint64_t number = reader.U64();
  const std::size_t size = reader.U8();
  if (size == 0 || size > kMaxApplication) return std::nullopt;
  const BytesView application = reader.Raw(size);
  if (!reader.ok()) return std::nullopt;
  return ListingRequest{number, std::string(AsText(application))};
}

Bytes EncodeOutcome(const Result<std::vector<Bytes>>& outcome) {
  ByteWriter writer;
  if (!outcome) {
    const std::string detail = outcome.error().detail.substr(0, kMaxDetail);
    writer.U8(0).U16(static_cast<std::uint16_t>(outcome.error().reason)).Raw(AsBytes(detail));
    return std::move(writer).bytes();
  }
  // Within the limits: ReadDataObjects sees to that.
  writer.U8(1).U16(static_cast<std::uint16_t>(outcome->size()));
  for (const Bytes& octets : *outcome) {
    writer.U16(static_cast<std::uint16_t>(octets.size())).Raw(octets);
  }
  return std::move(writer).bytes();
}

Result<std::vector<Bytes>> DecodeOutcome(BytesView octets) {
  ByteReader reader(octets);
  if (reader.U8() == 0) {
    const std::uint16_t reason = reader.U16();
    if (reader.ok()) return Failure{ToReason(reason), {}, std::string(AsText(reader.rest()))};
  }
  const std::size_t count = std::min<std::size_t>(reader.U16(), kMaxDataObjects + 1);
  std::vector<Bytes> objects;
  for (std::size_t i = 0; i < count && reader.ok(); ++i) {
    objects.push_back(ToBytes(reader.Raw(reader.U16())));
  }
  if (reader.Finished() && count <= kMaxDataObjects) return objects;
  return Failure{Reason::kHsmUnavailable, {}, "a listing of the HSM's objects came back damaged"};
}

}  // namespace acb::hsm
