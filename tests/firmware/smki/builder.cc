#include "tests/firmware/smki/builder.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>

#include "firmware/base/handle.h"
#include "firmware/smki/key_identifier.h"

namespace acb::smki::testing {
namespace {

const std::string_view kEcdsaSha256 = "300a06082a8648ce3d040302";

Bytes Extensions(std::initializer_list<Bytes> extensions) {
  const Bytes all = Join(extensions);
  return all.empty() ? Bytes{} : Tlv(0xa3, Tlv(0x30, all));
}

Bytes AkiExtension(const PublicPoint& key) {
  return Ext("2.5.29.35", Seq({Tlv(0x80, KeyIdentifier(key))}), false);
}

}  // namespace

Bytes Tlv(std::uint8_t tag, BytesView content) {
  ByteWriter writer;
  writer.U8(tag);
  if (content.size() < 0x80) {
    writer.U8(static_cast<std::uint8_t>(content.size()));
  } else if (content.size() < 0x100) {
    writer.U8(0x81).U8(static_cast<std::uint8_t>(content.size()));
  } else if (content.size() < 0x10000) {
    writer.U8(0x82).U16(static_cast<std::uint16_t>(content.size()));
  } else {
    writer.U8(0x83).U8(static_cast<std::uint8_t>(content.size() >> 16));
    writer.U16(static_cast<std::uint16_t>(content.size()));
  }
  writer.Raw(content);
  return std::move(writer).bytes();
}

Bytes Join(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Bytes Seq(std::initializer_list<Bytes> parts) { return Tlv(0x30, Join(parts)); }
Bytes Hex(std::string_view hex) { return FromHex(hex).value(); }
Bytes Utf8(std::string_view text) { return Tlv(0x0c, AsBytes(text)); }
Bytes Printable(std::string_view text) { return Tlv(0x13, AsBytes(text)); }

Bytes Oid(std::string_view dotted) {
  std::vector<std::uint64_t> arcs;
  while (!dotted.empty()) {
    const std::size_t dot = dotted.find('.');
    arcs.push_back(std::stoull(std::string(dotted.substr(0, dot))));
    dotted.remove_prefix(dot == std::string_view::npos ? dotted.size() : dot + 1);
  }
  arcs[1] += arcs[0] * 40;
  Bytes content;
  for (std::size_t i = 1; i < arcs.size(); ++i) {
    Bytes digits{static_cast<std::uint8_t>(arcs[i] & 0x7f)};
    for (std::uint64_t rest = arcs[i] >> 7; rest != 0; rest >>= 7) {
      digits.insert(digits.begin(), static_cast<std::uint8_t>(0x80 | (rest & 0x7f)));
    }
    content.insert(content.end(), digits.begin(), digits.end());
  }
  return Tlv(0x06, content);
}

Bytes Rdn(std::string_view type, const Bytes& value) { return Tlv(0x31, Seq({Oid(type), value})); }

Bytes Ext(std::string_view id, const Bytes& value, bool critical) {
  return Seq({Oid(id), critical ? Hex("0101ff") : Bytes{}, Tlv(0x04, value)});
}

TestKey::TestKey() : key_(EVP_EC_gen("P-256"), EVP_PKEY_free) {}

PublicPoint TestKey::point() const {
  PublicPoint point;
  std::size_t size = 0;
  EXPECT_EQ(EVP_PKEY_get_octet_string_param(key_.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                            point.size(), &size),
            1);
  EXPECT_EQ(size, point.size());
  return point;
}

Bytes TestKey::Sign(BytesView message) const {
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  EXPECT_EQ(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()), 1);
  Bytes signature(128);
  std::size_t size = signature.size();
  EXPECT_EQ(EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()),
            1);
  signature.resize(size);
  return signature;
}

Bytes AuthorityName(std::string_view ou, std::string_view cn) {
  return Seq({Rdn("2.5.4.11", Printable(ou)), Rdn("2.5.4.3", Printable(cn))});
}

