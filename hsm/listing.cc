#include "hsm/listing.h"

#include <memory>
#include <thread>
#include <utility>

#include "hsm/data_objects.h"
#include "hsm/login.h"
#include "hsm/module.h"
#include "hsm/token.h"

namespace acb::hsm {
namespace {

// A process that logs in without our lock may hide the token for a moment (ecosystem.md section 3,
// quirk 3).
constexpr int kLabelTries = 20;
constexpr std::chrono::milliseconds kLabelPause{50};

struct Seen {
  std::unique_ptr<Module> module;
  Token token;
};

Result<std::unique_ptr<Login>> LogIn(const HsmSettings& settings, const Seen& seen) {
  return Login::Open(*seen.module, seen.token, User::kUser, settings.pin.Reveal(),
                     SessionAccess::kReadOnly);
}

Result<Seen> LoadUntilTokenIsSeen(const HsmSettings& settings) {
  for (int left = kLabelTries;; --left) {
    auto module = Module::Load(settings.module_path);
    if (!module) return std::move(module).error();
    auto token = FindToken(**module, settings.token_label);
    if (token) return Seen{*std::move(module), *std::move(token)};
    if (left <= 1) return std::move(token).error();
    // A module looks for its tokens when it is initialised.
    std::exchange(*module, nullptr).reset();
    std::this_thread::sleep_for(kLabelPause);
  }
}

}  // namespace

Result<std::vector<Bytes>> ListWithNewModule(const HsmSettings& settings,
                                             std::string_view application,
                                             std::chrono::milliseconds patience) {
  auto lock = StartLock::Acquire(settings.lock_file, patience);
  if (!lock) return std::move(lock).error();
  auto seen = LoadUntilTokenIsSeen(settings);
  if (!seen) return std::move(seen).error();
  auto login = LogIn(settings, *seen);
  if (!login) return std::move(login).error();
  auto objects = ReadDataObjects((*login)->session(), application);
  if (!objects) return std::move(objects).error();
  std::vector<Bytes> octets;
  for (DataObject& object : *objects) octets.push_back(std::move(object.octets));
  return octets;
}

}  // namespace acb::hsm
