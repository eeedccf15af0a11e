// acbctl key: the life of the ACB's keys, on a stopped box (README, "Keys").
#pragma once

#include "tools/acbctl/key_ceremony.h"
#include "tools/acbctl/remote.h"

namespace acb::acbctl {

struct KeyOptions {
  CeremonyOptions ceremony;
  std::string role;              // generate
  std::uint32_t generation = 0;  // generate: 0 is the next; activate, retire
  std::string place;
  std::string custodians;
  std::string label;           // csr, accept, destroy
  std::filesystem::path file;  // csr: where to; accept: the certificate
  // What the box may not have yet: of the issuing authority, to judge the path by.
  std::filesystem::path certificates;
  std::filesystem::path revocation_lists;
  std::string common_name;
  std::string eui64;
  std::string channel;
  std::string person;
  std::string organisation;
  std::string approval;
  std::string backups;
};

// Each gives an exit code (remote.h).
int GenerateKey(const KeyOptions& options);
int RequestCertificate(const KeyOptions& options);
int AcceptCertificate(const KeyOptions& options);
int ActivateKeys(const KeyOptions& options);
int RetireKeys(const KeyOptions& options);
int DestroyKey(const KeyOptions& options);
// Of a stopped box, beside the token's own listing.
int ListKeys(const KeyOptions& options);

}  // namespace acb::acbctl
