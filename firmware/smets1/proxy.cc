#include "firmware/smets1/proxy.h"

#include <algorithm>

#include "firmware/checks/eligibility.h"
#include "firmware/checks/registration.h"

namespace acb::smets1 {
namespace {

constexpr ProxySource kSources[] = {ProxySource::kDsp, ProxySource::kS1sp};

std::optional<ProxyCertificate> Of(ProxySource source, const std::vector<ProxyCertificate>& rows) {
  const auto found = std::ranges::find(rows, source, &ProxyCertificate::source);
  return found == rows.end() ? std::nullopt : std::optional(*found);
}

UserRole NetworkOperatorRole(DeviceType type) {
  const bool gas = type == DeviceType::kGpf || type == DeviceType::kGsme;
  return gas ? UserRole::kGasTransporter : UserRole::kElectricityDistributor;
}

// Short name; empty when the register does not know.
Result<std::string> PartyOf(const Records& records, Eui64 eui, const Device& device, UtcTime at) {
  const auto rows = records.FindUser(eui);
  if (!rows) return rows.error();
  const PartyRecord* row = checks::RowOfRole(*rows, NetworkOperatorRole(device.type), at);
  return row == nullptr ? std::string() : row->party;
}

// Nothing: unmapped.
Result<std::optional<Registration>> NetworkRegistration(const Records& records,
                                                        const Device& device, UtcTime at) {
  auto row = checks::RegistrationAt(records, device.mpxn, at);
  if (row && row->has_value() && (*row)->network_operator.empty()) row->reset();
  return row;
}

// R-107-2, R-107-8: every source is asked, and none is believed against the other.
void TestOwnership(const std::vector<ProxyCertificate>& rows, Eui64 sender,
                   UpdateFinding& finding) {
  for (const ProxySource source : kSources) {
    const auto row = Of(source, rows);
    if (row && row->owner == sender) continue;
    finding.failed.push_back(
        {UpdateTest::kOwnership,
         std::string(Name(source)) +
             (row ? " names " + row->owner.Hyphenated() + " as owner" : " names no owner")});
  }
}

// R-107-2.
void TestRegistration(UtcTime at, UpdateFinding& finding) {
  std::string why;
  if (finding.registered_party.empty()) {
    why = "no network operator is registered for the meter point";
  } else if (finding.sender_party.empty()) {
    why = "the sender is no network operator in the register of parties";
  } else if (finding.sender_party != finding.registered_party) {
    why = finding.registered_party + " is registered for the meter point";
  } else {
    return;
  }
  finding.failed.push_back({UpdateTest::kRegistration, why + " at " + at.Iso()});
}

DeadlockFinding& FindingOf(Eui64 owner, std::vector<DeadlockFinding>& findings) {
  const auto found = std::ranges::find(findings, owner, &DeadlockFinding::owner);
  if (found != findings.end()) return *found;
  findings.emplace_back().owner = owner;
  return findings.back();
}

bool SameCertificate(std::string_view left, std::string_view right) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(left, right, {}, lower, lower);
}

std::optional<ReconciliationException::Kind> JudgeDevice(const std::optional<Device>& device) {
  if (!device) return ReconciliationException::Kind::kDeviceUnknown;
  switch (device->smets) {
    case SmetsGeneration::kUnknown:
      return ReconciliationException::Kind::kGenerationUnknown;
    case SmetsGeneration::kSmets1:
      return {};
    case SmetsGeneration::kSmets2:
      return ReconciliationException::Kind::kNotSmets1;
  }
  return ReconciliationException::Kind::kGenerationUnknown;
}

}  // namespace

std::string_view Name(UpdateTest test) {
  switch (test) {
    case UpdateTest::kOwnership:
      return "ownership";
    case UpdateTest::kRegistration:
      return "registration";
  }
  return {};
}

std::string_view Name(DeadlockFinding::State state) {
  switch (state) {
    case DeadlockFinding::State::kDeadlock:
      return "deadlock";
    case DeadlockFinding::State::kOwnerUnknown:
      return "owner-unknown";
    case DeadlockFinding::State::kUnmapped:
      return "unmapped";
  }
  return {};
}

