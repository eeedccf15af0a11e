#include "firmware/smki/revocation_list.h"

#include <algorithm>

#include "firmware/smki/certificate_fields.h"
#include "firmware/smki/name_der.h"

namespace acb::smki {
namespace {

constexpr std::size_t kMaxListOctets = std::size_t{64} * 1024 * 1024;

// The value of a non-negative INTEGER without its leading zeros, right-aligned.
std::optional<std::array<std::uint8_t, CrlNumber::kOctets>> Magnitude(BytesView content) {
  if (content.empty() || (content[0] & 0x80) != 0) return std::nullopt;
  while (!content.empty() && content[0] == 0) content = content.subspan(1);
  std::array<std::uint8_t, CrlNumber::kOctets> value{};
  if (content.size() > value.size()) return std::nullopt;
  std::copy(content.begin(), content.end(), value.end() - static_cast<long>(content.size()));
  return value;
}

// RFC 5280 section 5.3: an entry extension that is critical and not understood makes the list
// unusable; certificateIssuer belongs to indirect lists, which are refused as a whole.
bool AreEntryExtensionsSound(const der::Element& extensions) {
  const auto all = ParseExtensions(extensions);
  if (!all) return false;
  return std::ranges::all_of(*all, [](const Extension& extension) {
    const std::string_view id = AsText(extension.id);
    return !extension.critical || id == oid::kReasonCode || id == oid::kInvalidityDate;
  });
}

// issuingDistributionPoint (RFC 5280 section 5.2.5): nothing for a list that is only a part. We
// read a distribution point name as a part, because no certificate of the profile names one.
std::optional<RevocationList::Scope> ScopeOf(BytesView distribution_point) {
  if (der::FindFault(distribution_point)) return std::nullopt;
  der::Reader outer(distribution_point);
  der::Reader fields(outer.Take(der::kSequence));
  const auto users = fields.TakeIf(der::ContextPrimitive(1));
  const auto authorities = fields.TakeIf(der::ContextPrimitive(2));
  const auto is_true = [](const std::optional<der::Element>& flag) {
    return !flag || (flag->content.size() == 1 && flag->content[0] == 0xff);
  };
  // [0] distributionPoint, [3] onlySomeReasons, [4] indirectCRL, [5] attribute certificates stay
  // unread.
  if (!outer.Finished() || !fields.Finished() || !is_true(users) || !is_true(authorities)) {
    return std::nullopt;
  }
  if (users && authorities) return std::nullopt;
  if (users) return RevocationList::Scope::kUsersOnly;
  if (authorities) return RevocationList::Scope::kAuthoritiesOnly;
  return std::nullopt;  // an empty one is not allowed
}

}  // namespace

std::optional<CrlNumber> CrlNumber::FromInteger(BytesView content) {
  const auto value = Magnitude(content);
  if (!value) return std::nullopt;
  CrlNumber number;
  number.value_ = *value;
  return number;
}

std::string CrlNumber::Text() const {
  constexpr std::size_t kHigh = kOctets - sizeof(std::uint64_t);
  const BytesView octets(value_);
  if (std::ranges::any_of(octets.first(kHigh), [](std::uint8_t octet) { return octet != 0; })) {
    return "0x" + ToHex(octets);
  }
  return std::to_string(ByteReader(octets.subspan(kHigh)).U64());
}

Result<RevocationListPtr> RevocationList::Parse(BytesView der) {
  const auto refuse = [](const std::string& why) {
    return Failure(Reason::kCrlStale, "the octets are not a usable revocation list: " + why);
  };
  if (der.size() > kMaxListOctets) return refuse("it has more than 64 MiB");
  if (const auto fault = der::FindFault(der, der::Integers::kMayBePadded)) return refuse(*fault);
  std::shared_ptr<RevocationList> list(new RevocationList(ToBytes(der)));
  if (const char* field = list->Read()) return refuse(field);
  list->sha256_ = Sha256(list->der_);
  return RevocationListPtr(std::move(list));
}

// RFC 5280 section 5.1.
const char* RevocationList::Read() {
  der::Reader outer(der_);
  der::Reader list(outer.Take(der::kSequence));
  const der::Element tbs = list.Take(der::kSequence);
  const der::Element algorithm = list.Take(der::kSequence);
  const auto signature = der::WholeOctets(list.Take(der::kBitString));
  if (!outer.Finished() || !list.Finished() || !signature) {
    return "tbsCertList, signatureAlgorithm, signatureValue expected";
  }
  if (!IsEcdsaSha256(algorithm.whole)) return "ecdsa-with-SHA256 without parameters expected";
  tbs_ = tbs.whole;
  signature_ = *signature;
  return ReadTbs(tbs.content);
}

const char* RevocationList::ReadTbs(BytesView content) {
  der::Reader tbs(content);
  const BytesView version = tbs.Take(der::kInteger).content;
  if (!tbs.ok() || version.size() != 1 || version[0] != 1) return "version 2 expected";
  if (!IsEcdsaSha256(tbs.Take(der::kSequence).whole)) {
    return "ecdsa-with-SHA256 without parameters expected in tbsCertList";
  }
  const der::Element issuer = tbs.Take(der::kSequence);
  auto name = tbs.ok() ? ParseName(issuer.whole) : std::nullopt;
  if (!name || name->attributes.empty()) return "issuer is no name";
  issuer_ = *std::move(name);
  const auto this_update = ParseTime(tbs.Take());
  if (!this_update || !this_update->InRequiredForm()) return "thisUpdate is no time";
  // R-SEC3-14: without nextUpdate nobody can say when the list is stale. ParseTime refuses what is
  // there in its place.
  const auto next_update = ParseTime(tbs.Take());
  if (!next_update || !next_update->InRequiredForm()) return "nextUpdate expected";
  this_update_ = this_update->time;
  next_update_ = next_update->time;
  if (const auto entries = tbs.TakeIf(der::kSequence)) {
    if (const char* fault = ReadEntries(entries->content)) return fault;
  }
  const auto extensions = tbs.TakeIf(der::ContextConstructed(0));
  if (!extensions || !tbs.Finished()) return "crlExtensions expected at the end";
  return ReadExtensions(extensions->content);
}

const char* RevocationList::ReadEntries(BytesView content) {
  // RFC 5280 section 5.1.2.6: absent when there are none.
  if (content.empty()) return "revokedCertificates is there and empty";
  der::Reader entries(content);
  while (entries.ok() && !entries.AtEnd()) {
    der::Reader entry(entries.Take(der::kSequence));
    const auto serial = Magnitude(entry.Take(der::kInteger).content);
    const auto date = ParseTime(entry.Take());
    if (!serial || !date) return "an entry has no serial number of up to 20 octets and date";
    if (const auto extensions = entry.TakeIf(der::kSequence)) {
      if (!AreEntryExtensionsSound(*extensions))
        return "an entry has an unknown critical extension";
    }
    if (!entry.Finished()) return "an entry has unknown fields";
    entries_.push_back({*serial, date->time});
  }
  if (!entries.Finished()) return "revokedCertificates is no list";
  std::ranges::sort(entries_);
  return nullptr;
}

const char* RevocationList::ReadExtensions(BytesView tagged) {
  der::Reader reader(tagged);
  const der::Element list = reader.Take(der::kSequence);
  const auto extensions = reader.Finished() ? ParseExtensions(list) : std::nullopt;
  if (!extensions) return "crlExtensions is no list of extensions";
  bool numbered = false;
  for (const Extension& extension : *extensions) {
    const std::string_view id = AsText(extension.id);
    if (CountExtensions(*extensions, id) != 1) return "an extension occurs twice";
    // RFC 5280 sections 5.2.1 and 5.2.3: both are marked not critical.
    const bool plain = id == oid::kCrlNumber || id == oid::kAuthorityKeyIdentifier;
    if (plain && extension.critical) {
      return "cRLNumber or authorityKeyIdentifier is marked critical";
    }
    if (id == oid::kCrlNumber) {
      der::Reader number(extension.value);
      const BytesView content = number.Take(der::kInteger).content;
      const auto value = CrlNumber::FromInteger(content);
      if (!number.Finished() || !der::IsMinimalInteger(content) || !value) {
        return "cRLNumber is no number of up to 20 octets";
      }
      number_ = *value;
      numbered = true;
    } else if (id == oid::kAuthorityKeyIdentifier) {
      const auto identifier = DecodeAuthorityKeyIdentifier(extension.value);
      if (!identifier) return "authorityKeyIdentifier is malformed";
      authority_key_identifier_ = identifier->key_identifier;
    } else if (id == oid::kDeltaCrlIndicator) {
      return "it is a delta";
    } else if (id == oid::kIssuingDistributionPoint) {
      const auto scope = ScopeOf(extension.value);
      if (!scope) return "it covers only a part (issuingDistributionPoint)";
      scope_ = *scope;
    } else if (extension.critical) {
      return "it has an unknown critical extension";
    }
  }
  return numbered ? nullptr : "cRLNumber expected";
}

std::optional<UtcTime> RevocationList::RevokedAt(BytesView serial) const {
  const auto value = Magnitude(serial);
  if (!value) return {};
  const auto entry = std::ranges::lower_bound(entries_, *value, {}, &Entry::serial);
  if (entry == entries_.end() || entry->serial != *value) return {};
  return entry->revoked;
}

bool RevocationList::VerifyBy(const VerifyingKey& key) const {
  return key.VerifyDer(tbs_, signature_);
}

bool RevocationList::VerifyBy(const PublicPoint& point) const {
  const auto key = VerifyingKey::From(point);
  return key && VerifyBy(*key);
}

std::string RevocationList::Label() const {
  return "list number " + number_.Text() + " of " + issuer_.Text() + ", thisUpdate " +
         this_update_.Iso() + ", nextUpdate " + next_update_.Iso();
}

}  // namespace acb::smki
