#include "firmware/feeds/devices.h"

#include "firmware/base/base64.h"
#include "firmware/feeds/field.h"
#include "firmware/smki/device_profile.h"

namespace acb::feeds {
namespace {

constexpr std::size_t kMaxModel = 64;

// Subject key identifier of the ACB's certificate in the cell: 16 hexadecimal digits.
Result<std::optional<AcbKeyId>> KeyField(const CsvRow& row, std::string_view column) {
  if (!row.Has(column) || row.Get(column).empty()) return std::optional<AcbKeyId>();
  const auto octets = FromHex(row.Get(column));
  if (!octets || octets->size() != sizeof(AcbKeyId)) {
    return Rejected(column, "a subject key identifier, 16 hexadecimal digits, or nothing",
                    row.Get(column));
  }
  return std::optional(AcbKeyId{ByteReader(*octets).U64()});
}

Result<CellState> CellField(const CsvRow& row, std::string_view cell_column,
                            std::string_view floor_column, std::string_view key_column) {
  CellState cell;
  const std::string_view holder = row.Get(cell_column);
  if (holder == "acb") {
    cell.holder = CellState::Holder::kAcb;
  } else if (!holder.empty()) {
    const auto party = Eui64::FromText(holder);
    if (!party) return Rejected(cell_column, "acb, an EUI-64, or nothing", holder);
    cell.holder = CellState::Holder::kParty;
    cell.party = *party;
  }
  const auto floor = FloorField(row, floor_column);
  if (!floor) return floor.error();
  cell.floor = *floor;
  const auto key = KeyField(row, key_column);
  if (!key) return key.error();
  if (key->has_value() && cell.holder != CellState::Holder::kAcb) {
    return Rejected(key_column, "nothing, as the cell is not acb", row.Get(key_column));
  }
  cell.acb_key = *key;
  return cell;
}

Result<SmetsGeneration> GenerationField(const CsvRow& row) {
  const std::string_view text = row.Get("smets");
  if (text == "SMETS1") return SmetsGeneration::kSmets1;
  if (text == "SMETS2") return SmetsGeneration::kSmets2;
  if (text.empty()) return SmetsGeneration::kUnknown;
  return Rejected("smets", "SMETS1, SMETS2 or nothing", text);
}

// GBCS has device keys on P-256 only; a point off the curve would leak the ACB's key
// (invalid-curve).
Status ReadKeyAgreement(const CsvRow& row, const CertificateCheck& check, const KeyCheck& key_alone,
                        Device& device) {
  constexpr std::string_view kColumn = "key_agreement_certificate";
  const std::string_view text = row.Get(kColumn);
  if (text.empty()) return Done{};
  const auto der = FromBase64(text);
  if (!der) return Rejected(kColumn, "base64 of a DER certificate", text);
  // Most rows are good, and then there is nothing to explain.
  const auto facts = smki::ReadDeviceKey(*der);
  if (facts && facts->usage == KeyUsage::kKeyAgreement && facts->device == device.id && key_alone &&
      key_alone(*facts)) {
    device.key_agreement = facts->point;
    device.key_agreement_certificate = facts->sha256;
    return Done{};
  }
  const auto certificate = smki::Certificate::Parse(*der);
  if (!certificate) return Rejected(kColumn, "a certificate", certificate.error().explanation);
  const auto point = (*certificate)->public_point();
  if (!point) return Rejected(kColumn, "a key on P-256", (*certificate)->Label());
  if ((*certificate)->key_usage() != KeyUsage::kKeyAgreement) {
    return Rejected(kColumn, "keyUsage keyAgreement and nothing else", (*certificate)->Label());
  }
  // Another device's key would give MACs that this one refuses.
  if (smki::DeviceEui64(**certificate) != device.id) {
    return Rejected(kColumn,
                    "the certificate of device " + device.id.Plain() + " (hardwareModuleName)",
                    (*certificate)->Label());
  }
  if (const Status profile = smki::CheckDeviceProfile(**certificate); !profile) {
    return Failure(Reason::kFeedRejected,
                   std::string(kColumn) + ": " + profile.error().explanation);
  }
  if (const Status path = check(**certificate); !path) {
    return Failure(Reason::kFeedRejected, std::string(kColumn) + ": " + path.error().explanation);
  }
  device.key_agreement = *point;
  device.key_agreement_certificate = (*certificate)->sha256();
  return Done{};
}

}  // namespace

const std::vector<std::string>& DeviceColumns() {
  static const std::vector<std::string> kColumns = {"device_id",
                                                    "type",
                                                    "smets",
                                                    "model",
                                                    "smi_status",
                                                    "commissioned",
                                                    "mpxn",
                                                    "key_agreement_certificate",
                                                    "supplier_cell",
                                                    "supplier_floor",
                                                    "network_operator_cell",
                                                    "network_operator_floor"};
  return kColumns;
}

const std::vector<std::string>& OptionalDeviceColumns() {
  static const std::vector<std::string> kColumns = {"communications_hub", "supplier_acb_key",
                                                    "network_operator_acb_key"};
  return kColumns;
}

Result<Device> ParseDevice(const CsvRow& row) {
  return ParseDeviceWith(
      row, [](const smki::Certificate&) -> Status { return Done{}; },
      [](const smki::DeviceKeyFacts&) { return true; });
}

Result<Device> ParseDeviceWith(const CsvRow& row, const CertificateCheck& check,
                               const KeyCheck& key_alone) {
  Device device;
  const auto id = EuiField(row, "device_id");
  if (!id) return id.error();
  device.id = *id;
  const auto type = DeviceTypeFromName(row.Get("type"));
  if (!type)
    return Rejected("type", "ESME, GSME, GPF, CHF, HCALCS, PPMID, IHD or CAD", row.Get("type"));
  const auto smets = GenerationField(row);
  if (!smets) return smets.error();
  const auto status = SmiStatusFromName(row.Get("smi_status"));
  if (!status) return Rejected("smi_status", "a status as in DUIS", row.Get("smi_status"));
  const auto commissioned = OptionalTimeField(row, "commissioned");
  if (!commissioned) return commissioned.error();
  auto model = TextField(row, "model", 0, kMaxModel);
  if (!model) return std::move(model).error();
  if (!row.Get("mpxn").empty()) {
    const auto mpxn = MpxnField(row, "mpxn");
    if (!mpxn) return mpxn.error();
    device.mpxn = *mpxn;
  }
  const auto supplier = CellField(row, "supplier_cell", "supplier_floor", "supplier_acb_key");
  if (!supplier) return supplier.error();
  const auto network_operator =
      CellField(row, "network_operator_cell", "network_operator_floor", "network_operator_acb_key");
  if (!network_operator) return network_operator.error();
  if (row.Has("communications_hub") && !row.Get("communications_hub").empty()) {
    const auto hub = EuiField(row, "communications_hub");
    if (!hub) return hub.error();
    device.communications_hub = *hub;
  }
  if (const Status key = ReadKeyAgreement(row, check, key_alone, device); !key) return key.error();

  device.type = *type;
  device.smets = *smets;
  device.model = *std::move(model);
  device.smi_status = *status;
  device.commissioned = *commissioned;
  device.supplier = *supplier;
  device.network_operator = *network_operator;
  return device;
}

}  // namespace acb::feeds
