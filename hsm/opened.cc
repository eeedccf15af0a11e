#include "hsm/opened.h"

#include <utility>

namespace acb::hsm {

Result<Opened> OpenToken(HsmSettings& settings, SessionAccess access) {
  auto module = Module::Load(settings.module_path);
  if (!module) return std::move(module).error();
  auto token = FindToken(**module, settings.token_label);
  if (!token) return std::move(token).error();
  auto login = Login::Open(**module, *token, User::kUser, std::move(settings.pin), access);
  if (!login) return std::move(login).error();
  return Opened{*std::move(module), *std::move(token), *std::move(login)};
}

}  // namespace acb::hsm
