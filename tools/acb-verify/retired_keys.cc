#include "tools/acb-verify/retired_keys.h"

#include "tools/acb-verify/members.h"

namespace acb::verify {

void RetiredKeys::SeeCeremony(std::uint64_t index, const audit::Object& entry) {
  const std::string_view act = TextOf(entry, "act");
  if ((act != "retire" && act != "destroy") || !IsTrue(entry, "complete")) return;
  const audit::List* list = ListOf(entry, "keys");
  if (list == nullptr) return;
  for (const audit::Value& value : *list) {
    const auto* key = std::get_if<audit::Object>(&value.get());
    const audit::Object* certificate = key != nullptr ? ObjectOf(*key, "certificate") : nullptr;
    if (certificate != nullptr)
      retired_.try_emplace(std::string(TextOf(*certificate, "sha256")), index);
  }
}

Status RetiredKeys::CheckSigned(const audit::Object& entry) const {
  const audit::Object* certificate = ObjectOf(entry, "acb_certificate");
  if (certificate == nullptr) return Done{};
  const auto found = retired_.find(TextOf(*certificate, "sha256"));
  if (found == retired_.end()) return Done{};
  return Failure(Reason::kAcbCert, "it is signed with a key of the ACB that ceremony " +
                                       std::to_string(found->second) + " took out of use");
}

}  // namespace acb::verify
