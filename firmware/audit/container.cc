#include "firmware/audit/container.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "firmware/base/sha256_stream.h"

namespace acb::audit {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 18;

// Fields of a ustar header: offset, octets.
struct Field {
  std::size_t offset;
  std::size_t octets;
};
constexpr Field kName = {0, 100};
constexpr Field kMode = {100, 8};
constexpr Field kUser = {108, 8};
constexpr Field kGroup = {116, 8};
constexpr Field kSize = {124, 12};
constexpr Field kTime = {136, 12};
constexpr Field kChecksum = {148, 8};
constexpr Field kType = {156, 1};
constexpr Field kMagic = {257, 8};
constexpr Field kMajor = {329, 8};
constexpr Field kMinor = {337, 8};

void Put(ContainerHeader& header, Field field, std::string_view text) {
  std::ranges::copy(text, header.begin() + static_cast<std::ptrdiff_t>(field.offset));
}

// Octal digits of the field's width, and the 00 that is there already.
void PutNumber(ContainerHeader& header, Field field, std::uint64_t number) {
  for (std::size_t i = field.octets - 1; i > 0; --i) {
    header.at(field.offset + i - 1) = static_cast<std::uint8_t>('0' + (number & 7U));
    number >>= 3U;
  }
}

bool IsNameOctet(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' ||
         c == '/';
}

std::uint64_t SumOf(const ContainerHeader& header) {
  std::uint64_t sum = 0;
  for (const std::uint8_t octet : header) sum += octet;
  return sum;
}

bool IsZero(std::span<const std::uint8_t> octets) {
  return std::ranges::all_of(octets, [](std::uint8_t octet) { return octet == 0; });
}

// The name and size that a header gives, unchecked: HeaderOf says whether they are all it says.
std::string NameIn(const ContainerHeader& header) {
  const auto begin = header.begin();
  const auto end = begin + static_cast<std::ptrdiff_t>(kName.octets);
  return std::string(begin, std::find(begin, end, std::uint8_t{0}));
}
std::uint64_t SizeIn(const ContainerHeader& header) {
  std::uint64_t size = 0;
  for (std::size_t i = 0; i + 1 < kSize.octets; ++i) {
    size = (size << 3U) | (header.at(kSize.offset + i) & 7U);
  }
  return size;
}

class Reading {
 public:
  Reading(const ContainerSource& source, const std::function<void(std::uint64_t)>& progress)
      : source_(source), progress_(progress) {}

  // Until the end or the break.
  Status Run() {
    while (!contents_.broken) {  // ends with the source
      ContainerHeader header;
      const auto got = Take(header);
      if (!got) return got.error();
      if (*got < header.size()) {
        Break(*got == 0 ? "it ends without its end blocks" : "it ends within a header");
        return Done{};
      }
      if (IsZero(header)) return ReadEnd();
      if (Status read = ReadFile(header); !read) return read;
    }
    return Done{};
  }
  ContainerContents Contents() && { return std::move(contents_); }

 private:
  Result<std::size_t> Take(std::span<std::uint8_t> into) {
    auto got = source_(into);
    if (got) {
      contents_.octets += *got;
      if (progress_) progress_(contents_.octets);
    }
    return got;
  }

  void Break(const std::string& what) {
    contents_.broken =
        Failure(Reason::kMalformed, "at octet " + std::to_string(contents_.octets) + ": " + what);
  }

  Status ReadFile(const ContainerHeader& header) {
    const std::uint64_t start = contents_.octets - kContainerBlock;
    const std::string name = NameIn(header);
    const std::uint64_t size = SizeIn(header);
    const auto expected = HeaderOf(name, size);
    if (!expected || *expected != header) {
      contents_.broken = Failure(Reason::kMalformed, "at octet " + std::to_string(start) +
                                                         ": the header is not one of an export");
      return Done{};
    }
    if (!names_.insert(name).second || names_.size() > kMaxContainerFiles) {
      Break("the file " + name + " comes twice, or there are too many files");
      return Done{};
    }
    contents_.files.push_back({name, contents_.octets, size, {}});
    return ReadOctets(contents_.files.back());
  }

  Status ReadOctets(ContainerFile& file) {
    Sha256Stream sha256;
    std::uint64_t left = file.size;
    while (left > 0) {
      const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(left, piece_.size()));
      const auto got = Take(std::span(piece_).first(want));
      if (!got) return got.error();
      sha256.Update(BytesView(piece_).first(*got));
      left -= *got;
      if (*got < want) {
        Break("it ends within " + file.name);
        contents_.last_is_cut = true;
        file.size -= left;
        return Done{};
      }
    }
    file.sha256 = sha256.Finish();
    const std::size_t padding = PaddingAfter(file.size);
    const auto got = Take(std::span(piece_).first(padding));
    if (!got) return got.error();
    if (*got < padding) Break("it ends after " + file.name);
    if (!IsZero(BytesView(piece_).first(*got))) Break("what fills up " + file.name + " is not 00");
    return Done{};
  }

  // The second end block, and nothing behind.
  Status ReadEnd() {
    const auto got = Take(std::span(piece_).first(kContainerBlock + 1));
    if (!got) return got.error();
    if (*got < kContainerBlock) {
      Break("it ends within its end blocks");
    } else if (*got > kContainerBlock) {
      Break("there is more behind its end");
    } else if (!IsZero(BytesView(piece_).first(kContainerBlock))) {
      Break("its second end block is not 00");
    }
    return Done{};
  }

  const ContainerSource& source_;
  const std::function<void(std::uint64_t)>& progress_;
  std::vector<std::uint8_t> piece_ = std::vector<std::uint8_t>(kPiece);
  std::set<std::string> names_;
  ContainerContents contents_;
};

}  // namespace

Result<ContainerHeader> HeaderOf(std::string_view name, std::uint64_t size) {
  if (name.empty() || name.size() > kMaxContainerName || !std::ranges::all_of(name, IsNameOctet)) {
    return Failure(Reason::kMalformed, "a file of an export cannot have this name");
  }
  if (size > kMaxContainerFile) {
    return Failure(Reason::kTooLarge, std::string(name) + " would have " + std::to_string(size) +
                                          " octets; a file of an export has at most " +
                                          std::to_string(kMaxContainerFile) +
                                          ": ask for a shorter range");
  }
  ContainerHeader header{};
  Put(header, kName, name);
  PutNumber(header, kMode, 0644);
  PutNumber(header, kUser, 0);
  PutNumber(header, kGroup, 0);
  PutNumber(header, kSize, size);
  PutNumber(header, kTime, 0);
  Put(header, kChecksum, "        ");  // counted as blanks
  Put(header, kType, "0");
  Put(header, kMagic,
      std::string_view("ustar\0"
                       "00",
                       8));
  PutNumber(header, kMajor, 0);
  PutNumber(header, kMinor, 0);
  // Six digits, 00, a blank: the form that every tar writes.
  PutNumber(header, {kChecksum.offset, kChecksum.octets - 1}, SumOf(header));
  header.at(kChecksum.offset + kChecksum.octets - 2) = 0;
  return header;
}

std::size_t PaddingAfter(std::uint64_t size) {
  return static_cast<std::size_t>((kContainerBlock - size % kContainerBlock) % kContainerBlock);
}

Result<ContainerContents> ReadContainer(const ContainerSource& source,
                                        const std::function<void(std::uint64_t)>& progress) {
  Reading reading(source, progress);
  if (Status read = reading.Run(); !read) return std::move(read).error();
  return std::move(reading).Contents();
}

}  // namespace acb::audit
