#include "firmware/smki/bundle.h"

#include <optional>
#include <string>
#include <string_view>

#include "firmware/base/base64.h"
#include "firmware/smki/der.h"

namespace acb::smki {
namespace {

constexpr std::size_t kMaxBlocks = 100'000;

Failure WrongLine(std::size_t line, const std::string& what) {
  return Failure(Reason::kFeedRejected, "line " + std::to_string(line) + ": " + what);
}

// Gives lines without their end.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  std::optional<std::string_view> Next() {
    if (rest_.empty()) return std::nullopt;
    const std::size_t end = rest_.find('\n');
    std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    ++number_;
    return line;
  }
  std::size_t number() const { return number_; }

 private:
  std::string_view rest_;
  std::size_t number_ = 0;
};

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t") == std::string_view::npos;
}

// The block whose BEGIN line was just read.
Result<Bytes> TakeBlock(Lines& lines, std::string_view label) {
  const std::size_t begin = lines.number();
  const std::string end = "-----END " + std::string(label) + "-----";
  std::string digits;
  while (const auto line = lines.Next()) {
    if (*line == end) {
      auto octets = FromBase64(digits);
      if (!octets || octets->empty()) return WrongLine(begin, "the block is not base64");
      return *std::move(octets);
    }
    if (line->empty() || line->find('-') != std::string_view::npos) {
      return WrongLine(lines.number(), "base64 or \"" + end + "\" expected");
    }
    digits += *line;
    digits += '\n';
  }
  return WrongLine(begin, "the block has no end");
}

Result<std::vector<Bytes>> Split(BytesView file, std::string_view label) {
  if (!file.empty() && file[0] == der::kSequence) return std::vector<Bytes>{ToBytes(file)};
  const std::string begin = "-----BEGIN " + std::string(label) + "-----";
  std::vector<Bytes> blocks;
  Lines lines(AsText(file));
  std::size_t comment = 0;  // line of the first one since the last block
  while (const auto line = lines.Next()) {
    if (*line == begin) {
      if (blocks.size() == kMaxBlocks) return WrongLine(lines.number(), "too many blocks");
      auto block = TakeBlock(lines, label);
      if (!block) return std::move(block).error();
      blocks.push_back(*std::move(block));
      comment = 0;
    } else if (line->find("-----") != std::string_view::npos) {
      return WrongLine(lines.number(), "only \"" + begin + "\" is expected here");
    } else if (!IsBlank(*line) && comment == 0) {
      comment = lines.number();
    }
  }
  if (blocks.empty()) return WrongLine(1, "no \"" + begin + "\" and no DER");
  if (comment != 0) return WrongLine(comment, "text after the last block");
  return blocks;
}

}  // namespace

Result<std::vector<Bytes>> SplitCertificates(BytesView file) { return Split(file, "CERTIFICATE"); }
Result<std::vector<Bytes>> SplitRevocationLists(BytesView file) { return Split(file, "X509 CRL"); }

}  // namespace acb::smki
