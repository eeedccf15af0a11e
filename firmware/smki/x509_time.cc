#include "firmware/smki/x509_time.h"

#include <array>
#include <string_view>

namespace acb::smki {

bool X509Time::InRequiredForm() const {
  static const UtcTime k2050 = UtcTime::FromIso("2050-01-01T00:00:00Z").value();
  return generalized == (k2050 <= time);
}

std::optional<X509Time> ParseTime(const der::Element& element) {
  const bool generalized = element.tag == der::kGeneralizedTime;
  if (!generalized && element.tag != der::kUtcTime) return std::nullopt;
  std::string_view digits = AsText(element.content);
  if (digits.size() != (generalized ? 15 : 13) || digits.back() != 'Z') return std::nullopt;
  // RFC 5280 section 4.1.2.5.1: YY below 50 is 20YY.
  const std::string_view century =
      generalized ? digits.substr(0, 2) : (digits[0] < '5' ? "20" : "19");
  if (generalized) digits.remove_prefix(2);
  std::array<char, 20> iso;
  std::string_view("YYyy-MM-DDThh:mm:ssZ").copy(iso.data(), iso.size());
  century.copy(iso.data(), 2);
  for (const unsigned at : {2u, 5u, 8u, 11u, 14u, 17u}) {
    digits.copy(iso.data() + at, 2);
    digits.remove_prefix(2);
  }
  if (iso[11] == '2' && iso[12] == '4') return std::nullopt;  // XML's: DER has one form of midnight
  const auto time = UtcTime::FromIso({iso.data(), iso.size()});
  if (!time) return std::nullopt;
  return X509Time{*time, generalized};
}

}  // namespace acb::smki
