// The register of the ACB's keys: what ceremonies made of each (R-SEC3-40, R-SEC3-41).
//
// ACB roles only: digital signing and key agreement (R-SEC3-47). A generation is a pair of both,
// which come into use and go out of use together: a device holds the certificates of one pair.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/audit/entry.h"
#include "firmware/base/result.h"
#include "firmware/base/time.h"
#include "firmware/records.h"
#include "firmware/smki/certificate.h"

namespace acb::keys {

enum class Role { kDigitalSigning, kKeyAgreement };
std::string_view Name(Role role);  // "digital-signing", "key-agreement"
// kRole: a recovery, root, issuing, transitional CoS, WAN provider or other key is not held here
// (R-SEC3-47).
Result<Role> RoleFromName(std::string_view name);
KeyUsage UsageOf(Role role);

// In this order, and no other: retired without having been in use apart.
enum class State { kGenerated, kRequested, kAccepted, kActive, kRetired, kDestroyed };
std::string_view Name(State state);  // "generated", "requested" ...

inline constexpr std::uint32_t kMaxGeneration = 9'999;
// "acb-ds", "acb-ka" are generation 1; "acb-ds-2" and so on.
std::string LabelOf(Role role, std::uint32_t generation);
struct LabelParts {
  Role role;
  std::uint32_t generation;
};
std::optional<LabelParts> PartsOf(std::string_view label);

struct Transition {
  State state;
  UtcTime at{0};
  std::vector<std::string> operators;
};

// R-074-4: what is on record of a certificate request.
struct RequestRecord {
  Sha256Digest sha256{};     // of the PKCS#10 in DER
  std::string channel;       // by which it goes to the DCC
  std::string person;        // who is authorised to send it
  std::string organisation;  // the applicant
  std::string approval;      // the reference of the approval
};

struct KeyRecord {
  std::string label;
  Role role = Role::kDigitalSigning;
  std::uint32_t generation = 1;
  State state = State::kGenerated;
  PublicPoint point{};
  bool generated_in_token = true;
  std::string place;         // where it was generated
  std::string token_serial;  // in which module
  std::string custodians;    // who keeps module and credentials
  std::string backups;       // what backups of it there are, or were
  std::optional<RequestRecord> request;
  smki::CertificatePtr certificate;     // null: none yet
  std::vector<Transition> transitions;  // the first: generated
};

inline constexpr std::size_t kMaxText = 200;
// 1 to kMaxText visible characters of ASCII. kConfiguration.
Status CheckText(std::string_view option, std::string_view text);

// As the log's entries and the register have it.
audit::Object Describe(const KeyRecord& key);

class Register {
 public:
  static constexpr std::size_t kMaxKeys = 256;
  // What Serialise gave. kRecordDamaged.
  static Result<Register> Parse(std::string_view text);
  std::string Serialise() const;

  const std::vector<KeyRecord>& keys() const { return keys_; }
  const KeyRecord* Find(std::string_view label) const;
  // In the place of the record of that label, or as a new one.
  void Put(KeyRecord key);
  // Both keys of a generation; kConfiguration when one is missing or not in `state`.
  Status CheckPair(std::uint32_t generation, State state) const;
  std::vector<std::uint32_t> ActiveGenerations() const;  // rising
  // The ACB's EUI-64, by the certificates on record.
  std::optional<Eui64> Identity() const;

 private:
  std::vector<KeyRecord> keys_;
};

// Moves `key` on. kConfiguration: not from its state; the explanation says what comes first
// (R-SEC3-41: out of order, the ceremony ends).
Status Advance(KeyRecord& key, State to, UtcTime at, const std::vector<std::string>& operators);

}  // namespace acb::keys
