// A certification authority for the TLS of one test set-up, and what it issues. The box's own PKI,
// apart from SMKI: it says who may talk to the box, never what may be signed.
#pragma once

#include <memory>
#include <string>

#include "firmware/base/result.h"

namespace acb::acbctl {

struct TlsIdentity {
  std::string certificate_pem;
  std::string key_pem;
};

class TlsAuthority {
 public:
  // A fresh P-256 key and a self-signed certificate, valid ten years from now. Fails with
  // kConfiguration when OpenSSL does.
  static Result<TlsAuthority> Make();
  ~TlsAuthority();
  TlsAuthority(TlsAuthority&&) noexcept;

  // `dns_name` becomes the subject's CN and a dNSName; a server's certificate also names localhost
  // and 127.0.0.1.
  Result<TlsIdentity> IssueServer(const std::string& dns_name) const;
  Result<TlsIdentity> IssueClient(const std::string& dns_name) const;
  const std::string& certificate_pem() const { return certificate_pem_; }

 private:
  struct State;
  TlsAuthority(std::unique_ptr<State> state, std::string certificate_pem);
  Result<TlsIdentity> Issue(const std::string& name, const std::string& alternative_names,
                            const char* extended_usage) const;
  std::unique_ptr<State> state_;
  std::string certificate_pem_;
};

struct KeyPair {
  std::string public_pem;
  std::string private_pem;
};
// A fresh P-256 pair. kConfiguration.
Result<KeyPair> MakeKeyPair();

}  // namespace acb::acbctl
