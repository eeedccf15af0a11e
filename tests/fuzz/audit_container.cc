// audit::ReadContainer: the file of an export, as a reviewer gets it from anywhere.
#include <algorithm>

#include "firmware/audit/container.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using acb::fuzz::Require;
  const acb::BytesView whole{data, size};
  std::size_t at = 0;
  const auto read =
      acb::audit::ReadContainer([&](std::span<std::uint8_t> into) -> acb::Result<std::size_t> {
        const std::size_t count = std::min(into.size(), size - at);
        std::copy_n(whole.begin() + static_cast<std::ptrdiff_t>(at), count, into.begin());
        at += count;
        return count;
      });
  Require(read.has_value(), "only a source can fail");
  // One form: what is not broken is what the writer writes of what was read.
  acb::Bytes again;
  for (const acb::audit::ContainerFile& file : read->files) {
    Require(file.offset <= size && file.size <= size - file.offset, "nothing out of nothing");
    if (read->broken) continue;
    const auto header = acb::audit::HeaderOf(file.name, file.size);
    Require(header.has_value(), "a header that was read can be written");
    again.insert(again.end(), header->begin(), header->end());
    const auto content = whole.subspan(file.offset, file.size);
    again.insert(again.end(), content.begin(), content.end());
    again.insert(again.end(), acb::audit::PaddingAfter(file.size), 0);
  }
  again.insert(again.end(), acb::audit::kContainerEnd, 0);
  Require(read->broken.has_value() || acb::Equal(again, whole), "one form");
  return 0;
}
