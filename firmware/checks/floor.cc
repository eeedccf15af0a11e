#include "firmware/checks/floor.h"

namespace acb::checks {
namespace {

Status CheckOne(std::string_view element, const std::optional<FloorSeqNumber>& floor,
                std::uint64_t limit) {
  if (!floor || floor->value() <= limit) return Done{};
  return Failure(Reason::kFloorLimit, std::string(element) + " is " +
                                          std::to_string(floor->value()) + ", above the limit " +
                                          std::to_string(limit));
}

}  // namespace

Result<std::vector<std::string>> CheckRequestedFloor(const duis::HandoverRequest& request,
                                                     const Policy& policy) {
  const std::uint64_t limit = policy.requested_floor_limit;
  Status floor = CheckOne("RemotePartyFloorSeqNumber", request.floor, limit);
  if (!floor) return std::move(floor).error();
  floor =
      CheckOne("RemotePartyPrepaymentTopUpFloorSeqNumber", request.prepayment_top_up_floor, limit);
  if (!floor) return std::move(floor).error();
  if (!request.floor && policy.refuse_absent_floor) {
    return Failure(
        Reason::kFloorLimit,
        "RemotePartyFloorSeqNumber is missing, and this appliance is set to refuse that");
  }
  std::vector<std::string> observations;
  if (!request.floor) observations.emplace_back(Describe(Reason::kFloorAbsent).name);
  return observations;
}

}  // namespace acb::checks
