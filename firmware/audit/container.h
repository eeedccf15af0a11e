// The file of an audit export: one ustar archive (POSIX.1-1988) of regular files, in the one form
// that there is of it. The same files in the same order are the same octets.
//
// Each file is a header of 512 octets, its octets, and 00 up to a multiple of 512; two blocks of 00
// end the archive. In a header: mode 0644, user, group and time 0, no names of users or groups, no
// prefix, numbers in octal of the fields' full width with a 00 behind. Any tar reads it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/base/result.h"
#include "firmware/base/sha256.h"

namespace acb::audit {

inline constexpr std::size_t kContainerBlock = 512;
inline constexpr std::size_t kContainerEnd = 2 * kContainerBlock;  // octets 00
// Eleven octal digits.
inline constexpr std::uint64_t kMaxContainerFile = (std::uint64_t{1} << 33) - 1;
inline constexpr std::size_t kMaxContainerName = 99;
// A tile for each 256 entries: 268 million entries.
inline constexpr std::size_t kMaxContainerFiles = std::size_t{1} << 20;

using ContainerHeader = std::array<std::uint8_t, kContainerBlock>;

// The header of a file. Names: a-z, 0-9, '.', '-', '_', '/', at most kMaxContainerName.
// kTooLarge, kMalformed.
Result<ContainerHeader> HeaderOf(std::string_view name, std::uint64_t size);
// Octets 00 that follow a file of this size: 0 to 511.
std::size_t PaddingAfter(std::uint64_t size);

struct ContainerFile {
  std::string name;
  std::uint64_t offset = 0;  // of its first octet, from the beginning of the container
  std::uint64_t size = 0;
  Sha256Digest sha256{};
};

// What was read of a container. When it is broken, the files before the break are there, and the
// one that the break is in, with what there is of it.
struct ContainerContents {
  std::vector<ContainerFile> files;
  std::uint64_t octets = 0;  // read
  std::optional<Failure> broken;
  bool last_is_cut = false;  // the break is an end too early, within the last of `files`
};

// Fills the span from where the last call ended; fewer octets only at the end.
using ContainerSource = std::function<Result<std::size_t>(std::span<std::uint8_t>)>;

// Reads a container from its beginning to its end, once, in constant memory but for the list. What
// is not exactly the octets that a writer would write is broken (kMalformed, with the place), as is
// a name that comes twice. `progress` is told the octets read, now and then. Blocks for the source,
// whose failure it gives.
Result<ContainerContents> ReadContainer(const ContainerSource& source,
                                        const std::function<void(std::uint64_t)>& progress = {});

}  // namespace acb::audit
