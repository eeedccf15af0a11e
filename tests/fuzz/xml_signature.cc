// duis::VerifySignature on what duis::Parse lets through.
//
// The certificate is fixed for each signer: the one of its issuer and serial in the directory that
// ACB_FUZZ_CERTIFICATES names (make_seeds.py fills it), else the first of them, so that a changed
// KeyInfo does not end the look.
#include <cstring>
#include <vector>

#include "firmware/duis/request.h"
#include "firmware/duis/signature.h"
#include "tests/fuzz/fuzz.h"

namespace {

using acb::smki::CertificatePtr;

std::vector<CertificatePtr> LoadCertificates() {
  std::vector<CertificatePtr> certificates;
  const char* directory = std::getenv("ACB_FUZZ_CERTIFICATES");
  if (directory != nullptr && std::filesystem::is_directory(directory)) {
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      auto certificate = acb::smki::Certificate::Parse(acb::fuzz::ReadFile(entry.path()));
      if (certificate) certificates.push_back(*std::move(certificate));
    }
  }
  if (certificates.empty()) {
    std::fprintf(stderr, "no certificates in ACB_FUZZ_CERTIFICATES: no signature can verify\n");
  }
  return certificates;
}

CertificatePtr CertificateOf(const acb::duis::SignerName& signer) {
  static const std::vector<CertificatePtr> held = LoadCertificates();
  for (const CertificatePtr& certificate : held) {
    if (certificate->issuer() == signer.issuer &&
        acb::Equal(certificate->serial(), signer.serial)) {
      return certificate;
    }
  }
  return held.empty() ? nullptr : held.front();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool ready = acb::duis::InitialiseXml().has_value();
  acb::fuzz::Require(ready, "libxml2 and xmlsec1 start");
  auto request = acb::duis::Parse({data, size});
  if (!request) return 0;
  const acb::RequestId claimed = request->claimed_request_id();
  const CertificatePtr certificate = CertificateOf(request->signer());
  const auto verified = acb::duis::VerifySignature(*std::move(request), certificate);
  if (!verified) return 0;
  // R-SEC3-2, R-SEC3-3.
  acb::fuzz::Require(verified->content().request_id.originator == certificate->eui64(),
                     "the originator is the signer");
  acb::fuzz::Require(verified->content().request_id == claimed,
                     "what was verified is what was claimed");
  return 0;
}
