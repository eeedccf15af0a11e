// Signed 6.21 requests for the devices of a bench world, made fast: the text is written in its
// canonical form, which is proven once, and only what differs between two requests is worked out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "tests/support/duis_signer.h"
#include "tools/bench/world_file.h"

namespace acb::bench {

// What makes one request another one: some hundred octets in place of five thousand.
struct SignedRequest {
  std::size_t device = 0;     // number of it in the world
  std::uint64_t counter = 0;  // of the RequestID; even ones are of the role Supplier, odd ones of
                              // NetworkOperator
  Sha256Digest digest{};
  std::array<std::uint8_t, 64> signature{};
};

// Thread-safe once it is open.
class RequestMaker {
 public:
  // `world` as ReadWorld takes it. kConfiguration: a file cannot be read, or what would be signed
  // is not what libxml2 takes for the canonical form.
  static Result<RequestMaker> Open(const std::filesystem::path& world);
  static Result<RequestMaker> Open(World world);

  const World& world() const { return world_; }

  // A whole document. `device` is below world().devices; a (device, counter) that was used before
  // is a retry.
  std::string Make(std::size_t device, std::uint64_t counter) const;

  // The same in two steps. Throws std::runtime_error when OpenSSL cannot sign.
  SignedRequest Sign(std::size_t device, std::uint64_t counter) const;
  void Append(const SignedRequest& request, std::string& out) const;

  std::string RequestId(std::size_t device, std::uint64_t counter) const;

 private:
  // A document around its RequestID, DigestValue and SignatureValue.
  struct Template {
    std::string before_id;
    std::string after_id;      // to the end of Body
    std::string before_value;  // from the Signature on, around the digest
    std::string before_digest;
    std::string end;
  };

  RequestMaker() = default;
  Status Prove() const;
  const Template& TemplateOf(std::uint64_t counter) const { return templates_[counter % 2]; }

  World world_;
  testing::KeyHandle key_;
  std::array<Template, 2> templates_;
};

}  // namespace acb::bench
