// A device PKI of the tests' own: a root, issuing CAs, devices.
#pragma once

#include <string>

#include "tests/firmware/smki/builder.h"

namespace acb::smki::testing {

inline constexpr Eui64 kTestDevice{0x00DB1234567890A0};

inline Bytes DeviceCaName(std::string_view cn) { return Seq({Rdn("2.5.4.3", Printable(cn))}); }

// The value of subjectAltName with hardwareModuleName (gbcs-cs02b.md 9.4).
inline Bytes HardwareModuleNames(Eui64 device) {
  const Bytes serial = Tlv(0x04, ByteWriter().U64(device.value()).bytes());
  const Bytes module = Seq({Oid("1.2.826.0.1.8641679.1.2.2.1"), serial});
  const Bytes other = Tlv(0xa0, Join({Oid("1.3.6.1.5.5.7.8.4"), Tlv(0xa0, module)}));
  return Seq({other});
}
inline Bytes HardwareModuleName(Eui64 device) {
  return Ext("2.5.29.17", HardwareModuleNames(device), true);
}

// As a good key agreement certificate of the device; issuer by IssuedBy.
inline CertificateBuilder DeviceCertificateBuilder(const TestKey& key, Eui64 device = kTestDevice) {
  CertificateBuilder builder(key);
  builder.subject = Seq({});
  builder.key_usage = Ext("2.5.29.15", Hex("03020308"), true);
  builder.more_extensions = HardwareModuleName(device);
  return builder;
}

// A root (path length 1) or, issued by IssuedBy, an issuing CA (path length 0).
inline CertificateBuilder DeviceCaBuilder(const TestKey& key, std::string_view cn, bool root) {
  CertificateBuilder builder = CertificateBuilder::Authority(key, root ? "00" : "07", cn);
  builder.subject = DeviceCaName(cn);
  if (root) builder.issuer = builder.subject;
  return builder;
}

}  // namespace acb::smki::testing
