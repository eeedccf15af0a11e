// What a ceremony took out of use signs nothing any more (R-SEC3-45).
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "firmware/audit/entry.h"
#include "firmware/base/result.h"

namespace acb::verify {

// By the ceremonies of the log, as far as they are in it. One thread.
class RetiredKeys {
 public:
  // Complete ceremonies that retire or destroy; other entries say nothing here.
  void SeeCeremony(std::uint64_t index, const audit::Object& entry);
  // Of a signed entry: its acb_certificate is of no key that went out of use before. kAcbCert.
  Status CheckSigned(const audit::Object& entry) const;

 private:
  std::map<std::string, std::uint64_t, std::less<>> retired_;  // SHA-256 of the certificate: index
};

}  // namespace acb::verify
