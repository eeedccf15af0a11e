#include "firmware/smki/x509_time.h"

#include <string>

namespace acb::smki {

bool X509Time::InRequiredForm() const {
  const std::string iso = time.Iso();  // starts with four digits of the year
  return generalized == (iso.compare(0, 4, "2050") >= 0);
}

std::optional<X509Time> ParseTime(const der::Element& element) {
  const bool generalized = element.tag == der::kGeneralizedTime;
  if (!generalized && element.tag != der::kUtcTime) return std::nullopt;
  std::string digits(AsText(element.content));
  if (digits.size() != (generalized ? 15 : 13) || digits.back() != 'Z') return std::nullopt;
  // RFC 5280 section 4.1.2.5.1: YY below 50 is 20YY.
  if (!generalized) digits.insert(0, digits[0] < '5' ? "20" : "19");
  const std::string iso = digits.substr(0, 4) + "-" + digits.substr(4, 2) + "-" +
                          digits.substr(6, 2) + "T" + digits.substr(8, 2) + ":" +
                          digits.substr(10, 2) + ":" + digits.substr(12, 2) + "Z";
  const auto time = UtcTime::FromIso(iso);
  if (!time) return std::nullopt;
  return X509Time{*time, generalized};
}

}  // namespace acb::smki
