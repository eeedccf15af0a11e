// A PKI of its own for each test: CAs, server and client certificates as PEM files in a directory
// that goes with the test.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <filesystem>
#include <string>
#include <vector>

#include "firmware/base/handle.h"

namespace acb::testing {

using Key = Handle<EVP_PKEY, EVP_PKEY_free>;
using X509Ptr = Handle<X509, X509_free>;

class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }
  // Writes a file of mode 0600.
  std::filesystem::path Write(const std::string& name, std::string_view content) const;

 private:
  std::filesystem::path path_;
};

struct PemPair {
  std::filesystem::path certificate;
  std::filesystem::path key;
};

struct Subject {
  std::string file;                    // name of the two files, without ending
  std::vector<std::string> dns_names;  // SAN
  std::vector<std::string> ip_addresses = {};
  std::string usage = "clientAuth";  // extended key usage
  long valid_from_seconds = -3600;   // from now
  long valid_for_seconds = 3600;
};

// A CA with a P-256 key.
class TestCa {
 public:
  TestCa(const TemporaryDirectory& directory, const std::string& name);
  PemPair Issue(const Subject& subject);
  // The CA's certificate.
  const std::filesystem::path& pem() const { return pem_; }
  // The CA's certificate and a CRL that names the certificates last issued to `revoked`.
  std::filesystem::path PemWithCrl(const std::vector<PemPair>& revoked) const;

 private:
  const TemporaryDirectory& directory_;
  std::string name_;
  Key key_;
  long serial_ = 1;  // before the certificate that is made with it
  X509Ptr certificate_;
  std::filesystem::path pem_;
};

}  // namespace acb::testing