CertificateBuilder::CertificateBuilder(const TestKey& subject_key)
    : version(Hex("a003020102")),
      serial(Hex("02104fc0252e553ecd05d4f72dcfad55c8e7")),
      inner_algorithm(Hex(kEcdsaSha256)),
      outer_algorithm(Hex(kEcdsaSha256)),
      issuer(AuthorityName("07", "T1")),
      validity(Seq({Time("200101000000Z"), Time("441231235959Z")})),
      subject(Seq({Rdn("2.5.4.11", Utf8("02")), Rdn("2.5.4.45", Hex("03090090b3d51f30010000"))})),
      spki(Seq({Hex("301306072a8648ce3d020106082a8648ce3d030107"),
                Tlv(0x03, Join({Bytes{0}, ToBytes(subject_key.point())}))})),
      key_usage(Ext("2.5.29.15", Hex("03020780"), true)),
      ski(Ext("2.5.29.14", Tlv(0x04, KeyIdentifier(subject_key.point())), false)),
      policies(Ext("2.5.29.32", Seq({Seq({Oid(kPolicy)})}), true)),
      aki(Ext("2.5.29.35", Hex("300a80084f5688d7ec933be2"), false)) {}

CertificateBuilder CertificateBuilder::Authority(const TestKey& subject_key, std::string_view ou,
                                                 std::string_view cn) {
  CertificateBuilder builder(subject_key);
  builder.subject = AuthorityName(ou, cn);
  builder.key_usage = Ext("2.5.29.15", Hex("03020106"), true);
  const bool root = ou == "00";
  builder.basic_constraints = Ext("2.5.29.19", Hex(root ? "30030101ff" : "30060101ff020100"), true);
  if (root) {
    builder.issuer = builder.subject;
    builder.aki = {};
  }
  return builder;
}

void CertificateBuilder::IssuedBy(const Bytes& name, const PublicPoint& key) {
  issuer = name;
  aki = AkiExtension(key);
}

Bytes CertificateBuilder::Build(const TestKey& signer) const {
  const Bytes tbs =
      Seq({version, serial, inner_algorithm, issuer, validity, subject, spki, unique_ids,
           Extensions({basic_constraints, key_usage, ski, policies, aki, more_extensions})});
  return Seq({tbs, outer_algorithm, Tlv(0x03, Join({Bytes{0}, signer.Sign(tbs)}))});
}

CertificatePtr CertificateBuilder::Parsed() const {
  auto certificate = Certificate::Parse(Build(TestKey()));
  if (!certificate) {
    ADD_FAILURE() << certificate.error().explanation;
    std::abort();
  }
  return *certificate;
}

ListBuilder::ListBuilder(const Bytes& issuer_name, const PublicPoint& issuer_key)
    : version(Hex("020101")),
      algorithm(Hex(kEcdsaSha256)),
      issuer(issuer_name),
      this_update(Time("261121110000Z")),
      next_update(Time("261122000000Z")),
      aki(AkiExtension(issuer_key)),
      number(CrlNumberExtension(Hex("020105"))) {}

void ListBuilder::Revoke(const Bytes& serial_integer, const Bytes& entry_extensions) {
  const Bytes entry = Seq({serial_integer, Time("260101000000Z"), entry_extensions});
  entries = Join({entries.value_or(Bytes{}), entry});
}

Bytes ListBuilder::Build(const TestKey& signer) const {
  const Bytes extensions = Join({aki, number, more_extensions});
  const Bytes tbs = Seq({version, algorithm, issuer, this_update, next_update,
                         entries ? Tlv(0x30, *entries) : Bytes{},
                         extensions.empty() ? Bytes{} : Tlv(0xa0, Tlv(0x30, extensions))});
  return Seq({tbs, algorithm, Tlv(0x03, Join({Bytes{0}, signer.Sign(tbs)}))});
}

Bytes CrlNumberExtension(const Bytes& integer) { return Ext("2.5.29.20", integer, false); }

Bytes Time(std::string_view utc) { return Tlv(utc.size() == 13 ? 0x17 : 0x18, AsBytes(utc)); }

}  // namespace acb::smki::testing
