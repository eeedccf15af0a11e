// The tests' own organisation PKI (tests/pki/make_pki.py), made once per program: every check
// passes with nothing relaxed.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "firmware/smki/bundle.h"
#include "firmware/smki/certificate.h"
#include "firmware/smki/trust.h"
#include "tests/support/duis_signer.h"
#include "tests/support/shared.h"

namespace acb::testing {

class TestPki {
 public:
  // The instant that the lists are current at.
  static constexpr const char* kNow = "2026-11-21T12:00:00Z";

  static const TestPki& Get() {
    static const TestPki pki;
    return pki;
  }

  smki::CertificatePtr Certificate(const std::string& name) const {
    const auto split = smki::SplitCertificates(ReadFile(directory_ / (name + ".pem")));
    return *smki::Certificate::Parse(split->front());
  }
  std::string Base64(const std::string& name) const { return ToBase64(Certificate(name)->der()); }
  KeyHandle Key(const std::string& name) const {
    return KeyFromPem(ReadText(directory_ / (name + ".key")));
  }
  Bytes File(const std::string& name) const { return ReadFile(directory_ / name); }

  smki::TrustSettings Settings(smki::Environment environment) const {
    smki::TrustSettings settings;
    settings.environment = environment;
    settings.roots = {Certificate("root")};
    return settings;
  }
  // With the feeds as they are; `lists` is a file of revocation lists.
  std::shared_ptr<const smki::Trust> Trust(smki::Environment environment = smki::Environment::kTest,
                                           const std::string& lists = "revocation-lists.pem",
                                           std::uint64_t generation = 1) const {
    return smki::Trust::Build(Settings(environment), generation,
                              *smki::SplitCertificates(File("organisation-certificates.pem")),
                              *smki::SplitRevocationLists(File(lists)));
  }

  // Likewise, with other roots.
  std::shared_ptr<const smki::Trust> TrustIn(std::vector<smki::CertificatePtr> roots) const {
    smki::TrustSettings settings = Settings(smki::Environment::kTest);
    settings.roots = std::move(roots);
    return smki::Trust::Build(std::move(settings), 1,
                              *smki::SplitCertificates(File("organisation-certificates.pem")),
                              *smki::SplitRevocationLists(File("revocation-lists.pem")));
  }

  // One more CRL of the issuing CA (make_pki.py --crl), DER.
  Bytes MakeCrl(const std::string& arguments) const {
    const std::filesystem::path file = directory_ / "made-crl.pem";
    RunScript("--crl '" + directory_.string() + "' --out '" + file.string() + "' " + arguments);
    return smki::SplitRevocationLists(ReadFile(file))->front();
  }

  // A handover of the GPF's network operator cells, as the supplier would ask for it.
  HandoverFields NetworkOperatorFields() const {
    HandoverFields fields;
    fields.digital_signing_certificate = Base64("no-a-ds");
    fields.key_agreement_certificate = Base64("no-a-ka");
    fields.certification_path = {Base64("issuing-ca")};
    return fields;
  }
  HandoverFields SupplierFields() const {
    HandoverFields fields;
    fields.role = "Supplier";
    fields.digital_signing_certificate = Base64("supplier-ds");
    fields.key_agreement_certificate = Base64("supplier-ka");
    fields.key_agreement_top_up_certificate = Base64("supplier-ka-topup");
    fields.top_up_floor = "0";
    fields.certification_path = {Base64("issuing-ca")};
    return fields;
  }
  std::string Sign(const HandoverFields& fields, const std::string& signer = "supplier-xml") const {
    const smki::CertificatePtr certificate = Certificate(signer);
    const KeyHandle key = Key(signer);
    return SignRequest(MakeHandoverXml(fields), key.get(), certificate->issuer().Text(),
                       certificate->SerialDecimal());
  }

 private:
  TestPki() {
    std::string place = (std::filesystem::temp_directory_path() / "acb-pki-XXXXXX").string();
    directory_ = mkdtemp(place.data());
    RunScript("'" + directory_.string() + "' --now " + kNow);
  }
  static void RunScript(const std::string& arguments) {
    const std::filesystem::path source = std::getenv("ACB_SOURCE_DIR");
    const std::string script = (source / "tests/pki/make_pki.py").string();
    if (std::system(("/usr/bin/python3 '" + script + "' " + arguments).c_str()) != 0) std::abort();
  }
  ~TestPki() { std::filesystem::remove_all(directory_); }

  std::filesystem::path directory_;
};

}  // namespace acb::testing