std::string_view Name(ReconciliationException::Kind kind) {
  switch (kind) {
    case ReconciliationException::Kind::kCopiesDiffer:
      return "copies-differ";
    case ReconciliationException::Kind::kCopyMissing:
      return "copy-missing";
    case ReconciliationException::Kind::kNotSmets1:
      return "not-smets1";
    case ReconciliationException::Kind::kGenerationUnknown:
      return "generation-unknown";
    case ReconciliationException::Kind::kDeviceUnknown:
      return "device-unknown";
  }
  return {};
}

Result<std::optional<UpdateFinding>> EvaluateUpdate(const Records& records, const Device& device,
                                                    Eui64 sender,
                                                    std::span<const Eui64> replacements,
                                                    UtcTime at) {
  // R-107-6: for the other generation registration is not asked.
  if (device.smets != SmetsGeneration::kSmets1) return std::optional<UpdateFinding>();
  const auto rows = records.FindProxyCertificates(device.id);
  if (!rows) return rows.error();
  const auto registration = NetworkRegistration(records, device, at);
  if (!registration) return registration.error();
  auto party = PartyOf(records, sender, device, at);
  if (!party) return std::move(party).error();

  UpdateFinding finding;
  finding.sender_party = *std::move(party);
  if (registration->has_value()) finding.registered_party = (*registration)->network_operator;
  TestOwnership(*rows, sender, finding);
  TestRegistration(at, finding);
  // R-107-4: of the rightful sender only.
  const bool own = std::ranges::all_of(replacements, [&](Eui64 each) { return each == sender; });
  if (finding.passes() && !own) {
    finding.observations.emplace_back(Describe(Reason::kReplacementNotSender).name);
  }
  return std::optional(std::move(finding));
}

Result<std::vector<DeadlockFinding>> FindDeadlocks(const Records& records, const Device& device,
                                                   const std::vector<ProxyCertificate>& rows,
                                                   UtcTime at) {
  std::vector<DeadlockFinding> findings;
  // R-107-3: of SMETS1 devices.
  if (device.smets != SmetsGeneration::kSmets1 || rows.empty()) return findings;
  const auto registration = NetworkRegistration(records, device, at);
  if (!registration) return registration.error();
  for (const ProxyCertificate& row : rows) {
    FindingOf(row.owner, findings).sources.push_back(row.source);
  }
  for (DeadlockFinding& finding : findings) {
    auto party = PartyOf(records, finding.owner, device, at);
    if (!party) return std::move(party).error();
    finding.owner_party = *std::move(party);
    if (finding.owner_party.empty()) finding.state = DeadlockFinding::State::kOwnerUnknown;
    if (registration->has_value()) {
      finding.registered_party = (*registration)->network_operator;
      finding.registered_since = (*registration)->from;
    } else {
      finding.state = DeadlockFinding::State::kUnmapped;
    }
  }
  std::erase_if(findings, [](const DeadlockFinding& finding) {
    return finding.state == DeadlockFinding::State::kDeadlock &&
           finding.owner_party == finding.registered_party;
  });
  return findings;
}

std::vector<ReconciliationException> Reconcile(const std::optional<Device>& device,
                                               const std::vector<ProxyCertificate>& rows) {
  using Kind = ReconciliationException::Kind;
  std::vector<ReconciliationException> exceptions;
  if (rows.empty()) return exceptions;
  const auto dsp = Of(ProxySource::kDsp, rows);
  const auto s1sp = Of(ProxySource::kS1sp, rows);
  // R-107-8: reported with what both say; never chosen.
  if (!dsp || !s1sp) {
    exceptions.push_back({Kind::kCopyMissing, dsp, s1sp});
  } else if (dsp->owner != s1sp->owner || !SameCertificate(dsp->certificate, s1sp->certificate)) {
    exceptions.push_back({Kind::kCopiesDiffer, dsp, s1sp});
  }
  if (const auto kind = JudgeDevice(device)) exceptions.push_back({*kind, dsp, s1sp});
  return exceptions;
}

}  // namespace acb::smets1
