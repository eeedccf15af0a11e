#include "firmware/checks/device.h"

namespace acb::checks {
namespace {

// gbcs-cs02b.md 4.3: an ESME and a GPF have cells of both roles, a GSME of the supplier only. No
// other type is shown to have any.
bool HasCells(DeviceType type, RemotePartyRole role) {
  switch (type) {
    case DeviceType::kEsme:
    case DeviceType::kGpf:
      return true;
    case DeviceType::kGsme:
      return role == RemotePartyRole::kSupplier;
    case DeviceType::kChf:
    case DeviceType::kHcalcs:
    case DeviceType::kPpmid:
    case DeviceType::kIhd:
    case DeviceType::kCad:
      return false;
  }
  return false;
}

// The permitted set for 6.21 is not public (duis-6.21.md 3.3, row 12). We read it as: installed, or
// about to be, and in service.
bool MayBeCommanded(SmiStatus status) {
  switch (status) {
    case SmiStatus::kWhitelisted:
    case SmiStatus::kInstalledNotCommissioned:
    case SmiStatus::kCommissioned:
    case SmiStatus::kRecovered:
      return true;
    case SmiStatus::kPending:
    case SmiStatus::kDecommissioned:
    case SmiStatus::kWithdrawn:
    case SmiStatus::kSuspended:
    case SmiStatus::kRecovery:
      return false;
  }
  return false;
}

// R-SEC3-71: a suspended communications hub suspends its meters. A hub that is recorded with the
// device but not known itself cannot be judged.
Status CheckHub(const Records& records, const Device& device) {
  if (!device.communications_hub) return Done{};
  const auto hub = records.FindDevice(*device.communications_hub);
  if (!hub) return hub.error();
  const std::string named =
      "the device's communications hub " + device.communications_hub->Hyphenated();
  if (!hub->has_value()) return Failure(Reason::kDeviceStatus, named + " is not known here");
  if ((*hub)->smi_status == SmiStatus::kSuspended) {
    return Failure(Reason::kDeviceStatus, named + " is suspended");
  }
  return Done{};
}

}  // namespace

Status CheckCell(const CellState& cell, RemotePartyRole role) {
  const std::string which(Name(role));
  switch (cell.holder) {
    case CellState::Holder::kUnknown:
      return Failure(Reason::kCellUnknown, "the " + which + " cells' holder is not recorded");
    case CellState::Holder::kParty:
      return Failure(Reason::kCellNotAcb,
                     "the " + which + " cells are recorded as another party's");
    case CellState::Holder::kAcb:
      break;
  }
  if (!cell.floor) {
    return Failure(Reason::kCounterUnknown, "no floor is recorded for the " + which + " cells");
  }
  return Done{};
}

Result<Device> FindKnownDevice(const Records& records, Eui64 id) {
  auto found = records.FindDevice(id);
  if (!found) return std::move(found).error();
  if (!found->has_value()) {
    return Failure(Reason::kDeviceUnknown, "device " + id.Hyphenated() + " is not known here");
  }
  return **std::move(found);
}

Status CheckDevice(const Records& records, const Device& device, RemotePartyRole role) {
  if (device.smets != SmetsGeneration::kSmets2) {
    return Failure(Reason::kSmets1Proxy, device.smets == SmetsGeneration::kSmets1
                                             ? "the device is SMETS1"
                                             : "the device's SMETS generation is not recorded");
  }
  if (!HasCells(device.type, role)) {
    return Failure(Reason::kDeviceType, "a device of type " + std::string(Name(device.type)) +
                                            " has no " + std::string(Name(role)) + " cells");
  }
  if (!MayBeCommanded(device.smi_status)) {
    return Failure(Reason::kDeviceStatus,
                   "the device's SMI status is " + std::string(Name(device.smi_status)));
  }
  if (Status hub = CheckHub(records, device); !hub) return hub;
  if (Status cell = CheckCell(device.cell(role), role); !cell) return cell;
  if (!device.key_agreement) {
    return Failure(Reason::kFeedStale, "the device's key agreement certificate was not imported");
  }
  return Done{};
}

}  // namespace acb::checks
