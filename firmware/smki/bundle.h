// Files of certificates and revocation lists: one DER, or PEM (RFC 7468).
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/result.h"

namespace acb::smki {

enum class BundleKind { kCertificates, kRevocationLists };

// Octets of one block, at most. What a certificate or list may have is Parse's: a block beyond this
// is refused while it is read, so that what a file costs is bounded by what it is good for.
constexpr std::size_t MaxBlockOctets(BundleKind kind) {
  return kind == BundleKind::kCertificates ? std::size_t{64} * 1024 : std::size_t{64} * 1024 * 1024;
}

// Gives the DER octets in a file, in order, at least one. DER is what starts with a SEQUENCE whose
// length is in the long form, as that of every certificate and list, and is given as it is:
// Certificate::Parse and RevocationList::Parse judge it. No text begins so.
//
// PEM: blocks of the one kind, "CERTIFICATE" or "X509 CRL"; strict base64. A byte order mark is
// skipped. Text before a BEGIN line is a comment, as OpenSSL and operators write it; but not when
// it holds "-----", and after the last block only blank lines may follow, so that a cut or damaged
// block is never taken for a comment. Lines end with LF or CR LF. At most 100,000 blocks. Not
// thread-safe; `file` must outlive it.
class BundleReader {
 public:
  BundleReader(BytesView file, BundleKind kind);

  // The next block; nothing at the end. kFeedRejected: the file is none, whatever came before;
  // the explanation does not name the line.
  Result<std::optional<Bytes>> Next();
  // Of the file, from 1: where the block begins that Next gave last (1 for DER), or what it
  // refused.
  std::size_t line() const { return line_; }
  // In the whole file, read or not, good or not.
  std::size_t CountBlocks() const;

 private:
  std::optional<std::string_view> NextLine();
  Result<std::optional<Bytes>> TakeDer();
  Result<Bytes> TakeBlock();
  Result<std::optional<Bytes>> End();
  Failure Refused(std::size_t line, std::string_view what);

  BytesView file_;
  const BundleKind kind_;
  std::string_view rest_;
  std::size_t number_ = 0;  // of the line that was read last
  std::size_t line_ = 1;
  std::size_t comment_ = 0;  // line of the first one since the last block
  std::size_t given_ = 0;
};

// All of them. Fails with kFeedRejected, naming the line.
Result<std::vector<Bytes>> SplitCertificates(BytesView file);
Result<std::vector<Bytes>> SplitRevocationLists(BytesView file);

}  // namespace acb::smki
