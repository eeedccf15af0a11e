// smki::SplitCertificates and SplitRevocationLists: files that an operator or a feed brings.
#include "firmware/smki/bundle.h"

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using acb::fuzz::Require;
  const acb::BytesView file{data, size};
  for (const auto& blocks :
       {acb::smki::SplitCertificates(file), acb::smki::SplitRevocationLists(file)}) {
    if (!blocks) {
      Require(blocks.error().reason == acb::Reason::kFeedRejected, "refused as FEED_REJECTED");
      continue;
    }
    Require(!blocks->empty(), "at least one block");
    std::size_t octets = 0;
    for (const acb::Bytes& der : *blocks) octets += der.size();
    Require(octets <= size, "nothing out of nothing");
  }
  return 0;
}
