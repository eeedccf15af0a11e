// R-SEC3-29: the ACB signs only while its own certificates are in date, in order and not revoked.
#pragma once

#include <vector>

#include "firmware/base/result.h"
#include "firmware/ports.h"
#include "firmware/records.h"
#include "firmware/smki/trust.h"

namespace acb::checks {

// The ACB's certificates, whose private keys the HSM holds. One EUI-64 for both.
struct AcbCertificates {
  smki::CertificatePtr digital_signing;
  smki::CertificatePtr key_agreement;
  Eui64 eui64{0};
  AcbKeyId key_id{};  // of the digital signing key

  // kAcbCert when they are not a DS and a KA certificate of role ACB (OU 04) and one EUI-64.
  static Result<AcbCertificates> From(smki::CertificatePtr digital_signing,
                                      smki::CertificatePtr key_agreement);
};

// Which of the key pairs in use, oldest first, signs for a device whose cell is this one: the one
// that the cell holds, or the oldest where that is not known. `in_use` is not empty. Fails with
// kAcbCert when the cell holds a pair that is not in use here: no signature of ours would be
// obeyed.
Result<std::size_t> ChooseAcbKeys(const CellState& cell, const std::vector<AcbKeyId>& in_use);

// What is on record of both: neither revoked in the SMKI Repository, nor their subject blocked.
// Fails with kAcbCert, or as reading does.
Status CheckAcbOnRecord(const Records& records, const AcbCertificates& acb);

// Path and status of both at `at`. Fails with kAcbCert; the explanation says what is wrong.
Status CheckAcbCertificates(const smki::Trust& trust, const AcbCertificates& acb, UtcTime at);

}  // namespace acb::checks
