#include "firmware/smki/bundle.h"

#include <string>
#include <utility>

#include "firmware/base/base64.h"
#include "firmware/smki/der.h"

namespace acb::smki {
namespace {

constexpr std::size_t kMaxBlocks = 100'000;
constexpr std::string_view kUtf8ByteOrderMark = "\xEF\xBB\xBF";

constexpr std::string_view BeginOf(BundleKind kind) {
  return kind == BundleKind::kCertificates ? "-----BEGIN CERTIFICATE-----"
                                           : "-----BEGIN X509 CRL-----";
}
constexpr std::string_view EndOf(BundleKind kind) {
  return kind == BundleKind::kCertificates ? "-----END CERTIFICATE-----" : "-----END X509 CRL-----";
}

// "0" begins a comment as well as a SEQUENCE. 81 to 84, a length in one to four octets, follow it
// in no text: they are no ASCII, and no first octet of UTF-8.
bool IsDer(BytesView file) {
  return file.size() > 1 && file[0] == der::kSequence && file[1] >= 0x81 && file[1] <= 0x84;
}

BytesView WithoutByteOrderMark(BytesView file) {
  return AsText(file).starts_with(kUtf8ByteOrderMark) ? file.subspan(kUtf8ByteOrderMark.size())
                                                      : file;
}

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t") == std::string_view::npos;
}

// Without its end; `rest` moves on.
std::string_view TakeLine(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string TooLarge(BundleKind kind) {
  return "it has more than " + std::to_string(MaxBlockOctets(kind)) + " octets";
}

}  // namespace

BundleReader::BundleReader(BytesView file, BundleKind kind)
    : file_(WithoutByteOrderMark(file)), kind_(kind), rest_(AsText(file_)) {}

Failure BundleReader::Refused(std::size_t line, std::string_view what) {
  line_ = line;
  return Failure(Reason::kFeedRejected, std::string(what));
}

std::optional<std::string_view> BundleReader::NextLine() {
  if (rest_.empty()) return std::nullopt;
  ++number_;
  return TakeLine(rest_);
}

std::size_t BundleReader::CountBlocks() const {
  if (IsDer(file_)) return 1;
  std::size_t blocks = 0;
  for (std::string_view rest = AsText(file_); !rest.empty();) {
    blocks += TakeLine(rest) == BeginOf(kind_) ? 1 : 0;
  }
  return blocks;
}

Result<std::optional<Bytes>> BundleReader::TakeDer() {
  if (std::exchange(given_, 1) != 0) return std::optional<Bytes>();
  if (file_.size() > MaxBlockOctets(kind_)) return Refused(1, TooLarge(kind_));
  return std::optional(ToBytes(file_));
}

// The block whose BEGIN line was just read.
Result<Bytes> BundleReader::TakeBlock() {
  // Four digits stand for three octets.
  const std::size_t most = MaxBlockOctets(kind_) / 3 * 4 + 4;
  const std::size_t begin = number_;
  std::string digits;
  std::size_t count = 0;
  while (const auto line = NextLine()) {
    if (*line == EndOf(kind_)) {
      auto octets = FromBase64(digits);
      if (!octets || octets->empty()) return Refused(begin, "the block is not base64");
      line_ = begin;
      return *std::move(octets);
    }
    if (line->empty() || line->find('-') != std::string_view::npos) {
      return Refused(number_, "base64 or \"" + std::string(EndOf(kind_)) + "\" expected");
    }
    count += line->size();
    if (count > most) return Refused(begin, TooLarge(kind_));
    digits += *line;
    digits += '\n';
  }
  return Refused(begin, "the block has no end");
}

Result<std::optional<Bytes>> BundleReader::End() {
  if (given_ == 0) return Refused(1, "no \"" + std::string(BeginOf(kind_)) + "\" and no DER");
  if (comment_ != 0) return Refused(comment_, "text after the last block");
  return std::optional<Bytes>();
}

Result<std::optional<Bytes>> BundleReader::Next() {
  if (IsDer(file_)) return TakeDer();
  while (const auto line = NextLine()) {
    if (*line == BeginOf(kind_)) {
      if (given_ == kMaxBlocks) return Refused(number_, "too many blocks");
      ++given_;
      comment_ = 0;
      auto block = TakeBlock();
      if (!block) return std::move(block).error();
      return std::optional(*std::move(block));
    }
    if (line->find("-----") != std::string_view::npos) {
      return Refused(number_, "only \"" + std::string(BeginOf(kind_)) + "\" is expected here");
    }
    if (!IsBlank(*line) && comment_ == 0) comment_ = number_;
  }
  return End();
}

namespace {

Result<std::vector<Bytes>> Split(BytesView file, BundleKind kind) {
  BundleReader reader(file, kind);
  std::vector<Bytes> blocks;
  while (true) {
    auto block = reader.Next();
    if (!block) {
      return Failure(Reason::kFeedRejected,
                     "line " + std::to_string(reader.line()) + ": " + block.error().explanation);
    }
    if (!block->has_value()) return blocks;
    blocks.push_back(**std::move(block));
  }
}

}  // namespace

Result<std::vector<Bytes>> SplitCertificates(BytesView file) {
  return Split(file, BundleKind::kCertificates);
}
Result<std::vector<Bytes>> SplitRevocationLists(BytesView file) {
  return Split(file, BundleKind::kRevocationLists);
}

}  // namespace acb::smki
