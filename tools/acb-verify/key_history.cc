#include "tools/acb-verify/key_history.h"

#include <algorithm>
#include <map>
#include <vector>

#include "firmware/base/base64.h"
#include "firmware/base/spki.h"
#include "tools/acb-verify/keys.h"
#include "tools/acb-verify/manifest.h"

namespace acb::verify {
namespace {

constexpr std::uint64_t kMaxKeys = std::uint64_t{16} << 20;

Result<audit::List> Expected(const Bytes& spki, const std::string& origin,
                             const TrustHistory& trust) {
  const auto key = KeyFromSpki(origin, spki);
  if (!key) return key.error();
  const bool edwards = key->type == audit::NoteKey::Type::kEd25519;
  audit::List list;
  list.emplace_back(audit::Object{{"role", "checkpoint"},
                                  {"algorithm", edwards ? "Ed25519" : "ECDSA P-256"},
                                  {"spki", ToBase64(spki)},
                                  {"vkey", audit::FormatKey(*key)},
                                  {"from", "0"}});
  std::map<std::string, std::vector<Sha256Digest>> last;
  for (const TrustHistory::AcbKeys& keys : trust.AcbKeyHistory()) {
    for (const auto& [role, member] :
         {std::pair("acb-digital-signing", &TrustHistory::AcbPair::digital_signing),
          std::pair("acb-key-agreement", &TrustHistory::AcbPair::key_agreement)}) {
      std::vector<Sha256Digest> in_use;
      for (const TrustHistory::AcbPair& pair : keys.pairs) in_use.push_back(pair.*member);
      for (const Sha256Digest& sha256 : in_use) {
        if (std::ranges::find(last[role], sha256) != last[role].end()) continue;
        const auto certificate = trust.CertificateOf(sha256);
        if (!certificate) return certificate.error();
        const auto point = (*certificate)->public_point();
        if (!point) return Failure(Reason::kMalformed, "a certificate of the ACB has no key");
        list.emplace_back(audit::Object{{"role", role},
                                        {"algorithm", "ECDSA P-256"},
                                        {"spki", ToBase64(SpkiOfP256(*point))},
                                        {"certificate_sha256", ToHex(sha256)},
                                        {"from", std::to_string(keys.from)}});
      }
      last[role] = in_use;
    }
  }
  return list;
}

}  // namespace

void CheckKeyHistory(const ExportFile& file, const std::string& origin, const TrustHistory& trust,
                     Findings& findings) {
  const auto spki = KeyInExport(file);
  if (!spki) return findings.Fails(spki.error().explanation);
  auto expected = Expected(*spki, origin, trust);
  if (!expected) return findings.Fails("keys.json: " + expected.error().explanation);
  const auto text = file.ReadWhole("keys.json", kMaxKeys);
  const std::size_t keys = expected->size();
  if (!text || *text != audit::CanonicalJson(audit::Object{{"keys", *std::move(expected)}})) {
    return findings.Fails("keys.json is not what trust.json and the certificates say of the keys");
  }
  findings.Verified(std::to_string(keys) +
                    " keys in keys.json: each is that of a certificate here, from the start on "
                    "that names it, or the checkpoint key");
}

}  // namespace acb::verify
