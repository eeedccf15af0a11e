#include "firmware/base/trust_anchor_cell.h"

namespace acb {

std::string_view Name(RemotePartyRole role) {
  switch (role) {
    case RemotePartyRole::kRoot:
      return "Root";
    case RemotePartyRole::kRecovery:
      return "Recovery";
    case RemotePartyRole::kSupplier:
      return "Supplier";
    case RemotePartyRole::kNetworkOperator:
      return "NetworkOperator";
    case RemotePartyRole::kAccessControlBroker:
      return "ACB";
    case RemotePartyRole::kTransitionalCos:
      return "TransCoS";
    case RemotePartyRole::kWanProvider:
      return "WANProvider";
    case RemotePartyRole::kIssuingAuthority:
      return "IssuingAuthority";
    case RemotePartyRole::kLoadController:
      return "LoadController";
    case RemotePartyRole::kOther:
      return "Other";
  }
  return "Other";
}

}  // namespace acb
