#include "tools/bench/scratch_store.h"

#include <string>
#include <utility>

namespace acb::bench {

Result<std::unique_ptr<ScratchStore>> ScratchStore::Open(const std::filesystem::path& parent,
                                                         UtcTime now) {
  std::unique_ptr<ScratchStore> made(new ScratchStore(parent));
  store::OpenSettings settings;
  settings.directory = made->directory_.path() / "store";
  settings.volume = VolumeLimits{0, 0, 0, 0};
  const store::Identity identity{store::Environment::kTest, store::StoreId{6}, now};
  if (Status created = store::Store::Create(settings.directory, identity); !created) {
    return created.error();
  }
  {
    const auto fresh = store::Store::Open(settings);
    if (!fresh) return fresh.error();
    Status first =
        (*fresh)->Provision(made->anchors_, audit::Entry("provision", now), settings.anchor_every);
    if (!first) return first.error();
  }
  auto store = store::Store::Open(settings);
  if (!store) return std::move(store).error();
  made->store_ = *std::move(store);
  Status started = made->store_->Start(made->anchors_, {audit::Entry("start", now)});
  if (!started) return started.error();
  return made;
}

Device ScratchDevice(Eui64 id, std::uint64_t number) {
  Device device;
  device.id = id;
  device.type = DeviceType::kEsme;
  device.smets = SmetsGeneration::kSmets2;
  device.model = "Model-7";
  device.smi_status = SmiStatus::kCommissioned;
  device.commissioned = UtcTime::FromIso("2024-02-03T04:05:06Z");
  device.mpxn = std::to_string(1'300'000'000'000 + number);
  device.key_agreement.emplace();
  device.key_agreement->fill(0x5A);
  device.key_agreement->front() = 0x04;
  for (CellState* cell : {&device.supplier, &device.network_operator}) {
    cell->holder = CellState::Holder::kAcb;
    cell->floor = FloorSeqNumber::From(0);
  }
  return device;
}

}  // namespace acb::bench
