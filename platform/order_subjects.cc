#include "platform/order_subjects.h"

#include <algorithm>

#include "firmware/base/eui64.h"
#include "firmware/checks/suspension.h"

namespace acb::platform {
namespace {

// The same for every order of the RDNs.
std::string PartsOf(const smki::Name& name) {
  std::vector<std::string> parts;
  for (const smki::Name::Attribute& attribute : name.attributes) {
    parts.push_back(checks::IssuerSubject(smki::Name{{attribute}}));
  }
  std::ranges::sort(parts);
  std::string text;
  for (const std::string& part : parts) text += part + "\n";  // no value holds a line end
  return text;
}

}  // namespace

HeldNames HeldNames::Of(const store::Store& store, const smki::TrustSettings& settings) {
  HeldNames held;
  for (const smki::CertificatePtr& root : settings.roots) held.Add(root->subject());
  for (const smki::NamedAnchor& anchor : settings.named_anchors) held.Add(anchor.name);
  const auto material = store.LoadTrustMaterial();
  if (!material) return held;
  for (const Bytes& der : material->certificates) {
    const auto certificate = smki::Certificate::Parse(der);
    if (!certificate) continue;
    held.Add((*certificate)->subject());
    held.Add((*certificate)->issuer());
  }
  return held;
}

void HeldNames::Add(const smki::Name& name) {
  const std::string text = checks::IssuerSubject(name);
  if (names_.insert(text).second) by_parts_.emplace(PartsOf(name), text);
}

std::vector<std::string> HeldNames::InOtherOrders(const smki::Name& name) const {
  std::vector<std::string> found;
  const auto [begin, end] = by_parts_.equal_range(PartsOf(name));
  for (auto one = begin; one != end; ++one) found.push_back(one->second);
  return found;
}

std::vector<std::string> SubjectsThatMatchNothing(const store::Store& store,
                                                  const std::vector<Suspension>& rows,
                                                  const HeldNames& held) {
  std::vector<std::string> nothing;
  const auto keep = [&](const auto& matches) {
    for (const Suspension& row : rows) {
      if (!matches(row.subject)) nothing.push_back(row.subject);
    }
  };
  switch (rows.front().scope) {
    case SuspensionScope::kParty: {
      const auto parties = store.ListParties();
      if (!parties) break;
      std::set<std::string> names;
      for (const PartyRecord& party : *parties) names.insert(party.party);
      keep([&](const std::string& subject) { return names.contains(subject); });
      break;
    }
    case SuspensionScope::kDevice: {
      const auto records = store.Open();
      if (!records) break;
      keep([&](const std::string& subject) {
        const auto known = (*records)->FindDevice(*Eui64::FromText(subject));
        return !known || known->has_value();
      });
      break;
    }
    case SuspensionScope::kIssuer:
      keep([&](const std::string& subject) { return held.Has(subject); });
      break;
    // Anybody's certificate may have that subject, also one that comes with a request.
    case SuspensionScope::kSubject:
    case SuspensionScope::kAll:
      break;
  }
  return nothing;
}

}  // namespace acb::platform
