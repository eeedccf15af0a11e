#include "hsm/module.h"

#include <dlfcn.h>

#include <string>

namespace acb::hsm {
namespace {

Failure CannotLoad(const std::filesystem::path& path, const std::string& why) {
  return Failure{Reason::kHsmUnavailable, {}, "PKCS#11 module " + path.string() + ": " + why};
}

// dlerror() gives nothing when the last call of this thread did not fail.
std::string LoaderError() {
  const char* text = dlerror();
  return text == nullptr ? "unknown error" : text;
}

}  // namespace

void Module::CloseLibrary::operator()(void* library) const noexcept { dlclose(library); }

Result<std::unique_ptr<Module>> Module::Load(const std::filesystem::path& path) {
  if (!path.is_absolute()) {
    return Failure{
        Reason::kConfiguration, {}, "PKCS#11 module is not an absolute path: " + path.string()};
  }
  Library library(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (!library) return CannotLoad(path, LoaderError());
  void* const entry = dlsym(library.get(), "C_GetFunctionList");
  if (entry == nullptr) return CannotLoad(path, LoaderError());

  CK_FUNCTION_LIST* functions = nullptr;
  const ReturnValue listed(reinterpret_cast<CK_C_GetFunctionList>(entry)(&functions));
  if (!listed.ok()) return CannotLoad(path, "C_GetFunctionList: " + listed.Text());
  if (functions == nullptr || functions->C_Initialize == nullptr) {
    return CannotLoad(path, "its function list is empty");
  }

  CK_C_INITIALIZE_ARGS arguments{};
  arguments.flags = CKF_OS_LOCKING_OK;
  // Not through Call: a Module, whose destructor calls C_Finalize, exists only once this succeeded.
  const ReturnValue initialised(functions->C_Initialize(&arguments));
  if (!initialised.ok()) return CannotLoad(path, "C_Initialize: " + initialised.Text());
  return std::unique_ptr<Module>(new Module(std::move(library), functions));
}

Module::~Module() {
  // A module that cannot be finalised is left as it is: the process is about to end.
  static_cast<void>(Call(&CK_FUNCTION_LIST::C_Finalize, nullptr));
}

}  // namespace acb::hsm
